"""The augmentation preview: choose a preset or single transforms, and compare the original and the augmented clip."""

from collections.abc import Sequence
from typing import NamedTuple

import gradio as gr
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.data import augmentation_actions as actions
from ui_components.data.strengths import PRESETS, TRANSFORM_TITLES, preset_values, strength_fields, strength_input
from ui_components.widgets.audio_view.component import AudioView, audio_view

MODES = [("all transforms", actions.ALL_TRANSFORMS), ("random sample as in training", actions.RANDOM_SAMPLE)]
DEFAULT_PRESET = "strong"
MAX_CONCURRENT_PREVIEWS = 2  # each uses a core for some seconds
PLACEHOLDER = "No comparison yet."


class TransformSettings(NamedTuple):
    """The components of the transform settings."""

    switched_on: gr.CheckboxGroup
    strengths: list[gr.Number]  # in the order of `strength_fields`


def augmentation_form(studio: Studio, view: AudioView, clip_changes: Sequence[Dependency]) -> None:
    """Adds the preview. `clip_changes` are the events after which `view` shows another clip."""
    gr.HTML("<h2>Augmentation</h2>")
    with gr.Row():
        preset = gr.Dropdown(PRESETS, value=DEFAULT_PRESET, label="Preset", min_width=180)
        mode = gr.Radio(MODES, value=actions.ALL_TRANSFORMS, label="Preview", min_width=300)
    masks = gr.Checkbox(True, label="Show SpecAugment masks on the spectrogram")
    settings = _transform_settings()
    with gr.Row():
        start = gr.Button("Augment", variant="primary", min_width=140)
        new_sample = gr.Button("New random sample", min_width=140)
    note = gr.HTML(actions.clear(studio).note, elem_classes="qal-outcome")
    with gr.Row(visible=False) as row:
        with gr.Column(min_width=300):
            original = audio_view(studio, "Original", PLACEHOLDER, can_trim=False)
        with gr.Column(min_width=300):
            augmented = audio_view(studio, "Augmented", PLACEHOLDER, can_trim=False)

    seed: gr.State = gr.State(0)
    inputs = [view.selection, preset, mode, masks, seed, settings.switched_on, *settings.strengths]
    outputs = [original.html, augmented.html, note, row]
    compare = action(actions.compare, studio)
    options = {
        "show_progress_on": note,
        "concurrency_limit": MAX_CONCURRENT_PREVIEWS,
        "api_visibility": "private",
    }
    form_outputs = [settings.switched_on, *settings.strengths]
    preset.input(action(actions.fill_form, studio), preset, form_outputs, **EVENT_OPTIONS)
    start.click(compare, inputs, outputs, **options)
    seed_changed = new_sample.click(action(actions.next_seed, studio), seed, seed, **EVENT_OPTIONS)
    seed_changed.then(compare, inputs, outputs, **options)
    for event in clip_changes:
        event.success(action(actions.clear, studio), None, outputs, **EVENT_OPTIONS)


def _transform_settings() -> TransformSettings:
    """The switches and the numbers of all transforms, with the values of the default preset."""
    values = preset_values(DEFAULT_PRESET)
    with gr.Accordion("Transform settings", open=False):
        choices = [(title, name) for name, title in TRANSFORM_TITLES.items()]
        switched_on = gr.CheckboxGroup(choices, value=values.transforms, label="Transforms")
        with gr.Row(elem_classes="qal-strengths"):
            strengths = [field for transform in TRANSFORM_TITLES for field in _strength_inputs(transform)]
    for field, value in zip(strengths, values.strengths, strict=True):
        field.value = value
    return TransformSettings(switched_on, strengths)


def _strength_inputs(transform: str) -> list[gr.Number]:
    fields = [field for owner, field in strength_fields() if owner == transform]
    with gr.Column(min_width=280), gr.Group():
        gr.HTML(f"<h3>{TRANSFORM_TITLES[transform]}</h3>", elem_classes="qal-group")
        with gr.Row():
            return [strength_input(transform, field) for field in fields]
