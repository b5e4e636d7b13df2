"""The form fields of the augmentation transforms: which transforms are on, and how strong. Made from their options."""

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import gradio as gr
from pydantic import ValidationError

from augmentation.options import AugmentationOptions, Preset, TransformOptions
from qal.errors import OptionError

PRESETS = [name for name in get_args(Preset) if name != "off"]
TRANSFORM_TITLES = {
    "speed": "Speed",
    "pitch": "Pitch",
    "reverb": "Reverberation",
    "background": "Background voices",
    "gain": "Level",
    "noise": "Noise",
    "band": "Narrow band",
    "tempo": "Tempo",
    "clipping": "Clipping",
    "codec": "Codec",
}
INTEGER_STEP_FROM = 10  # fields with a maximum of at least this are changed in steps of 1
FINE_STEP = 0.05
DEFAULT_PROBABILITY = 0.5  # of a transform that is off in the preset


class StrengthField(NamedTuple):
    """A numeric field of a transform's options."""

    transform: str
    field: str


class PresetValues(NamedTuple):
    """The values of the form for a preset."""

    transforms: list[str]  # those with a probability above 0
    strengths: list[float]  # in the order of `strength_fields`


def strength_fields() -> list[StrengthField]:
    """All numeric fields, grouped by transform."""
    transforms = AugmentationOptions().transforms
    return [StrengthField(name, field) for name, options in transforms.items() for field in _numbers(type(options))]


def _numbers(options: type[TransformOptions]) -> list[str]:
    fields = options.model_fields.items()
    return [name for name, field in fields if name != "probability" and field.annotation in (int, float)]


def strength_input(transform: str, field: str) -> gr.Number:
    """The input of a field, with its limits and its description as label."""
    options = type(AugmentationOptions().transforms[transform])
    schema = options.model_json_schema()["properties"][field]
    is_integer = options.model_fields[field].annotation is int
    description = str(schema["description"])
    return gr.Number(
        schema["default"],
        label=description[:1].upper() + description[1:],
        minimum=schema.get("minimum"),
        maximum=schema["maximum"],
        step=1 if schema["maximum"] >= INTEGER_STEP_FROM else FINE_STEP,
        precision=0 if is_integer else None,
        min_width=130,
    )


def preset_values(preset: str) -> PresetValues:
    transforms = AugmentationOptions.model_validate({"preset": preset}).transforms
    switched_on = [name for name, options in transforms.items() if options.probability]
    return PresetValues(switched_on, [getattr(transforms[name], field) for name, field in strength_fields()])


def transform_options(
    preset: str, switched_on: list[str], strengths: Sequence[float | None]
) -> dict[str, dict[str, Any]]:
    """The values of the form as options that override the preset, by transform.

    Raises OptionError: no preset, an empty field, or a value that the options reject."""
    if preset not in PRESETS:
        raise OptionError("choose a preset first")
    base = AugmentationOptions.model_validate({"preset": preset}).transforms
    options: dict[str, dict[str, Any]] = {}
    for name, transform in base.items():
        options[name] = {"probability": (transform.probability or DEFAULT_PROBABILITY) if name in switched_on else 0.0}
    for (name, field), strength in zip(strength_fields(), strengths, strict=True):
        if strength is None:
            raise OptionError(f"{TRANSFORM_TITLES[name]}: fill in every number, or choose the preset again")
        options[name][field] = strength
    try:
        AugmentationOptions.model_validate({"preset": preset, **options})
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise OptionError(f"{_title_of(error)}: {reason}") from error
    return options


def _title_of(error: ValidationError) -> str:
    transform = str(error.errors()[0]["loc"][0])
    return TRANSFORM_TITLES.get(transform, transform)
