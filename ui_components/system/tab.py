"""System: is this machine ready, what can be resumed, what is in memory."""

import gradio as gr

from ui_components.app.studio import QUIET, Events, Studio, action
from ui_components.system import actions
from ui_components.widgets.clickable import PRESSED


def system_tab(studio: Studio, page: gr.Blocks, opened: Events) -> None:
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            gr.HTML("<h2>This machine</h2>")
            with gr.Row(elem_classes="qal-actions"):
                again = gr.Button("Check again", min_width=110)
                closer = {at: gr.Button(f"Check {at}", min_width=110) for at in actions.ASKING}
            findings = gr.HTML()
        with gr.Column(scale=2, min_width=300):
            gr.HTML("<h2>Runs that can go on</h2>")
            runs = gr.HTML(js_on_load=PRESSED)
            gr.HTML("<h2>Models in memory</h2>")
            loaded = gr.HTML()
            free = gr.Button("Free memory now")
            gr.HTML("<h2>TensorBoard</h2>")
            board = gr.HTML()

    shown, show, look = [runs, loaded, board], action(actions.show, studio), action(actions.look, studio)
    gr.on([*opened], show, None, shown, **QUIET)
    gr.on([opened[-1], again.click], look, None, findings, **QUIET)  # reads much: not before the tab is opened
    for at, button in closer.items():
        button.click(action(actions.look_closer, studio), gr.State(at), findings, **QUIET)
    resumed = runs.select(action(actions.resume, studio), None, None, **QUIET)
    freed = free.click(action(actions.free, studio), None, None, **QUIET)
    for done in (resumed, freed):
        done.success(show, None, shown, **QUIET)
