"""The Train tab with the tabs New run, Run and Compare."""

from typing import NamedTuple

import gradio as gr

from ui_components.app.address import remember_selection
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio
from ui_components.train.compare.tab import compare_tab
from ui_components.train.new_run.tab import new_run_tab
from ui_components.train.run.tab import RunTab, run_tab
from ui_components.train.tab_ids import COMPARE_TAB, NEW_RUN_TAB, RUN_TAB


class TrainTab(NamedTuple):
    """The parts of the tab that the page connects with its address and with other tabs."""

    run: gr.State  # id of the run on the Run tab
    tabs: gr.Tabs
    run_tab: RunTab
    stored_form: gr.BrowserState  # to be rendered outside of the tabs


def train_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> TrainTab:
    run: gr.State = gr.State(None)  # id of the run on the Run tab; None: the run in progress, else the newest
    copied_run: gr.State = gr.State(None)  # id of the run whose settings the New run form should load
    with gr.Tabs() as tabs:
        with gr.Tab("New run", id=NEW_RUN_TAB) as new_run:
            remember_selection(new_run, "inner", NEW_RUN_TAB)
            new_run_parts = new_run_tab(studio, [*opened, new_run.select], run, copied_run, tabs)
        with gr.Tab("Run", id=RUN_TAB) as shown_run:
            remember_selection(shown_run, "inner", RUN_TAB)
            run_parts = run_tab(studio, [*opened, shown_run.select], run, copied_run)
        with gr.Tab("Compare", id=COMPARE_TAB) as compare:
            remember_selection(compare, "inner", COMPARE_TAB)
            compare_tab(studio, [*opened, compare.select], [new_run.select, shown_run.select], run, tabs)
    updated = new_run_parts.started.success(
        **run_parts.refresh
    )  # before the tab is selected, so that it shows the new run
    updated.then(lambda: gr.Tabs(selected=RUN_TAB), None, tabs, **EVENT_OPTIONS)
    return TrainTab(run, tabs, run_parts, new_run_parts.stored)
