"""The results: the list of evaluations, and the figures, groups, errors and examples of the chosen one."""

from typing import NamedTuple

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.evaluate.results import actions
from ui_components.evaluate.results import examples as example_actions
from ui_components.evaluate.results.comparison import NONE, compare, update_choices
from ui_components.evaluate.results.examples import PAGE_EXAMPLES, STORED
from ui_components.evaluate.results.removal import wire_removal
from ui_components.evaluate.results.reports import report_file
from ui_components.evaluate.start.form import normaliser_choices
from ui_components.train.run.charts import chart_board
from ui_components.widgets.clickable import CLICKABLE_JS
from ui_components.widgets.download import wire_download

REPORTS = {"html": "HTML report", "json": "JSON", "csv": "Tables (CSV)"}
# The last value tells whether the page plays an example
PLAYING_JS = "(...values) => [...values.slice(0, -1), [...document.querySelectorAll('audio')].some((a) => !a.paused)]"
LATEST_ONLY = {**EVENT_OPTIONS, "trigger_mode": "always_last"}
MAX_CONCURRENT_ANALYSES = 2


class ResultsTab(NamedTuple):
    """The components and events of the results that other parts of the tab use."""

    chosen: gr.State  # id of the chosen evaluation; None: the newest one
    listed: dict  # the arguments of the event that lists the evaluations


class ResultPanel(NamedTuple):
    """The chosen evaluation. The names are those of actions.ResultShown."""

    opened: gr.State
    panel: gr.Column
    summary: gr.HTML
    by: gr.Radio
    groups: gr.HTML
    confusions: gr.HTML
    charts: gr.HTML
    other: gr.Dropdown
    narrowing: gr.State
    examples: gr.HTML
    more: gr.Button


def results_tab(studio: Studio) -> ResultsTab:
    """Lays out and wires the results."""
    chosen: gr.State = gr.State(None)
    version, sent, opened, narrowing, count = (gr.State(value) for value in ("", "", "", {}, PAGE_EXAMPLES))
    evaluations = gr.HTML("", js_on_load=CLICKABLE_JS)
    with gr.Column(visible=False) as panel:
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320, scale=3):
                summary = gr.HTML("")
            with gr.Column(min_width=280, scale=2):
                choices = [("As stored with the evaluation", STORED), *normaliser_choices()]
                normaliser = gr.Dropdown(choices, value=STORED, label="Normaliser")
                other = gr.Dropdown([("None", NONE)], value=NONE, label="Compare with")
                comparison = gr.HTML("")
                with gr.Row(elem_classes="qal-actions"):
                    reports = {form: gr.Button(label, min_width=110) for form, label in REPORTS.items()}
                    delete = gr.Button("Delete", min_width=110)
                question_place = gr.Column()
        by = gr.Radio([], label="Break down by", visible=False)
        groups = gr.HTML("", js_on_load=CLICKABLE_JS)
        with gr.Accordion("Words confused most", open=False):
            confusions = gr.HTML("", js_on_load=CLICKABLE_JS)
        with gr.Accordion("Charts", open=False):
            charts = chart_board("")
        with gr.Row(elem_classes="qal-search"):
            search = gr.Textbox("", label="Search the examples", placeholder="Word in reference or prediction", scale=3)
            show_all = gr.Button("Show all examples", min_width=190, scale=0)
        examples = gr.HTML("")
        more = gr.Button("Show more", visible=False, min_width=120)
    result = ResultPanel(opened, panel, summary, by, groups, confusions, charts, other, narrowing, examples, more)
    listed = {
        "fn": action(actions.show_list, studio),
        "inputs": [chosen, sent],
        "outputs": [evaluations, sent, version],
        **EVENT_OPTIONS,
    }
    evaluations.select(action(actions.choose, studio), None, [chosen, evaluations, sent, version], **EVENT_OPTIONS)
    evaluations.change(action(update_choices, studio), opened, other, **EVENT_OPTIONS)
    wire_result(studio, result, version, normaliser, search)
    wire_examples(studio, result, normaliser, search, show_all, count)
    gr.on(
        [other.input, normaliser.input, opened.change],
        action(compare, studio),
        [opened, other, normaliser],
        comparison,
        **EVENT_OPTIONS,
    )
    for form, button in reports.items():
        wire_download(button, action(report_file, studio), [opened, normaliser, gr.State(form)])
    with question_place:
        wire_removal(studio, delete, opened, chosen, listed)
    return ResultsTab(chosen, listed)


def wire_result(
    studio: Studio, result: ResultPanel, version: gr.State, normaliser: gr.Dropdown, search: gr.Textbox
) -> None:
    """Shows the evaluation when another one is chosen, when it has more examples, and with another normaliser."""
    playing = gr.JSON(visible=False)
    gr.on(
        [version.change, normaliser.input],
        action(actions.show_result, studio),
        [version, result.opened, normaliser, result.by, search, result.narrowing, playing],
        list(result),
        js=PLAYING_JS,
        concurrency_limit=MAX_CONCURRENT_ANALYSES,
        concurrency_id="evaluation-result",
        show_progress="hidden",
        trigger_mode="always_last",
        api_visibility="private",
    )
    inputs = [result.opened, normaliser, result.by, result.narrowing]
    show_groups = action(actions.show_groups, studio)
    gr.on([result.by.input, result.narrowing.change], show_groups, inputs, result.groups, **EVENT_OPTIONS)


def wire_examples(
    studio: Studio,
    result: ResultPanel,
    normaliser: gr.Dropdown,
    search: gr.Textbox,
    show_all: gr.Button,
    count: gr.State,
) -> None:
    """Connects what narrows the examples: a group, a confusion, a word."""
    show = {
        "fn": action(example_actions.show_examples, studio),
        "inputs": [result.opened, normaliser, search, result.narrowing, count],
        "outputs": [result.examples, result.more],
        **LATEST_ONLY,
    }
    narrowed = [result.narrowing, count]
    for event in (
        result.groups.select(action(example_actions.narrow_to_group, studio), result.by, narrowed, **EVENT_OPTIONS),
        result.confusions.select(action(example_actions.narrow_to_pair, studio), None, narrowed, **EVENT_OPTIONS),
        result.more.click(lambda shown: shown + PAGE_EXAMPLES, count, count, **EVENT_OPTIONS),
    ):
        event.success(**show)
    search.change(**show)
    emptied = show_all.click(example_actions.show_all, None, narrowed, **EVENT_OPTIONS)
    emptied.then(lambda: "", None, search, **EVENT_OPTIONS).then(**show)
