"""The Evaluate tab: error rates of models on datasets, their errors, comparisons, a blind test, the serving model."""

from typing import NamedTuple

import gradio as gr

from ui_components.app.address import remember_selection
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio
from ui_components.evaluate.blind.tab import blind_tab
from ui_components.evaluate.opening import EvaluateTab
from ui_components.evaluate.results.tab import results_tab
from ui_components.evaluate.serving.tab import serving_tab
from ui_components.evaluate.start.tab import jobs_panel, start_tab, wire_jobs
from ui_components.evaluate.tab_ids import BLIND, EVALUATE_TAB, NEW, RESULTS, SERVING


class NewestShown(NamedTuple):
    """Outputs of `show_newest`."""

    chosen: None
    inner: gr.Tabs


def show_newest() -> NewestShown:
    """Shows the results without a choice, which is the newest evaluation: the one that was started."""
    return NewestShown(None, gr.Tabs(selected=RESULTS))


def inner_tab(title: str, tab_id: str) -> gr.Tab:
    """Adds a tab whose selection is in the address."""
    tab = gr.Tab(title, id=tab_id)
    remember_selection(tab, EVALUATE_TAB, tab_id)
    return tab


def evaluate_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> EvaluateTab:
    panel = jobs_panel()
    with gr.Tabs(selected=RESULTS) as inner:
        with inner_tab("Results", RESULTS):
            results = results_tab(studio)
        with inner_tab("New evaluation", NEW):
            form = start_tab(studio, panel, opened)
        with inner_tab("Blind test", BLIND) as blind:
            blind_tab(studio, [*opened, blind.select])
        with inner_tab("Serving", SERVING) as serving:
            serving_tab(studio, [*opened, serving.select])
    results.chosen.change(**results.listed)
    newest = {"fn": show_newest, "inputs": None, "outputs": [results.chosen, inner], **EVENT_OPTIONS}
    shown = [event.success(**newest) for event in form.started]
    for event in (*shown, *wire_jobs(studio, panel, opened)):
        event.then(**results.listed)
    return EvaluateTab(form.models, inner, results.chosen, results.listed)
