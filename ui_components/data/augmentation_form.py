"""Augmentation, before a run is begun: a preset or one's own choice, and what it makes of the sound that is shown."""

from collections.abc import Sequence

import gradio as gr
from gradio.events import Dependency

from ui_components.app.studio import QUIET, Studio, action
from ui_components.data import augmentation_actions as actions
from ui_components.data.strengths import NAMES, PRESETS, of_preset, strength_fields, strength_input
from ui_components.widgets.audio_view.component import SoundView, sound_view

WAYS = [("everything at once", actions.EVERYTHING), ("one draw, as in training", actions.AS_TRAINED)]
DEFAULT = "strong"
AT_ONCE = 2  # draws; each takes a core for some seconds
EMPTY = "Nothing is compared yet."


def augmentation_form(studio: Studio, view: SoundView, replaced: Sequence[Dependency]) -> None:
    """`replaced`: the events after which `view` shows another sound."""
    gr.HTML("<h2>Augmentation</h2>")
    with gr.Row():
        preset = gr.Dropdown(PRESETS, value=DEFAULT, label="Preset", min_width=180)
        how = gr.Radio(WAYS, value=actions.EVERYTHING, label="What is applied", min_width=300)
    masks = gr.Checkbox(True, label="Show SpecAugment's masks on the spectrogram")
    on, strengths = _strengths()
    with gr.Row():
        start = gr.Button("Augment", variant="primary", min_width=140)
        again = gr.Button("Another draw", min_width=140)
    note = gr.HTML(actions.clear(studio)[2], elem_classes="qal-outcome")
    with gr.Row(visible=False) as both:
        with gr.Column(min_width=300):
            original = sound_view(studio, "Original", EMPTY, trims=False)
        with gr.Column(min_width=300):
            altered = sound_view(studio, "Augmented", EMPTY, trims=False)

    seed: gr.State = gr.State(0)
    asked = [view.sound, preset, how, masks, seed, on, *strengths]
    shown = [original.board, altered.board, note, both]
    compare = action(actions.compare, studio)
    slowly = {"show_progress_on": note, "concurrency_limit": AT_ONCE, "api_visibility": "private"}
    preset.input(action(actions.fill, studio), preset, [on, *strengths], **QUIET)
    start.click(compare, asked, shown, **slowly)
    again.click(action(actions.another, studio), seed, seed, **QUIET).then(compare, asked, shown, **slowly)
    for event in replaced:
        event.success(action(actions.clear, studio), None, shown, **QUIET)


def _of(transform: str) -> list[gr.Number]:
    with gr.Column(min_width=280), gr.Group():
        gr.HTML(f"<h3>{NAMES[transform]}</h3>", elem_classes="qal-group")
        with gr.Row():
            return [strength_input(transform, field) for owner, field in strength_fields() if owner == transform]


def _strengths() -> tuple[gr.CheckboxGroup, list[gr.Number]]:
    """Which transforms, and every number of theirs, as the default preset has them."""
    chosen, values = of_preset(DEFAULT)
    with gr.Accordion("Which transforms, and how strong", open=False):
        on = gr.CheckboxGroup([(name, key) for key, name in NAMES.items()], value=chosen, label="Transforms")
        with gr.Row(elem_classes="qal-strengths"):
            inputs = [field for transform in NAMES for field in _of(transform)]
    for field, value in zip(inputs, values, strict=True):
        field.value = value
    return on, inputs
