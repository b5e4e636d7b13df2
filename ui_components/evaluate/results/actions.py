"""Handlers of the results: the list, the chosen evaluation, its examples, a comparison, and the reports."""

import base64
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from pydantic import BaseModel

from qal.errors import EvaluationError
from qal.evaluation.comparison.differences import common_examples, difference
from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.search import RowFilter, find_rows
from qal.evaluation.records import Evaluation, read_rows
from qal.text.normalisation.registry import find_normaliser
from ui_components.app.studio import Studio
from ui_components.evaluate.errors.charts import GROUP_TITLES, error_charts
from ui_components.evaluate.report.files import report_files
from ui_components.evaluate.results import view
from ui_components.evaluate.results.stored import (
    Listed,
    analysis_of,
    evaluation_of,
    find_evaluation,
    known_normaliser,
    list_evaluations,
)
from ui_components.train.run.actions import is_served
from ui_components.train.run.charts import board_json
from ui_components.widgets.choices import Choices, model_choices

STORED = ""  # of the normaliser: that of the evaluation
NONE = ""  # of the comparison
PAIR = "pair"  # of a Narrowing: a confusion
REFRESHES = 20  # of the figures, while an evaluation runs
PAGE_EXAMPLES = 20
REPORT_TYPES = {"html": "text/html;charset=utf-8", "json": "application/json", "csv": "application/zip"}


class Narrowing(BaseModel, frozen=True):
    """The group or the confusion whose examples are shown."""

    by: str = ""  # a key of GROUP_TITLES, PAIR for a confusion, "" for none
    key: str = ""


class ListShown(NamedTuple):
    """Outputs of `show_list`."""

    list: Any
    sent: Any  # the HTML of the list that the page has
    version: Any  # of the evaluation to show, as from `version_of`


class ListChosen(NamedTuple):
    """Outputs of `choose`."""

    chosen: str
    list: str
    sent: str
    version: str


class ResultShown(NamedTuple):
    """Outputs of `open_result`, or their components."""

    opened: Any  # id of the evaluation
    panel: Any
    summary: Any
    by: Any
    groups: Any
    confusions: Any
    charts: Any
    other: Any  # the evaluations to compare with
    narrowing: Any
    examples: Any
    more: Any


class ExamplesShown(NamedTuple):
    """Outputs of `show_examples`."""

    examples: Any
    more: Any


class Narrowed(NamedTuple):
    """Outputs of `narrow` and `show_all`."""

    narrowing: dict[str, str]
    count: int


def model_title(studio: Studio, model: str) -> str:
    """The name of an evaluation's model: that of its run, or the last part of a path."""
    titles = {value: label for label, value in model_choices(studio.runs, studio.model)}
    return titles.get(model) or (Path(model).name if model.startswith("/") else model)


def show_list(studio: Studio, chosen: str | None, sent: str) -> ListShown:
    """Lists the evaluations; nothing is sent if the page has them. Without a choice, the newest one is to be shown."""
    listed = list_evaluations(studio.evaluations)
    current = chosen_of(listed, chosen)
    shown = _list_html(studio, listed, current)
    return ListShown(gr.skip(), gr.skip(), gr.skip()) if shown == sent else ListShown(shown, shown, version_of(current))


def choose(studio: Studio, event: gr.EventData) -> ListChosen:
    """Chooses the clicked evaluation. Raises EvaluationError if it is no longer there."""
    listed = list_evaluations(studio.evaluations)
    find_evaluation(studio.evaluations, _clicked(event).get("key"))
    current = chosen_of(listed, _clicked(event).get("key"))
    shown = _list_html(studio, listed, current)
    return ListChosen(current.evaluation.id if current else "", shown, shown, version_of(current))


def chosen_of(listed: list[Listed], chosen: str | None) -> Listed | None:
    """Returns the chosen evaluation, else the newest one; None if there is none."""
    return next((item for item in listed if item.evaluation.id == chosen), listed[0] if listed else None)


def version_of(item: Listed | None) -> str:
    """Returns a text that changes with the evaluation to show, its state, and every twentieth of its examples."""
    if item is None:
        return ""
    count = item.figures.utterances if item.figures else 0
    step = max(1, item.evaluation.total // REFRESHES)
    shown = count - count % step if item.state == "running" and count >= step else count
    return f"{item.evaluation.id} {item.state} {shown}"


def show_result(
    studio: Studio,
    version: str,
    opened: str | None,
    normaliser: str,
    by: str | None,
    search: str,
    narrowing: Mapping[str, str] | None,
    is_playing: bool | None,
) -> ResultShown:
    """Shows an evaluation from its rows.

    Args:
        studio: the studio.
        version: its version, as from `version_of`.
        opened: id of the evaluation that the page shows. If it is the same, the user's choices are kept.
        normaliser: identifier of the normaliser, STORED for that of the evaluation.
        by: the chosen kind of groups.
        search: the words that are searched for.
        narrowing: values of a Narrowing.
        is_playing: True while the page plays an example, which would be cut off."""
    wanted = version.partition(" ")[0]
    if not wanted:
        nothing = ResultShown(*(gr.skip() for _ in ResultShown._fields))
        return nothing._replace(opened="", panel=gr.Column(visible=False))
    is_new = wanted != opened
    evaluation, analysis = _analysed(studio, wanted, normaliser)
    summary = view.summary_html(evaluation, analysis, model_title(studio, evaluation.model))
    others = gr.Dropdown(choices=comparison_choices(studio, evaluation), value=NONE) if is_new else gr.skip()
    if analysis is None:
        hidden = gr.Radio(choices=[], value=None, visible=False), gr.Button(visible=False)
        return ResultShown(wanted, gr.Column(visible=True), summary, hidden[0], "", "", "", others, {}, "", hidden[1])
    groupings = [(GROUP_TITLES[name], name) for name in analysis.groups]
    current = by if by in analysis.groups else next(iter(analysis.groups), None)
    chosen = {} if is_new or not narrowing else dict(narrowing)
    examples = show_examples(studio, wanted, normaliser, search, chosen, PAGE_EXAMPLES)
    if is_playing and not is_new:
        examples = ExamplesShown(gr.skip(), gr.skip())
    return ResultShown(
        opened=wanted,
        panel=gr.Column(visible=True),
        summary=summary,
        by=gr.Radio(choices=groupings, value=current, visible=bool(groupings)),
        groups=view.groups_html(analysis.groups[current], _key(chosen, current)) if current else "",
        confusions=view.confusions_html(analysis.words, _key(chosen, PAIR)),
        charts=board_json(f"{wanted} {analysis.normaliser.id}", error_charts(analysis)),
        other=others,
        narrowing=chosen,
        examples=examples.examples,
        more=examples.more,
    )


def show_groups(studio: Studio, opened: str, normaliser: str, by: str) -> str:
    """Shows the figures of the groups of one kind."""
    analysis = _analysed(studio, opened, normaliser)[1]
    return view.groups_html(analysis.groups.get(by, ()), "") if analysis else ""


def narrow_to_group(studio: Studio, by: str, event: gr.EventData) -> Narrowed:
    """Shows the examples of the clicked group only."""
    return Narrowed(Narrowing(by=by, key=str(_clicked(event).get("key", ""))).model_dump(), PAGE_EXAMPLES)


def narrow_to_pair(studio: Studio, event: gr.EventData) -> Narrowed:
    """Shows the examples of the clicked confusion only."""
    return Narrowed(Narrowing(by=PAIR, key=str(_clicked(event).get("key", ""))).model_dump(), PAGE_EXAMPLES)


def show_all() -> Narrowed:
    return Narrowed({}, PAGE_EXAMPLES)


def show_examples(
    studio: Studio, opened: str, normaliser: str, search: str, narrowing: Mapping[str, str], count: int
) -> ExamplesShown:
    """Shows the worst examples of those that are chosen.

    Args:
        studio: the studio.
        opened: id of the evaluation.
        normaliser: identifier of the normaliser, STORED for that of the evaluation.
        search: words that occur in the reference or the prediction; "" for all examples.
        narrowing: values of a Narrowing.
        count: number of examples to show."""
    evaluation, analysis = _analysed(studio, opened, normaliser)
    if analysis is None:
        return ExamplesShown("", gr.Button(visible=False))
    chosen = Narrowing(**narrowing)
    found = set(find_rows(analysis.found, RowFilter(text=search.strip()), analysis.normaliser))
    if chosen.by:
        found &= set(_rows_of(analysis, chosen))
    ordered = sorted(found, key=lambda i: _badness(analysis, i))
    title = _title(search, chosen)
    shown = view.examples_html(
        analysis, ordered[:count], len(ordered), title, lambda name: audio_of(studio, evaluation, name)
    )
    return ExamplesShown(shown, gr.Button(visible=len(ordered) > count))


def audio_of(studio: Studio, evaluation: Evaluation, name: str) -> Path | None:
    """Returns the sound of an example; None if it is gone, or if the server may not send it."""
    if not evaluation.corpus_path:
        return None
    corpus = Path(evaluation.corpus_path)
    path = ((corpus.parent if corpus.suffix == ".jsonl" else corpus) / name).resolve()
    return path if is_served(studio, path) else None


def comparison_choices(studio: Studio, evaluation: Evaluation) -> Choices:
    """The other evaluations of the same dataset and split."""
    others = [
        item.evaluation
        for item in list_evaluations(studio.evaluations)
        if item.figures
        and item.evaluation.id != evaluation.id
        and (item.evaluation.corpus, item.evaluation.split) == (evaluation.corpus, evaluation.split)
    ]
    return [("None", NONE), *((evaluation_label(studio, other), other.id) for other in others)]


def evaluation_label(studio: Studio, evaluation: Evaluation) -> str:
    return f"{model_title(studio, evaluation.model)} · {evaluation.id}"


def compare(studio: Studio, opened: str, other: str | None, normaliser: str) -> str:
    """Shows the paired difference of the opened evaluation to another one, "" without one."""
    if not other:
        return ""
    folder, other_folder = (find_evaluation(studio.evaluations, name) for name in (opened, other))
    first, second = evaluation_of(folder), evaluation_of(other_folder)
    applied = find_normaliser(normaliser or known_normaliser(first))
    pair = common_examples(read_rows(folder), read_rows(other_folder), applied)
    titles = [model_title(studio, evaluation.model) for evaluation in (first, second)]
    if titles[0] == titles[1]:
        titles = [first.id, second.id]
    return view.difference_html(difference(pair), pair.system.counts.measure, *titles, applied.id)


def report_file(studio: Studio, opened: str, normaliser: str, form: str) -> dict[str, str]:
    """Returns a report as a file for the browser.

    Args:
        studio: the studio.
        opened: id of the evaluation.
        normaliser: identifier of the normaliser, STORED for that of the evaluation.
        form: "html", "json" or "csv"; the tables are a zip file."""
    evaluation, analysis = _analysed(studio, opened, normaliser)
    if analysis is None:
        raise EvaluationError(view.NO_ROWS)
    files = report_files(evaluation, analysis, (form,))
    content = _zip(files) if form == "csv" else next(iter(files.values()))
    suffix = "tables.zip" if form == "csv" else form
    return {
        "name": f"{evaluation.id}.{suffix}",
        "base64": base64.b64encode(content).decode(),
        "type": REPORT_TYPES[form],
    }


def _zip(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def _analysed(studio: Studio, opened: str | None, normaliser: str) -> tuple[Evaluation, ErrorAnalysis | None]:
    """Returns an evaluation and its errors; None while nothing is scored."""
    folder = find_evaluation(studio.evaluations, opened)
    evaluation = evaluation_of(folder)
    try:
        return evaluation, analysis_of(folder, normaliser or known_normaliser(evaluation))
    except EvaluationError:
        if read_rows(folder):
            raise
        return evaluation, None


def _rows_of(analysis: ErrorAnalysis, chosen: Narrowing) -> tuple[int, ...]:
    """Returns the rows of a group or of a confusion; none if it is no longer there."""
    if chosen.by == PAIR:
        return next((found.rows for found in analysis.words if view.pair_key(found) == chosen.key), ())
    groups = analysis.groups.get(chosen.by, ())
    return next((group.indices for group in groups if group.name == chosen.key), ())


def _badness(analysis: ErrorAnalysis, index: int) -> tuple[float, int]:
    """Sorts the highest error rate first, of equal ones the longer example."""
    counts = analysis.found.counts
    length = int(counts.lengths[index])
    return -float(counts.errors[index]) / max(1, length), -length


def _title(search: str, chosen: Narrowing) -> str:
    parts = ["Worst examples first"]
    if chosen.by == PAIR:
        parts.append("with " + " → ".join(side or view.NOTHING for side in chosen.key.split("\t")))
    elif chosen.by:
        parts.append(f"{GROUP_TITLES.get(chosen.by, chosen.by).lower()}: {chosen.key}")
    if search.strip():
        parts.append(f"with “{search.strip()}”")
    return ", ".join(parts)


def _list_html(studio: Studio, listed: list[Listed], current: Listed | None) -> str:
    chosen = current.evaluation.id if current else ""
    return view.list_html(listed, chosen, lambda model: model_title(studio, model))


def _key(narrowing: Mapping[str, str], by: str) -> str:
    """Returns the key of a narrowing of this kind, "" of another one."""
    return narrowing.get("key", "") if narrowing.get("by") == by else ""


def _clicked(event: gr.EventData) -> Mapping[str, Any]:
    return event._data if isinstance(event._data, dict) else {}
