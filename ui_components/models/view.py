"""One model's card, and what is under way for it, as HTML. Pure functions."""

import html
import re
from collections.abc import Sequence
from urllib.parse import urlencode

from qal.engine.model_directory import MeasuredWer
from ui_components.app.background_commands import Errand
from ui_components.models.inventory import Model
from ui_components.models.table import NOTHING, parameters, short, size, wer
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import minutes, sentence_html

DOWNLOAD = "qal/model.zip"  # relative to the page, so that it holds behind a proxy, too


def details_html(model: Model) -> str:
    """All that is known of one model."""
    title = f"<h3>{html.escape(short(model.title))}</h3>"
    if model.problem:
        return f'<div class="qal-card">{title}{_facts([("Where", _place(model))])}</div>{_problem(model)}'
    facts = [
        ("Where", _place(model)),
        ("Made from", html.escape(model.base) if model.base != model.title else ""),
        ("Hears", html.escape(_context_sentence(model))),
        ("Languages", html.escape(_languages_sentence(model))),
        ("Size", _size_sentence(model)),
        ("Measured", _measured_sentence(model.measured)),
        ("Licence", html.escape(model.licence)),
    ]
    told = "".join(f"<li>{_marked(sentence)}</li>" for sentence in model.data)
    learned = f"<details><summary>What it was trained on</summary><ul>{told}</ul></details>" if told else ""
    return f'<div class="qal-card">{title}{_facts([(k, v) for k, v in facts if v])}{learned}</div>'


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts) + "</dl>"


def _problem(model: Model) -> str:
    return f'<div class="qal-note problem">{sentence_html(model.problem)}</div>'


def _place(model: Model) -> str:
    if model.directory is None:
        return "not on this machine yet"
    return f"<code>{html.escape(str(model.directory))}</code>"


def _context_sentence(model: Model) -> str:
    if model.adaptive:
        return "what is said and a little more (adaptive context): several times faster"
    return "30 s at a time, however short the speech"


def _languages_sentence(model: Model) -> str:
    """All of them where it was tuned for some, else how many."""
    if model.languages:
        return "tuned for " + ", ".join(sorted(LANGUAGE_NAMES.get(c, c).capitalize() for c in model.languages))
    count = model.dimensions.languages if model.dimensions else 0
    return "English" if count == 1 else f"{count} of them" if count else ""


def _size_sentence(model: Model) -> str:
    d = model.dimensions
    shape = f"{d.encoder_layers} + {d.decoder_layers} layers, width {d.width}, {d.heads} heads" if d else ""
    parts = [f"{parameters(d)} parameters" if d else "", shape, size(model)]
    return html.escape(", ".join(part for part in parts if part and part != NOTHING))


def _measured_sentence(measured: MeasuredWer | None) -> str:
    if not measured:
        return "not yet; fine-tune it, or evaluate it on a corpus"
    return f"{wer(measured)} of words wrong on {html.escape(measured.corpus) or 'its test rows'}"


def _marked(sentence: str) -> str:
    """The card's sentences are Markdown: **bold** and `code`."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(sentence))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def download_link(key: str, form: str, title: str) -> str:
    address = html.escape(f"{DOWNLOAD}?{urlencode({'name': key, 'form': form})}")
    return f'<a class="qal-link" href="{address}" download>{html.escape(title)}</a>'


def errands_html(errands: Sequence[Errand], links: dict[str, str]) -> str:
    """What is under way and what has ended; `links` by the errand's key."""
    return "".join(_errand(errand, links.get(errand.key, "")) for errand in errands)


def _errand(errand: Errand, link: str) -> str:
    about, key = html.escape(errand.about), html.escape(errand.key)
    if errand.is_running:
        share = errand.share()
        width = "" if share is None else f' style="width:{100 * share:.0f}%"'
        bar = f'<div class="qal-bar{" waits" if share is None else ""}"><i{width}></i></div>'
        said = html.escape(errand.last_line()[-120:]) or "beginning"
        stop = f'<button type="button" class="qal-small" data-stop="{key}">Stop</button>'
        head = f"<b>{about}</b><span>{minutes(errand.seconds)}</span>{stop}"
        return f'<div class="qal-errand"><div class="facts">{head}</div>{bar}<p class="qal-muted">{said}</p></div>'
    close = f'<button type="button" class="qal-small" data-forget="{key}">Close</button>'
    if errand.failed:
        why = sentence_html(errand.reason())
        return f'<div class="qal-errand problem"><div class="facts"><b>{about}</b>{close}</div><p>{why}</p></div>'
    done = link or "<span>Done.</span>"
    return f'<div class="qal-errand"><div class="facts"><b>{about}</b>{done}{close}</div></div>'
