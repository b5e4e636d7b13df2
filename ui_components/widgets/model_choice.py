"""The model drop-down that several tabs share, and one sentence where the model is missing."""

import gradio as gr

from qal.engine.catalogue import DEFAULT_MODEL
from ui_components.app.studio import Studio
from ui_components.widgets.choices import chosen, model_choices
from ui_components.widgets.markup import note_html

NOBODY = ("nobody", "")  # the drop-down's choice of no second model


def offer_models(studio: Studio, current: str | None = None) -> tuple[gr.Dropdown, str]:
    """The models that can be loaded now, and what to do when the default is not among them."""
    choices = model_choices(studio.runs, studio.model)
    default = chosen(choices, studio.model, "base")
    return gr.Dropdown(choices=choices, value=chosen(choices, current, default)), model_note(studio.model, default)


def offer_comparison(studio: Studio, current: str) -> gr.Dropdown:
    """The same models, to hear the same voice beside the first; nobody, unless one was chosen."""
    choices = [NOBODY, *model_choices(studio.runs, studio.model)]
    return gr.Dropdown(choices=choices, value=chosen(choices, current, NOBODY[1]))


def model_note(wanted: str, chosen: str | None) -> str:
    """What to do when the wanted model is not the chosen one, as HTML; "" when all is well."""
    if chosen == wanted:
        return ""
    if wanted == DEFAULT_MODEL:
        missing = f"The model `{wanted}` is not on this machine yet: run `make setup` once, then reload this page."
    else:
        missing = f"There is no model `{wanted}`: it is no directory, no finished run and no name of the catalogue."
    return note_html(f"{missing} Until then `{chosen}` is used." if chosen else missing, problem=True)
