"""The Evaluate tab: error rates of models on datasets, their errors, comparisons, a blind test, the serving model."""

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio
from ui_components.evaluate.blind.tab import blind_tab
from ui_components.evaluate.results.tab import results_tab
from ui_components.evaluate.serving.tab import serving_tab
from ui_components.evaluate.start.tab import jobs_panel, start_tab, wire_jobs

NEW, RESULTS, BLIND, SERVING = "new-evaluation", "results", "blind-test", "serving"  # ids of the inner tabs


def evaluate_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> None:
    panel = jobs_panel()
    with gr.Tabs(selected=RESULTS) as inner:
        with gr.Tab("Results", id=RESULTS):
            results = results_tab(studio)
        with gr.Tab("New evaluation", id=NEW):
            started = start_tab(studio, panel, opened)
        with gr.Tab("Blind test", id=BLIND) as blind:
            blind_tab(studio, [*opened, blind.select])
        with gr.Tab("Serving", id=SERVING) as serving:
            serving_tab(studio, [*opened, serving.select])
    # Without a choice the newest evaluation is shown, which is the one that was started
    shown = started.success(lambda: (None, gr.Tabs(selected=RESULTS)), None, [results.chosen, inner], **EVENT_OPTIONS)
    for event in (shown, *wire_jobs(studio, panel, opened)):
        event.then(**results.listed)
