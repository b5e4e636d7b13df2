"""The HTML of evaluations: list, figures, groups, confusions and examples. Pure functions; all text is escaped."""

import html
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from qal.corpus.left_out import describe_left_out
from qal.evaluation.alignment import align
from qal.evaluation.breakdown import Figures, Group, RateFigure
from qal.evaluation.comparison.differences import ALPHA, Difference
from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.confusions import Confusion
from qal.evaluation.records import Evaluation
from qal.text.error_measure import percent, percent_interval, score_basis
from ui_components.evaluate.report.texts import evaluation_facts
from ui_components.evaluate.results.stored import Listed
from ui_components.widgets.aligned_text import aligned_html
from ui_components.widgets.markup import minutes, note_html

NOTHING = "∅"  # for a missing side
NO_EVALUATIONS = "There is no evaluation yet. Choose a model and a dataset under *New evaluation*.".replace("*", "`")
NO_ROWS = "No example is scored yet. The figures appear with the first ones."
NAMES = {"finished": "Finished", "running": "Running", "stopped": "Stopped", "failed": "Failed"}
MAX_GROUPS = 200  # shown; the CSV report has all
MAX_CONFUSIONS = 30


def list_html(listed: Sequence[Listed], chosen: str, titles: Callable[[str], str]) -> str:
    """The evaluations as a table; the chosen one is marked.

    Args:
        listed: the evaluations.
        chosen: id of the chosen one.
        titles: returns the name of a model."""
    if not listed:
        return note_html(NO_EVALUATIONS)
    head = _head("Model", "Dataset", "Error rate", "Split", "Utterances", "Normaliser", "State", "Started")
    body = "".join(_line(item, item.evaluation.id == chosen, titles) for item in listed)
    return (
        '<div class="qal-table qal-evaluations" data-scrolls tabindex="0" aria-label="Evaluations">'
        f"<table>{head}<tbody>{body}</tbody></table></div>"
    )


def _line(item: Listed, is_chosen: bool, titles: Callable[[str], str]) -> str:
    evaluation, figures = item.evaluation, item.figures
    rate = figures.deciding.error_rate.named_text if figures else "–"
    count = figures.utterances if figures else 0
    of_total = f" of {evaluation.total:,}" if item.state != "finished" and evaluation.total else ""
    cells = [
        _pick(evaluation.id, titles(evaluation.model), is_chosen),
        html.escape(evaluation.corpus),
        rate,
        evaluation.split,
        f"{count:,}{of_total}",
        html.escape(item.normaliser),
        NAMES.get(item.state, "Interrupted"),
        time.strftime("%Y-%m-%d %H:%M", time.localtime(evaluation.started)),
    ]
    marked = ' class="chosen"' if is_chosen else ""
    return f"<tr{marked}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def summary_html(evaluation: Evaluation, analysis: ErrorAnalysis | None, title: str) -> str:
    """The figures of an evaluation, the deciding error rate first, and the settings that they rest on."""
    head = f"<h3>{html.escape(title)} on {html.escape(evaluation.corpus)}</h3>"
    problem = note_html(evaluation.problem, problem=True)
    if analysis is None:
        return f'<div class="qal-card qal-score">{head}{problem}<p>{NO_ROWS}</p></div>'
    figures = analysis.figures
    basis = score_basis(evaluation.split, figures.utterances, figures.words, analysis.normaliser.id)
    left_out = describe_left_out(evaluation.left_out)
    so_far = f" · {figures.utterances:,} of {evaluation.total:,} so far" if is_partial(evaluation) else ""
    return (
        f'<div class="qal-card qal-score">{head}{problem}'
        f'<p class="rate"><b>{figures.measure} {percent(figures.deciding.rate)}</b> '
        f"<span>95 % interval {_interval(figures.deciding)}</span></p>"
        f'<p class="qal-muted">{html.escape(basis)} · {minutes(figures.seconds)} of audio{so_far}</p>'
        + (f'<p class="qal-muted">{html.escape(left_out)}</p>' if left_out else "")
        + f"{_list(figure_facts(figures))}<details><summary>Settings</summary>{_list(evaluation_facts(evaluation))}"
        "</details></div>"
    )


def is_partial(evaluation: Evaluation) -> bool:
    return evaluation.state != "finished"


def figure_facts(figures: Figures) -> list[tuple[str, str]]:
    """The figures besides the deciding error rate, as names and values."""
    other = figures.cer if figures.measure == "WER" else figures.wer
    edits = figures.edits
    facts = [(other.measure, f"{percent(other.rate)} ({_interval(other)})")]
    if figures.by_speaker:
        text = f"{_interval(figures.by_speaker)} by draws of {figures.speakers} speakers"
        facts.append((f"{figures.measure} interval by speaker", text))
    return [
        *facts,
        ("Match error rate (MER)", percent(figures.mer)),
        ("Word information lost (WIL)", percent(figures.wil)),
        ("Substitutions", f"{edits.substitutions:,}"),
        ("Deletions", f"{edits.deletions:,}"),
        ("Insertions", f"{edits.insertions:,}"),
        *([("Real-time factor (RTF)", f"{figures.rtf:.3f}")] if figures.rtf is not None else []),
    ]


def groups_html(groups: Sequence[Group], chosen: str) -> str:
    """Groups of examples with their figures; a click on one shows its examples. "" without groups."""
    if not groups:
        return ""
    measure = groups[0].figures.measure
    head = _head("Group", measure, "95 % interval", "Utterances", "Words", "RTF")
    body = ""
    for group in groups[:MAX_GROUPS]:
        rate = group.figures.deciding
        rtf = "–" if group.figures.rtf is None else f"{group.figures.rtf:.3f}"
        cells = (percent(rate.rate), _interval(rate), f"{group.figures.utterances:,}", f"{group.figures.words:,}", rtf)
        button = _pick(group.name, group.name, group.name == chosen)
        body += f"<tr><td>{button}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    return _scrolling_table(head, body)


def confusions_html(found: Sequence[Confusion], chosen: str) -> str:
    """The word errors that occur most; a click on one shows its examples. "" without errors."""
    if not found:
        return ""
    head, body = _head("Reference → prediction", "Times", "Utterances"), ""
    for confusion in found[:MAX_CONFUSIONS]:
        button = _pick(pair_key(confusion), pair_text(confusion), pair_key(confusion) == chosen)
        body += f"<tr><td>{button}</td><td>{confusion.count:,}</td><td>{len(confusion.rows):,}</td></tr>"
    return _scrolling_table(head, body)


def pair_text(confusion: Confusion) -> str:
    return f"{confusion.reference or NOTHING} → {confusion.hypothesis or NOTHING}"


def pair_key(confusion: Confusion) -> str:
    return f"{confusion.reference}\t{confusion.hypothesis}"


def examples_html(
    analysis: ErrorAnalysis, indices: Sequence[int], total: int, title: str, audio: Callable[[str], Path | None]
) -> str:
    """Examples with their reference and prediction aligned, and a player.

    Args:
        analysis: the errors of the evaluation.
        indices: the examples.
        total: the number of examples that fulfil the conditions.
        title: the conditions.
        audio: returns the file of an example, None if it cannot be played."""
    shown = "" if len(indices) == total else f", the first {len(indices):,} are shown"
    counted = f"{total:,} example{'' if total == 1 else 's'}"
    head = f'<p class="qal-muted" role="status">{html.escape(title)}: {counted}{shown}.</p>'
    return f'{head}<div class="qal-samples">{"".join(_example(analysis, i, audio) for i in indices)}</div>'


def _example(analysis: ErrorAnalysis, index: int, audio: Callable[[str], Path | None]) -> str:
    row, counts = analysis.found.rows[index], analysis.found.counts
    rate = float(counts.errors[index] / np.maximum(1, counts.lengths[index]))
    errors = int(counts.errors[index])
    alignment = align(row.reference, row.hypothesis, row.language or None, analysis.normaliser)
    verdict = f"{counts.measure} {percent(rate)}" if errors else "Correct"
    snr = f"SNR {row.snr_db:.0f} dB" if row.snr_db is not None else ""
    facts = [row.speaker, f"{row.duration_s:.1f} s", snr, row.audio]
    return (
        f'<article><div class="facts">{player_html(audio(row.audio), row.audio)}'
        f'<span class="qal-badge{"" if errors else " on"}">{verdict}</span>'
        f'<span class="qal-muted">{html.escape(" · ".join(fact for fact in facts if fact))}</span></div>'
        f"{aligned_html(alignment.words, row.language)}</article>"
    )


def player_html(path: Path | None, name: str) -> str:
    """A player of a file that the server may send."""
    if path is None:
        return '<span class="qal-muted">Audio not available: outside the data folder, or deleted</span>'
    source = f"gradio_api/file={quote(str(path))}"
    return f'<audio controls preload="none" src="{source}" aria-label="{html.escape(name, quote=True)}"></audio>'


def difference_html(difference: Difference, measure: str, first: str, second: str, normaliser: str) -> str:
    """The paired difference of two evaluations in a sentence."""
    paired = difference.paired
    points, low, high = (100 * value for value in (paired.difference, paired.low, paired.high))
    names = f"<b>{html.escape(first)}</b>", f"<b>{html.escape(second)}</b>"
    if paired.p >= ALPHA:
        verdict = f"The difference of {names[0]} to {names[1]} is not significant."
    else:
        verdict = f"{names[0]} is {'better' if points < 0 else 'worse'} than {names[1]}."
    return (
        f'<div class="qal-note"><p role="status">{verdict}</p><p class="qal-muted">{measure} {points:+.1f} points '
        f"(95 % interval {low:+.1f} to {high:+.1f}), p = {paired.p:.4f}, paired on {difference.utterances:,} common "
        f"examples, normaliser {html.escape(normaliser)}.</p></div>"
    )


def _interval(rate: RateFigure) -> str:
    return f"{percent_interval(rate.low, rate.high)} %"


def _head(*names: str) -> str:
    return f"<thead><tr>{''.join(f'<th scope=col>{name}</th>' for name in names)}</tr></thead>"


def _list(facts: Sequence[tuple[str, str]]) -> str:
    items = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts)
    return f"<dl>{items}</dl>"


def _pick(key: str, text: str, is_chosen: bool) -> str:
    """A button that sends its key to the server."""
    pressed = "true" if is_chosen else "false"
    attributes = f'class="pick" dir="auto" data-key="{html.escape(key)}" aria-pressed="{pressed}"'
    return f'<button type="button" {attributes}>{html.escape(text)}</button>'


def _scrolling_table(head: str, body: str) -> str:
    opening = '<div class="qal-table qal-groups" data-scrolls tabindex="0">'
    return f"{opening}<table>{head}<tbody>{body}</tbody></table></div>"
