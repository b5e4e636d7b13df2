from typing import Any, Literal

import gradio as gr
import pytest
from pydantic import BaseModel, Field

from ui_components.widgets.forms import (
    Form,
    component_values,
    nested,
    option_values,
    settings_of,
    to_component_value,
    to_option_value,
)


class Inner(BaseModel, frozen=True):
    share: float = Field(default=0.5, ge=0, le=1, description="share of the examples")
    kinds: tuple[Literal["a", "b"], ...] = ("a",)


class Outer(BaseModel, frozen=True):
    count: int = Field(default=3, ge=1, le=1_000_000, description="how many")
    most_s: float | None = Field(default=None, gt=0, description="unset: all")
    short_for: float | None = Field(default=None, exclude=True)
    way: Literal["x", "y"] = "x"
    precision: Literal["auto"] | Literal["16", "32"] = "auto"
    maybe: Literal["p"] | None = None
    on: bool = False
    folder: str | None = None
    folders: str | list[str] = []
    weights: dict[str, float] = {}
    hot_words: tuple[str, ...] = ()
    ids: tuple[int, ...] = (-1,)
    inner: Inner = Inner()


VALUES: list[dict[str, Any]] = [
    {},
    {"count": 7, "most_s": 0.1 + 0.2, "way": "y", "maybe": "p", "on": True},
    {"folder": "data/a b", "folders": ["data/a", "data/b: c"], "weights": {"data/a": 0.1, "b:c": 2.0}},
    {"hot_words": ["Aksum", "Addis Ababa"], "ids": [-1, 11]},
    {"inner": {"share": 1 / 3, "kinds": ["b", "a"]}, "precision": "32"},
]


def test_every_field_is_a_setting_except_excluded_ones():
    assert [s.name for s in settings_of(Outer)] == [
        *("count", "most_s", "way", "precision", "maybe", "on", "folder", "folders", "weights"),
        *("hot_words", "ids"),
        *("inner.share", "inner.kinds"),
    ]


@pytest.mark.parametrize("values", VALUES)
def test_component_values_convert_back_to_the_same_options(values):
    settings, options = settings_of(Outer), Outer.model_validate(values)
    assert Outer.model_validate(nested(option_values(settings, component_values(settings, options)))) == options


def test_field_type_without_component_raises_type_error():
    class Strange(BaseModel):
        when: complex = 1j

    with pytest.raises(TypeError, match="when"):
        _ = settings_of(Strange)[0].kind


def test_components_fit_the_field_types_and_help_states_limits():
    settings = settings_of(Outer)
    with gr.Blocks():
        form = Form(settings, Outer(count=4), {"way": "The way"}, {})
        form.add(*(s.name for s in settings))
    count, _, way = form.components[:3]
    kinds = [type(component).__name__ for component in form.components]
    assert kinds == ["Number", "Textbox"] + ["Dropdown"] * 3 + ["Checkbox"] + ["Textbox"] * 5 + ["Number", "Dropdown"]
    assert (count.value, way.label) == (4, "The way")
    assert count.info == "How many. 1 to 1,000,000"
    assert form["most_s"].info == "Unset: all. Above 0"
    assert form["most_s"].label == "Most (s)"
    assert form["maybe"].choices[0] == ("unset", "")


def test_form_without_a_setting_raises_key_error():
    with gr.Blocks():
        form = Form(settings_of(Outer), Outer(), {}, {})
        form.add("count")
    with pytest.raises(KeyError, match="most_s"):
        _ = form.components


def test_weight_line_without_colon_keeps_an_empty_weight():
    weights = next(s for s in settings_of(Outer) if s.name == "weights")
    assert to_option_value(weights, " data/a : 2 \n\nnonsense") == {"data/a": "2", "nonsense": ""}
    assert to_component_value(weights, {"a": 2.0}) == "a: 2"
