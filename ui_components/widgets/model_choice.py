"""The model drop-down of several tabs, and a note that says what to do when the default model is missing."""

from typing import NamedTuple

import gradio as gr

from qal.engine.catalogue import DEFAULT_MODEL
from ui_components.app.studio import Studio
from ui_components.widgets.choices import first_available, model_choices
from ui_components.widgets.markup import note_html

NO_COMPARISON = ("None", "")  # (label, value) of the choice "no second model"
TRANSLATION = ("English translation (same model)", ":translation")  # no model has such a name


class ModelChoiceUpdate(NamedTuple):
    """Outputs of `update_model_choices`."""

    model: gr.Dropdown
    note: str


def update_model_choices(
    studio: Studio, current: str | None = None, remembered: str | None = None
) -> ModelChoiceUpdate:
    """Lists the models that can be loaded now, keeps the current choice, and notes a missing default model.

    `remembered` is the choice that the browser has stored."""
    choices = model_choices(studio.runs, studio.model)
    default = first_available(choices, studio.model, "base")
    model = gr.Dropdown(choices=choices, value=first_available(choices, remembered, current, default))
    return ModelChoiceUpdate(model, model_note(studio.model, default))


def update_comparison_choices(studio: Studio, current: str, remembered: str | None = None) -> gr.Dropdown:
    """Lists what can be captioned beside the model: nothing, which is the default, its translation, another model."""
    choices = [NO_COMPARISON, TRANSLATION, *model_choices(studio.runs, studio.model)]
    return gr.Dropdown(choices=choices, value=first_available(choices, remembered, current, NO_COMPARISON[1]))


def model_note(wanted: str, available: str | None) -> str:
    """HTML that says what to do when the wanted model is not available, else "".

    `available` is the model that is used in its place, None if there is no model."""
    if available == wanted:
        return ""
    if wanted == DEFAULT_MODEL:
        command = "qal models fetch base-adaptive"
        missing = f"The model `{wanted}` is not on this machine yet: run `{command}`, then reload the page."
    else:
        missing = f"There is no model `{wanted}`: it is not a directory, a finished run or a name in the catalogue."
    return note_html(f"{missing} Until then `{available}` is used." if available else missing, problem=True)
