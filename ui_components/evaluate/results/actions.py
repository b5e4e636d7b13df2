"""Handlers of the list of evaluations and of the chosen one."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr

from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.records import Evaluation
from ui_components.app.studio import Studio
from ui_components.evaluate.errors.charts import GROUP_TITLES, error_charts
from ui_components.evaluate.results import view
from ui_components.evaluate.results.comparison import NONE, comparison_choices, model_titles
from ui_components.evaluate.results.examples import (
    PAGE_EXAMPLES,
    PAIR,
    ExamplesShown,
    analysed,
    clicked,
    show_examples,
)
from ui_components.evaluate.results.series import series_charts
from ui_components.evaluate.results.stored import Listed, find_evaluation, list_evaluations
from ui_components.train.run.charts import board_json

REFRESHES = 20  # of the figures, while an evaluation runs


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


def show_list(studio: Studio, chosen: str | None, sent: str) -> ListShown:
    """Lists the evaluations; nothing is sent if the page has them. Without a choice, the newest one is to be shown."""
    listed = list_evaluations(studio.evaluations)
    current = chosen_of(listed, chosen)
    shown = _list_html(studio, listed, current)
    return ListShown(gr.skip(), gr.skip(), gr.skip()) if shown == sent else ListShown(shown, shown, version_of(current))


def choose(studio: Studio, event: gr.EventData) -> ListChosen:
    """Chooses the clicked evaluation. Raises EvaluationError if it is no longer there."""
    listed = list_evaluations(studio.evaluations)
    find_evaluation(studio.evaluations, clicked(event).get("key"))
    current = chosen_of(listed, clicked(event).get("key"))
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
    evaluation, analysis = analysed(studio, wanted, normaliser)
    shown = _without_rows(studio, evaluation, analysis, is_new)
    if analysis is None:
        return shown
    groupings = [(GROUP_TITLES[name].removeprefix("By ").capitalize(), name) for name in analysis.groups]
    current = by if by in analysis.groups else next(iter(analysis.groups), None)
    chosen = {} if is_new or not narrowing else dict(narrowing)
    examples = show_examples(studio, wanted, normaliser, search, chosen, PAGE_EXAMPLES)
    if is_playing and not is_new:
        examples = ExamplesShown(gr.skip(), gr.skip())
    charts = [*series_charts(studio, evaluation, analysis.normaliser.id), *error_charts(analysis)]
    return shown._replace(
        by=gr.Radio(choices=groupings, value=current, visible=bool(groupings)),
        groups=view.groups_html(analysis.groups[current], _key(chosen, current)) if current else "",
        confusions=view.confusions_html(analysis.words, _key(chosen, PAIR)),
        charts=board_json(f"{wanted} {analysis.normaliser.id}", charts),
        narrowing=chosen,
        examples=examples.examples,
        more=examples.more,
    )


def _without_rows(studio: Studio, evaluation: Evaluation, analysis: ErrorAnalysis | None, is_new: bool) -> ResultShown:
    """Returns the outputs of an evaluation of which no example is scored yet."""
    others = gr.Dropdown(choices=comparison_choices(studio, evaluation), value=NONE) if is_new else gr.skip()
    return ResultShown(
        opened=evaluation.id,
        panel=gr.Column(visible=True),
        summary=view.summary_html(evaluation, analysis, model_titles(studio)(evaluation.model)),
        by=gr.Radio(choices=[], value=None, visible=False),
        groups="",
        confusions="",
        charts="",
        other=others,
        narrowing={},
        examples="",
        more=gr.Button(visible=False),
    )


def show_groups(studio: Studio, opened: str | None, normaliser: str, by: str, narrowing: Mapping[str, str]) -> str:
    """Shows the figures of the groups of one kind; the one whose examples are shown is marked."""
    if not opened:  # the page has just been loaded
        return ""
    analysis = analysed(studio, opened, normaliser)[1]
    return view.groups_html(analysis.groups.get(by, ()), _key(narrowing, by)) if analysis else ""


def _list_html(studio: Studio, listed: list[Listed], current: Listed | None) -> str:
    chosen = current.evaluation.id if current else ""
    return view.list_html(listed, chosen, model_titles(studio))


def _key(narrowing: Mapping[str, str], by: str) -> str:
    """Returns the key of a narrowing of this kind, "" of another one."""
    return narrowing.get("key", "") if narrowing.get("by") == by else ""
