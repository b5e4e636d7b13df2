"""The System tab: checks of this machine, interrupted runs, loaded models and TensorBoard."""

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.system import actions
from ui_components.widgets.clickable import CLICKABLE_JS


def system_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> None:
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            gr.HTML("<h2>This machine</h2>")
            with gr.Row(elem_classes="qal-actions"):
                check_again = gr.Button("Check again", min_width=110)
                slow_checks = {name: gr.Button(f"Check {name}", min_width=110) for name in actions.RUNNING_NOTES}
            findings = gr.HTML()
        with gr.Column(scale=2, min_width=300):
            gr.HTML("<h2>Interrupted runs</h2>")
            interrupted_runs = gr.HTML(js_on_load=CLICKABLE_JS)
            gr.HTML("<h2>Models in memory</h2>")
            loaded_models = gr.HTML()
            unload = gr.Button("Unload idle models")
            gr.HTML("<h2>TensorBoard</h2>")
            tensorboard = gr.HTML()

    outputs = [interrupted_runs, loaded_models, tensorboard]
    update, run_checks = action(actions.update, studio), action(actions.run_checks, studio)
    gr.on([*opened], update, None, outputs, **EVENT_OPTIONS)
    gr.on([opened[-1], check_again.click], run_checks, None, findings, **EVENT_OPTIONS)  # slow: not on page load
    for name, button in slow_checks.items():
        button.click(action(actions.run_slow_check, studio), gr.State(name), findings, **EVENT_OPTIONS)
    resumed = interrupted_runs.select(action(actions.resume, studio), None, None, **EVENT_OPTIONS)
    unloaded = unload.click(action(actions.unload_idle_models, studio), None, None, **EVENT_OPTIONS)
    for event in (resumed, unloaded):
        event.success(update, None, outputs, **EVENT_OPTIONS)
