"""Forms built from options models: one Gradio component for each field, so that no field is listed twice.

`to_component_value` converts an option's value to the value of its component; `to_option_value` converts it back."""

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

Kind = Literal["switch", "choice", "choices", "integer", "number", "text", "lines", "weights"]
NUMBER_KINDS = ("integer", "number")
UNSET = ""  # drop-down value for None
NAME_AND_WEIGHT = re.compile(r"(.*?)\s*:\s*([^:]*)")
PLAIN_WORD = re.compile(r"[a-z]+(-[a-z]+)*")
INPUT_FORMATS = {"lines": "One per line", "weights": "One per line, as `name: 0.5`"}
UNITS = {"s": "s", "db": "dB", "hz": "Hz", "mb": "MB", "kbps": "kbit/s"}
LABEL_WORDS = {"max": "maximum", "min": "minimum", "dora": "DoRA", "snr": "SNR", "wer": "WER"}


@dataclass(frozen=True, eq=False)
class Setting:
    """One field of an options model."""

    name: str  # dotted, as on the command line: lora.rank
    field: FieldInfo

    @cached_property
    def optional(self) -> bool:
        return type(None) in _union(self.field.annotation)

    @cached_property
    def kind(self) -> Kind:
        """The kind of component. Raises TypeError for an annotation without one, so that no field is lost."""
        members = [member for member in _union(self.field.annotation) if member is not type(None)]
        if str in members and list[str] in members:
            members = [list[str]]
        (member,) = members if len(members) == 1 else (None,)
        kinds: dict[Any, Kind] = {
            bool: "switch",
            int: "integer",
            float: "number",
            str: "text",
            list[str]: "lines",
            tuple[str, ...]: "lines",
            tuple[int, ...]: "lines",
            tuple[float, ...]: "lines",
            dict[str, float]: "weights",
        }
        if get_origin(member) is Literal:
            return "choice"
        if get_origin(member) is tuple and get_origin(get_args(member)[0]) is Literal:
            return "choices"
        if member in kinds:
            return kinds[member]
        raise TypeError(f"{self.name}: no component for {self.field.annotation}")

    @cached_property
    def choices(self) -> tuple[str, ...]:
        members = [member for member in _union(self.field.annotation) if member is not type(None)]
        return _literals(members[0])

    @property
    def element_id(self) -> str:
        """The id of its component in the page."""
        return f"set-{self.name.replace('.', '-').replace('_', '-')}"

    @property
    def label(self) -> str:
        """The field's name in words, its unit in brackets."""
        words = self.name.rpartition(".")[2].split("_")
        unit = f" ({UNITS[words.pop()]})" if len(words) > 1 and words[-1] in UNITS else ""
        text = " ".join(LABEL_WORDS.get(word, word) for word in words)
        return text[:1].upper() + text[1:] + unit

    @property
    def help(self) -> str:
        """The field's description and its limits."""
        description = self.field.description or ""
        first_word = re.split(r"[ ,;:]", description, maxsplit=1)[0]
        if PLAIN_WORD.fullmatch(first_word):  # names such as torch.compile keep their case
            description = description[:1].upper() + description[1:]
        return ". ".join(text for text in (description, self.limits) if text)

    @property
    def limits(self) -> str:
        """The allowed range in words, for example "1 to 256" or "Above 0, at most 1"."""
        words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
        limits = {key: text for entry in self.field.metadata for key in words if (text := _limit_text(entry, key))}
        if limits.keys() == {"ge", "le"}:
            return f"{limits['ge']} to {limits['le']}"
        text = ", ".join(f"{words[key]} {limit}" for key, limit in limits.items())
        return text[:1].upper() + text[1:]


def settings_of(model: type[BaseModel], group: str = "") -> list[Setting]:
    """All fields of a model and of its nested models, in order, without the fields that are excluded (shorthands)."""
    settings = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            settings += settings_of(field.annotation, f"{group}{name}.")
        elif not field.exclude:
            settings.append(Setting(f"{group}{name}", field))
    return settings


def value_of(options: BaseModel, name: str) -> Any:
    """The value of a field by its dotted name."""
    value: Any = options
    for field in name.split("."):
        value = getattr(value, field)
    return value


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Converts dotted names to nested dicts: {"lora.rank": 8} -> {"lora": {"rank": 8}}."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *groups, last = name.split(".")
        group = tree
        for group_name in groups:
            group = group.setdefault(group_name, {})
        group[last] = value
    return tree


def to_component_value(setting: Setting, value: Any) -> Any:
    """Converts an option's value to the value of its component."""
    if setting.kind == "choices":
        return list(value)
    if setting.kind == "choice":
        return UNSET if value is None else value
    if setting.kind == "text":
        return value or ""
    if setting.kind in NUMBER_KINDS and setting.optional:
        return "" if value is None else repr(value).removesuffix(".0")
    if setting.kind == "lines":
        return "\n".join([value] if isinstance(value, str) else map(str, value))
    if setting.kind == "weights":
        return "\n".join(f"{name}: {weight!r}".removesuffix(".0") for name, weight in value.items())
    return value


def to_option_value(setting: Setting, value: Any) -> Any:
    """Converts a component's value to the option's value, without validating it; the options model does that."""
    if not isinstance(value, str):
        return value
    if setting.kind in ("choice", "text", *NUMBER_KINDS):
        return None if setting.optional and not value.strip() else value.strip()
    if setting.kind == "lines":
        return [line.strip() for line in value.splitlines() if line.strip()]
    if setting.kind == "weights":
        return dict(_name_and_weight(line.strip()) for line in value.splitlines() if line.strip())
    return value


def component(setting: Setting, value: Any, label: str = "") -> FormComponent:
    """The component for a setting, with an option's value."""
    arguments = component_arguments(setting, label, INPUT_FORMATS.get(setting.kind, ""))
    common = {"value": to_component_value(setting, value), **arguments}
    match setting.kind:
        case "switch":
            return gr.Checkbox(**common)
        case "choice":
            unset = [("unset", UNSET)] if setting.optional else []
            return gr.Dropdown([*unset, *((c, c) for c in setting.choices)], filterable=False, **common)
        case "choices":
            return gr.Dropdown([*setting.choices], multiselect=True, **common)
        case "integer" | "number" if not setting.optional:  # an empty gr.Number would be shown as 0
            return gr.Number(step=_step(setting, value), **common)  # no minimum: Gradio reports it far from the field
        case "text" | "integer" | "number":
            return gr.Textbox(placeholder="unset" if setting.optional else "", max_lines=1, **common)
        case _:
            return gr.Textbox(lines=2, max_lines=6, **common)


def component_arguments(setting: Setting, label: str = "", input_format: str = "") -> dict[str, Any]:
    """The arguments that all kinds of components share: label, help with the input format, and element id."""
    return {
        "label": label or setting.label,
        "info": ". ".join(text for text in (setting.help, input_format) if text),
        "elem_id": setting.element_id,
        "interactive": True,
    }


ComponentFactory = Callable[[Setting, Any, str], FormComponent]  # (setting, option value, label) -> component


class Form:
    """The components of an options model. `add` creates them where it is called; `components` lists all of them."""

    def __init__(
        self,
        settings: Sequence[Setting],
        options: BaseModel,
        labels: Mapping[str, str],
        factories: Mapping[str, ComponentFactory],
    ):
        """
        Args:
            settings: all settings of the form.
            options: the initial values.
            labels: labels by setting name, in place of the default ones.
            factories: custom component factories by setting name.
        """
        self.settings = settings
        self._options = options
        self._labels = labels
        self._factories = factories
        self._settings_by_name = {setting.name: setting for setting in settings}
        self._components: dict[str, FormComponent] = {}

    def add(self, *names: str) -> None:
        """Creates the components of the named settings in the current Gradio block."""
        for name in names:
            setting, value = self._settings_by_name[name], value_of(self._options, name)
            create = self._factories.get(name, component)
            self._components[name] = create(setting, value, self._labels.get(name, setting.label))

    def __getitem__(self, name: str) -> Any:
        return self._components[name]

    @property
    def components(self) -> list[Any]:
        """All components in the order of the settings. Raises KeyError when a setting was not added."""
        return [self._components[setting.name] for setting in self.settings]


def option_values(settings: Iterable[Setting], values: Iterable[Any]) -> dict[str, Any]:
    """Converts the values of the components to option values by name, without validating them."""
    return {s.name: to_option_value(s, value) for s, value in zip(settings, values, strict=True)}


def component_values(settings: Iterable[Setting], options: BaseModel) -> Iterator[Any]:
    """Converts options to the values of the components, in the order of the settings."""
    return (to_component_value(setting, value_of(options, setting.name)) for setting in settings)


def _union(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, with its Literals merged into one; the annotation alone when it is no union."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return (annotation,)
    members = get_args(annotation)
    literals = [m for m in members if get_origin(m) is Literal]
    if len(literals) < 2:
        return members
    return (Literal[*(c for m in literals for c in get_args(m))], *(m for m in members if m not in literals))


def _literals(annotation: Any) -> tuple[str, ...]:
    return get_args(get_args(annotation)[0]) if get_origin(annotation) is tuple else get_args(annotation)


def _limit_text(constraint: Any, key: str) -> str:
    limit = getattr(constraint, key, None)
    return "" if limit is None else f"{limit:,}" if isinstance(limit, int) else f"{limit:g}"


def _step(setting: Setting, value: float | None) -> float:
    """The step of a number field's arrows: 1, or for fractions the place of the first digit of the value."""
    if setting.kind == "integer":
        return 1
    return min(1.0, 10.0 ** math.floor(math.log10(abs(value)))) if value else 0.1


def _name_and_weight(line: str) -> tuple[str, Any]:
    """Splits `name: 0.5`. A line in another form gets an empty weight, which the options model rejects."""
    match = NAME_AND_WEIGHT.fullmatch(line)
    return (match[1], match[2]) if match else (line, "")
