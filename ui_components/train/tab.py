"""The Train tab with the tabs New run, Run and Compare."""

import gradio as gr

from ui_components.app.studio import EventTriggers, Studio
from ui_components.train.compare.tab import compare_tab
from ui_components.train.new_run.tab import new_run_tab
from ui_components.train.run.tab import run_tab
from ui_components.train.tab_ids import COMPARE_TAB, NEW_RUN_TAB, RUN_TAB


def train_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> None:
    run: gr.State = gr.State(None)  # id of the run on the Run tab; None: the run in progress, else the newest
    copied_run: gr.State = gr.State(None)  # id of the run whose settings the New run form should load
    with gr.Tabs() as tabs:
        with gr.Tab("New run", id=NEW_RUN_TAB) as new_run:
            new_run_tab(studio, [*opened, new_run.select], run, copied_run, tabs)
        with gr.Tab("Run", id=RUN_TAB) as shown_run:
            run_tab(studio, page, [*opened, shown_run.select], run, copied_run)
        with gr.Tab("Compare", id=COMPARE_TAB) as compare:
            compare_tab(studio, [*opened, compare.select], [new_run.select, shown_run.select], run, tabs)
