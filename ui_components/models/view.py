"""The details of a model and the list of background commands as HTML. Pure functions."""

import html
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from qal.engine.model_directory import MeasuredScore
from ui_components.app.background_commands import BackgroundCommand
from ui_components.models.inventory import Model
from ui_components.models.table import NO_VALUE, parameters_text, short_title, size_text
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import minutes, sentence_html

DOWNLOAD_URL = "qal/model.zip"  # relative to the page, because a proxy may serve the page under a path
MAX_SHOWN_LINE = 120  # characters


def details_html(model: Model, newest_evaluation: str = "") -> str:
    """The card of a model with all known facts; empty ones are left out.

    Args:
        model: the model.
        newest_evaluation: the HTML of the figures of its newest evaluation, "" without one."""
    title = f"<h3>{html.escape(short_title(model.title))}</h3>"
    if model.problem:
        problem = f'<div class="qal-note problem">{sentence_html(model.problem)}</div>'
        return f'<div class="qal-card">{title}{_definition_list([("Location", _location(model))])}</div>{problem}'
    facts = [
        ("Location", _location(model)),
        ("Base model", html.escape(model.base) if model.base != model.title else ""),
        ("Window", _window(model)),
        ("Languages", html.escape(_languages(model))),
        ("Size", _size(model)),
        ("Error rate", _score(model.measured)),
        ("Newest evaluation", newest_evaluation),
        ("Licence", html.escape(model.licence)),
    ]
    sentences = "".join(f"<li>{_markdown(sentence)}</li>" for sentence in model.data)
    data = f"<details><summary>Training data</summary><ul>{sentences}</ul></details>" if sentences else ""
    return f'<div class="qal-card">{title}{_definition_list(facts)}{data}</div>'


def _definition_list(facts: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts if value) + "</dl>"


def _location(model: Model) -> str:
    if model.directory is None:
        return "not downloaded"
    return f"<code>{html.escape(str(model.directory))}</code>"


def _window(model: Model) -> str:
    return "adaptive (faster)" if model.adaptive else "always 30 s"


def _languages(model: Model) -> str:
    """The number of languages of the vocabulary, and the languages that the model was fine-tuned for."""
    count = model.dimensions.languages if model.dimensions else 0
    vocabulary = "English" if count == 1 else str(count) if count else ""
    names = sorted(LANGUAGE_NAMES.get(code, code).capitalize() for code in model.languages)
    fine_tuned = f"fine-tuned for {', '.join(names)}" if names else ""
    return "; ".join(text for text in (vocabulary, fine_tuned) if text)


def _size(model: Model) -> str:
    d = model.dimensions
    shape = f"{d.encoder_layers} + {d.decoder_layers} layers, width {d.width}, {d.heads} heads" if d else ""
    texts = [f"{parameters_text(d)} parameters" if d else "", shape, size_text(model)]
    return html.escape(", ".join(text for text in texts if text and text != NO_VALUE))


def _score(measured: MeasuredScore | None) -> str:
    """The error rate that decides with its dataset, split, number of examples, normaliser and source."""
    if not measured:
        return "not evaluated"
    source = f"; source: {html.escape(measured.source)}" if measured.source else ""
    corpus = html.escape(measured.corpus) or "its own dataset"
    return f"{measured.error_rate.named_text} on {corpus} ({html.escape(measured.basis)}){source}"


def _markdown(sentence: str) -> str:
    """Escapes a sentence and renders Markdown's **bold** and `code`."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(sentence))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def download_link(key: str, form: str, title: str) -> str:
    """A link that downloads a model in an export format as a zip file."""
    address = html.escape(f"{DOWNLOAD_URL}?{urlencode({'name': key, 'form': form})}")
    return f'<a class="qal-link" href="{address}" download>{html.escape(title)}</a>'


def commands_html(commands: Sequence[BackgroundCommand], links: Mapping[str, str]) -> str:
    """The running and the ended commands. `links` holds the download links by command key."""
    return "".join(
        _running_command(command) if command.is_running else _ended_command(command, links.get(command.key, ""))
        for command in commands
    )


def _running_command(command: BackgroundCommand) -> str:
    title, key = html.escape(command.title), html.escape(command.key)
    progress = command.progress()
    width = "" if progress is None else f' style="width:{100 * progress:.0f}%"'
    bar = f'<div class="qal-bar{" waits" if progress is None else ""}"><i{width}></i></div>'
    line = html.escape(command.last_line()[-MAX_SHOWN_LINE:]) or "starting"
    stop = f'<button type="button" class="qal-small" data-stop="{key}">Stop</button>'
    head = f"<b>{title}</b><span>{minutes(command.duration_s)}</span>{stop}"
    return f'<div class="qal-background"><div class="facts">{head}</div>{bar}<p class="qal-muted">{line}</p></div>'


def _ended_command(command: BackgroundCommand, link: str) -> str:
    title, key = html.escape(command.title), html.escape(command.key)
    close = f'<button type="button" class="qal-small" data-dismiss="{key}">Close</button>'
    if command.has_failed:
        reason = sentence_html(command.error_reason())
        head = f'<div class="facts"><b>{title}</b>{close}</div>'
        return f'<div class="qal-background problem">{head}<p>{reason}</p></div>'
    result = link or "<span>Done.</span>"
    return f'<div class="qal-background"><div class="facts"><b>{title}</b>{result}{close}</div></div>'
