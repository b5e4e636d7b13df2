"""The form of a new run has every field of a run's options, each in one place."""

from collections import Counter
from collections.abc import Iterator

import gradio as gr
import pytest
from pydantic import BaseModel

from qal.jobs.options.training_config import TrainingConfig
from ui_components.app.page import studio_page
from ui_components.train.new_run.settings import (
    BASIC,
    BY_BUTTON,
    GROUPS,
    MATERIAL,
    SETTINGS,
    group_of,
    mentioned,
    sections,
)

SHORT_FOR_OTHERS = {"augmentation.waveform"}  # sets the probabilities of four transforms, which the form has


def fields(model: type[BaseModel], group: str = "") -> Iterator[str]:
    """Names of all the fields, found without the form's own code."""
    for name, field in model.model_fields.items():
        inner = getattr(model(), name)
        if isinstance(inner, BaseModel):
            yield from fields(type(inner), f"{group}{name}.")
        else:
            assert field.description, f"{group}{name} has no help"
            yield group + name


def test_no_field_of_a_run_is_forgotten(studio):
    wanted = set(fields(TrainingConfig)) - SHORT_FOR_OTHERS
    assert wanted == {s.name for s in SETTINGS} | set(BY_BUTTON)
    page = studio_page(studio)
    shown = {block.elem_id for block in page.blocks.values() if isinstance(block, gr.components.FormComponent)}
    assert {s.element_id for s in SETTINGS} <= shown


def test_each_setting_stands_in_one_place():
    places = Counter([*MATERIAL, *BASIC, *(name for group in GROUPS for s in sections(group) for name in s.names)])
    assert set(places) == {s.name for s in SETTINGS}
    assert set(places.values()) == {1}


@pytest.mark.parametrize(
    "name", ["device", "precision", "machine.devices", "machine.nodes", "machine.strategy", "cache_mb"]
)
def test_machines_are_settings_too(name: str):
    assert group_of(name) == "Device, memory and speed"


def test_the_settings_that_a_sentence_names_are_found():
    assert mentioned("adalora.start_rank 4 is not above lora.rank 8; raise it") == {"adalora.start_rank", "lora.rank"}
    assert mentioned("first_share and last_share leave no step", "adalora") == {
        "adalora.first_share",
        "adalora.last_share",
    }
    assert mentioned("the corpus is empty") == set()
