"""Forms made from options models: a component for each field, so that no field is listed twice.

A setting's value has two shapes: the option's own, and what its component holds (`shown`); `meant` leads back."""

import math
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr
from gradio.components import FormComponent
from pydantic import BaseModel
from pydantic.fields import FieldInfo

Kind = Literal["switch", "choice", "choices", "whole", "number", "text", "texts", "weights"]
NUMBERS = ("whole", "number")
UNSET = ""  # the drop-down's value of an option that may be unset
PAIR = re.compile(r"(.*?)\s*:\s*([^:]*)")
PLAIN_WORD = re.compile(r"[a-z]+(-[a-z]+)*")
NOTATIONS = {"texts": "One a line", "weights": "One a line, as `name: 0.5`"}
UNITS = {"s": "s", "db": "dB", "hz": "Hz", "mb": "MB", "kbps": "kbit/s"}
WORDS = {"max": "maximum", "min": "minimum", "dora": "DoRA", "snr": "SNR", "wer": "WER"}


@dataclass(frozen=True, eq=False)
class Setting:
    """One field of an options model."""

    name: str  # with its group's, as on the command line: lora.rank
    field: FieldInfo

    @cached_property
    def optional(self) -> bool:
        return type(None) in _union(self.field.annotation)

    @cached_property
    def kind(self) -> Kind:
        """Raises TypeError for a type that no component is known for: nothing is left out in silence."""
        parts = [part for part in _union(self.field.annotation) if part is not type(None)]
        if str in parts and list[str] in parts:
            parts = [list[str]]
        (part,) = parts if len(parts) == 1 else (None,)
        plain: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", str: "text"}
        composed: dict[Any, Kind] = {list[str]: "texts", dict[str, float]: "weights"}
        if get_origin(part) is Literal:
            return "choice"
        if get_origin(part) is tuple and get_origin(get_args(part)[0]) is Literal:
            return "choices"
        if part in plain or part in composed:
            return (plain | composed)[part]
        raise TypeError(f"{self.name}: no component for {self.field.annotation}")

    @cached_property
    def choices(self) -> tuple[str, ...]:
        parts = [part for part in _union(self.field.annotation) if part is not type(None)]
        return _literals(parts[0])

    @property
    def element(self) -> str:
        """The id of its component in the page."""
        return f"set-{self.name.replace('.', '-').replace('_', '-')}"

    @property
    def label(self) -> str:
        """The field's name in words, its unit in brackets."""
        words = self.name.rpartition(".")[2].split("_")
        unit = f" ({UNITS[words.pop()]})" if len(words) > 1 and words[-1] in UNITS else ""
        text = " ".join(WORDS.get(word, word) for word in words)
        return text[:1].upper() + text[1:] + unit

    @property
    def help(self) -> str:
        """The field's description and its limits."""
        said = self.field.description or ""
        first = re.split(r"[ ,;:]", said, maxsplit=1)[0]
        said = said[:1].upper() + said[1:] if PLAIN_WORD.fullmatch(first) else said  # not Torch.compile
        return ". ".join(part for part in (said, self.limits) if part)

    @property
    def limits(self) -> str:
        """1 to 256; above 0, at most 1"""
        found = {key: v for m in self.field.metadata for key in ("ge", "gt", "le", "lt") if (v := _limit(m, key)) != ""}
        if found.keys() == {"ge", "le"}:
            return f"{found['ge']} to {found['le']}"
        words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
        text = ", ".join(f"{words[key]} {limit}" for key, limit in found.items())
        return text[:1].upper() + text[1:]


def settings_of(model: type[BaseModel], group: str = "") -> list[Setting]:
    """Every field of a model and of the models in it, in their order; not those that are short for others."""
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += settings_of(field.annotation, f"{group}{name}.")
        elif not field.exclude:
            found.append(Setting(f"{group}{name}", field))
    return found


def value_of(options: BaseModel, name: str) -> Any:
    value: Any = options
    for part in name.split("."):
        value = getattr(value, part)
    return value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"lora.rank": 8} -> {"lora": {"rank": 8}}"""
    found: dict[str, Any] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        group = found
        for part in groups:
            group = group.setdefault(part, {})
        group[last] = value
    return found


def shown(setting: Setting, value: Any) -> Any:
    """An option's value as its component holds it."""
    if setting.kind == "choices":
        return list(value)
    if setting.kind == "choice":
        return UNSET if value is None else value
    if setting.kind == "text":
        return value or ""
    if setting.kind in NUMBERS and setting.optional:
        return "" if value is None else repr(value).removesuffix(".0")
    if setting.kind == "texts":
        return "\n".join([value] if isinstance(value, str) else value)
    if setting.kind == "weights":
        return "\n".join(f"{name}: {weight!r}".removesuffix(".0") for name, weight in value.items())
    return value


def meant(setting: Setting, held: Any) -> Any:
    """What a component holds as the option's value; whether it is a right one is for the model to say."""
    if setting.kind in ("choice", "text", *NUMBERS) and isinstance(held, str):
        held = held.strip()
        return None if setting.optional and not held else held
    if setting.kind == "texts" and isinstance(held, str):
        return [line.strip() for line in held.splitlines() if line.strip()]
    if setting.kind == "weights" and isinstance(held, str):
        return dict(_pair(line.strip()) for line in held.splitlines() if line.strip())
    return held


def component(setting: Setting, value: Any, label: str = "") -> FormComponent:
    """The component of a setting's kind, with an option's value."""
    common = {"value": shown(setting, value), **place(setting, label, NOTATIONS.get(setting.kind, ""))}
    match setting.kind:
        case "switch":
            return gr.Checkbox(**common)
        case "choice":
            unset = [("unset", UNSET)] if setting.optional else []
            return gr.Dropdown([*unset, *((c, c) for c in setting.choices)], filterable=False, **common)
        case "choices":
            return gr.Dropdown([*setting.choices], multiselect=True, **common)
        case "whole" | "number" if not setting.optional:  # Gradio's number cannot be empty: it turns to 0 when drawn
            return gr.Number(
                step=_step(setting, value), **common
            )  # its own limits would be a toast, far from the field
        case "text" | "whole" | "number":
            return gr.Textbox(placeholder="unset" if setting.optional else "", max_lines=1, **common)
        case _:
            return gr.Textbox(lines=2, max_lines=6, **common)


def place(setting: Setting, label: str = "", written: str = "") -> dict[str, Any]:
    """What the component of any kind is told: its words, how a value is written, and where it is found."""
    return {
        "label": label or setting.label,
        "info": ". ".join(part for part in (setting.help, written) if part),
        "elem_id": setting.element,
        "interactive": True,
    }


Maker = Callable[[Setting, Any, str], FormComponent]  # setting, the option's value, label -> its component


class Form:
    """The components of an options model. They are made where `add` is called, and listed in the settings' order."""

    def __init__(
        self, settings: Sequence[Setting], options: BaseModel, labels: Mapping[str, str], special: Mapping[str, Maker]
    ):
        """options: what it shows at first. special: components of one's own, by the setting's name."""
        self.settings, self._options, self._labels, self._special = settings, options, labels, special
        self._by_name = {setting.name: setting for setting in settings}
        self._made: dict[str, FormComponent] = {}

    def add(self, *names: str) -> None:
        for name in names:
            setting, value = self._by_name[name], value_of(self._options, name)
            make = self._special.get(name, component)
            self._made[name] = make(setting, value, self._labels.get(name, setting.label))

    def __getitem__(self, name: str) -> Any:
        return self._made[name]

    @property
    def components(self) -> list[Any]:
        """Raises KeyError when a setting was not added."""
        return [self._made[setting.name] for setting in self.settings]


def read(settings: Iterable[Setting], held: Iterable[Any]) -> dict[str, Any]:
    """What the components hold -> options by name, not yet checked."""
    return {s.name: meant(s, value) for s, value in zip(settings, held, strict=True)}


def show(settings: Iterable[Setting], options: BaseModel) -> Iterator[Any]:
    """Options -> what the components hold."""
    return (shown(setting, value_of(options, setting.name)) for setting in settings)


def _union(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, Literals put together; of anything else itself."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return (annotation,)
    members = get_args(annotation)
    literals = [m for m in members if get_origin(m) is Literal]
    if len(literals) < 2:
        return members
    return (Literal[*(c for m in literals for c in get_args(m))], *(m for m in members if m not in literals))


def _literals(part: Any) -> tuple[str, ...]:
    return get_args(get_args(part)[0]) if get_origin(part) is tuple else get_args(part)


def _limit(metadata: Any, key: str) -> str:
    limit = getattr(metadata, key, None)
    return "" if limit is None else f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"


def _step(setting: Setting, value: float | None) -> float:
    """What the arrows of a number add: one, or one of its first digit's place."""
    if setting.kind == "whole":
        return 1
    return min(1.0, 10.0 ** math.floor(math.log10(abs(value)))) if value else 0.1


def _pair(line: str) -> tuple[str, Any]:
    """`name: 0.5`; a line that is none keeps its text as the value, which the model refuses."""
    found = PAIR.fullmatch(line)
    return (found[1], found[2]) if found else (line, "")
