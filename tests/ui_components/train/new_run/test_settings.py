"""The settings of the New run form: every option has exactly one place."""

from collections import Counter
from collections.abc import Iterator

import gradio as gr
import pytest
from pydantic import BaseModel

from qal.jobs.options.training_config import TrainingConfig
from ui_components.app.page import studio_page
from ui_components.train.new_run.settings import (
    ACCORDIONS,
    BASIC_SETTINGS,
    FORM_SETTINGS,
    LABELS,
    MAIN_SETTINGS,
    NOT_IN_FORM,
    SETTINGS_BY_NAME,
    accordion_of,
    form_sections,
    settings_named_in,
)

SHORTHANDS = {"augmentation.waveform"}  # it sets the probabilities of four transforms, which are in the form


def option_names(model: type[BaseModel], group: str = "") -> Iterator[str]:
    """The dotted names of all options, found without the code of the form."""
    for name, field in model.model_fields.items():
        default = getattr(model(), name)
        if isinstance(default, BaseModel):
            yield from option_names(type(default), f"{group}{name}.")
        else:
            assert field.description, f"{group}{name} has no help"
            yield group + name


def test_form_has_all_options_of_a_run(studio):
    assert set(option_names(TrainingConfig)) - SHORTHANDS == {s.name for s in FORM_SETTINGS} | set(NOT_IN_FORM)
    page = studio_page(studio)
    elements = {block.elem_id for block in page.blocks.values() if isinstance(block, gr.components.FormComponent)}
    assert {setting.element_id for setting in FORM_SETTINGS} <= elements


def test_each_setting_has_exactly_one_place_in_the_form():
    in_accordions = [name for title in ACCORDIONS for section in form_sections(title) for name in section.names]
    places = Counter([*BASIC_SETTINGS, *MAIN_SETTINGS, *in_accordions])
    assert set(places) == {setting.name for setting in FORM_SETTINGS}
    assert set(places.values()) == {1}


def test_each_label_belongs_to_an_existing_setting():
    assert LABELS.keys() <= SETTINGS_BY_NAME.keys()


@pytest.mark.parametrize(
    "name", ["device", "precision", "machine.devices", "machine.nodes", "machine.strategy", "cache_mb"]
)
def test_machine_settings_are_in_the_device_accordion(name: str):
    assert accordion_of(name) == "Device, memory and speed"


def test_settings_named_in_a_message_are_found():
    message = "adalora.start_rank 4 is not above lora.rank 8; raise it"
    assert settings_named_in(message) == {"adalora.start_rank", "lora.rank"}
    assert settings_named_in("first_share and last_share leave no step", "adalora") == {
        "adalora.first_share",
        "adalora.last_share",
    }
    assert settings_named_in("the corpus is empty") == set()
