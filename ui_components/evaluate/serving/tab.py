"""The registry of models: candidates, the serving model, promotion and roll-back."""

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.evaluate.serving import actions
from ui_components.widgets.clickable import CLICKABLE_JS

ABOUT = (
    "The model <code>serving</code> is offered wherever a model is chosen. Promote a registered model to serve it; "
    "roll back to return to the one before."
)


def serving_tab(studio: Studio, opened: EventTriggers) -> None:
    """Lays out and wires the registry.

    Args:
        studio: the studio.
        opened: events after which it is read again."""
    gr.HTML(f'<p class="qal-muted">{ABOUT}</p>')
    chosen = gr.State("")
    table = gr.HTML("", js_on_load=CLICKABLE_JS)
    note = gr.Textbox("", label="Note (optional)", max_lines=1, max_length=200, info="Kept in the history.")
    with gr.Row(elem_classes="qal-actions"):
        promote = gr.Button("Promote", variant="primary", interactive=False, min_width=120)
        roll_back = gr.Button("Roll back", interactive=False, min_width=120)
    with gr.Row():
        model = gr.Dropdown([], label="Register a model", min_width=220, scale=3)
        register = gr.Button("Register", min_width=120, scale=0)
    with gr.Accordion("History", open=False):
        history = gr.HTML("")
    outputs = [table, history, chosen, promote, roll_back, model]
    gr.on(opened, action(actions.show_registry, studio), [chosen, model], outputs, **EVENT_OPTIONS)
    table.select(action(actions.choose, studio), model, outputs, **EVENT_OPTIONS)
    inputs = [chosen, model, note]
    for button, handler in (
        (register, actions.register),
        (promote, actions.promote),
        (roll_back, actions.roll_back),
    ):
        done = button.click(action(handler, studio), inputs, outputs, **EVENT_OPTIONS)
        done.success(lambda: "", None, note, **EVENT_OPTIONS)
