"""The fields of the augmentation's transforms: which, and how strong. Made from their options."""

from collections.abc import Sequence
from typing import Any, get_args

import gradio as gr
from pydantic import ValidationError

from augmentation.options import AugmentationOptions, Preset, Switch
from qal.errors import OptionError

PRESETS = [name for name in get_args(Preset) if name != "off"]
NAMES = {
    "speed": "Speed",
    "pitch": "Pitch",
    "reverb": "Reverberation",
    "background": "Voices behind",
    "gain": "Level",
    "noise": "Noise",
    "band": "Narrow band",
    "tempo": "Tempo",
    "clipping": "Clipping",
    "codec": "Codec",
}
COARSE = 10  # a number that goes so far is changed by whole ones
NEWLY_ON = 0.5  # the chance of a transform that the preset leaves out


def strength_fields() -> list[tuple[str, str]]:
    """(transform, field) of every strength that is a number, in their order."""
    switches = AugmentationOptions().switches
    return [(name, field) for name, switch in switches.items() for field in _numbers(type(switch))]


def _numbers(switch: type[Switch]) -> list[str]:
    return [n for n, f in switch.model_fields.items() if n != "probability" and f.annotation in (int, float)]


def strength_input(transform: str, field: str) -> gr.Number:
    """A field with its limits and what it means."""
    options = type(AugmentationOptions().switches[transform])
    limits = options.model_json_schema()["properties"][field]
    whole = options.model_fields[field].annotation is int
    meaning = str(limits["description"])
    return gr.Number(
        limits["default"],
        label=meaning[:1].upper() + meaning[1:],
        minimum=limits.get("minimum"),
        maximum=limits["maximum"],
        step=1 if limits["maximum"] >= COARSE else 0.05,
        precision=0 if whole else None,
        min_width=130,
    )


def of_preset(preset: str) -> tuple[list[str], list[float]]:
    """The transforms that a preset switches on, and all strengths, in the order of strength_fields."""
    switches = AugmentationOptions.model_validate({"preset": preset}).switches
    on = [name for name, switch in switches.items() if switch.probability]
    return on, [getattr(switches[name], field) for name, field in strength_fields()]


def switches_of(preset: str, on: list[str], strengths: Sequence[float | None]) -> dict[str, dict[str, Any]]:
    """What the form says, as values beside the preset. Raises OptionError that names what cannot be."""
    if preset not in PRESETS:
        raise OptionError("choose a preset first")
    base = AugmentationOptions.model_validate({"preset": preset}).switches
    chances = {name: (switch.probability or NEWLY_ON) if name in on else 0.0 for name, switch in base.items()}
    switches: dict[str, dict[str, Any]] = {name: {"probability": chance} for name, chance in chances.items()}
    for (name, field), strength in zip(strength_fields(), strengths, strict=True):
        if strength is None:
            raise OptionError(f"{NAMES[name]}: fill in every number, or choose the preset again")
        switches[name][field] = strength
    try:
        AugmentationOptions.model_validate({"preset": preset, **switches})
    except ValidationError as error:
        raise OptionError(f"{_where(error)}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    return switches


def _where(error: ValidationError) -> str:
    transform = str(error.errors()[0]["loc"][0])
    return NAMES.get(transform, transform)
