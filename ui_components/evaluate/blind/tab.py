"""The blind test: two evaluations, an example with two transcripts in unknown order, votes, and their result."""

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.evaluate.blind import actions
from ui_components.evaluate.blind.view import INVITATION
from ui_components.widgets.markup import note_html

MAX_NAME = 60  # characters
SIDES = {"a": "A is better", "equal": "Equal", "b": "B is better"}


def blind_tab(studio: Studio, opened: EventTriggers) -> None:
    """Lays out and wires the blind test.

    Args:
        studio: the studio.
        opened: events after which the evaluations are listed again."""
    with gr.Row():
        first = gr.Dropdown([], label="First evaluation", min_width=220)
        second = gr.Dropdown([], label="Second evaluation", min_width=220)
    rater = gr.Textbox("", label="Your name", max_length=MAX_NAME, info="Kept with your votes.", max_lines=1)
    item = gr.HTML(note_html(INVITATION))
    on_screen = gr.State(None)
    with gr.Row(visible=False, elem_classes="qal-actions qal-vote") as buttons:
        votes = {side: gr.Button(label, variant="primary", min_width=110) for side, label in SIDES.items()}
        votes["equal"].variant = "secondary"
    with gr.Row(elem_classes="qal-actions"):
        undo = gr.Button("Undo my last vote", min_width=150, scale=0)
    with gr.Accordion("Results", open=False):
        results = gr.HTML("")
    inputs, outputs = [first, second, rater], [item, on_screen, buttons, results]
    choices = {
        "fn": action(actions.update_choices, studio),
        "inputs": [first, second],
        "outputs": [first, second, rater],
    }
    show = {"fn": action(actions.show_item, studio), "inputs": inputs, "outputs": outputs, **EVENT_OPTIONS}
    gr.on([*opened, first.input], **choices, **EVENT_OPTIONS).then(**show)
    gr.on([second.input, rater.blur, rater.submit], **show)
    vote = action(actions.vote, studio)
    for side, button in votes.items():
        button.click(vote, [*inputs, on_screen, gr.State(side)], outputs, **EVENT_OPTIONS)
    undo.click(action(actions.undo, studio), inputs, outputs, **EVENT_OPTIONS)
