"""Train: a new run, a run that is watched, and runs side by side."""

import gradio as gr

from ui_components.app.studio import EventTriggers, Studio
from ui_components.train.compare.tab import compare_tab
from ui_components.train.new_run.actions import RUN
from ui_components.train.new_run.tab import new_run_tab
from ui_components.train.run.tab import run_tab


def train_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> None:
    run: gr.State = gr.State(None)  # the id of the run that is watched; None: the one that runs, else the newest
    settings_of: gr.State = gr.State(None)  # the id of the run whose settings somebody wants in a new one
    with gr.Tabs() as inner:
        with gr.Tab("New run", id="new") as new:
            new_run_tab(studio, [*opened, new.select], run, settings_of, inner)
        with gr.Tab("Run", id=RUN) as watched:
            run_tab(studio, page, [*opened, watched.select], run, settings_of)
        with gr.Tab("Compare", id="compare") as compared:
            compare_tab(studio, [*opened, compared.select], [new.select, watched.select], run, inner)
