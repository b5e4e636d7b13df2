"""The options of a run as a YAML file: presets, `runs/<id>/config.yaml`, what a user wrote."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig


class PlainSettings(yaml.constructor.SafeConstructor):
    """YAML in which no, yes, on and off are words (as in YAML 1.2: Norwegian is 'no') and a name stands once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f"'{name}' is there twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


class SettingsLoader(PlainSettings, yaml.SafeLoader):
    """Says best what is wrong with a file."""


MAX_TEXT, MAX_DEPTH = 50_000, 20  # characters and levels of a settings file; a run's has 6,000 and four


class FastLoader(PlainSettings, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportGeneralTypeIssues]
    """libyaml's, where it is there: several times as fast, which counts where a page lists many runs."""


BOOL = "tag:yaml.org,2002:bool"
for loader in (SettingsLoader, FastLoader):
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != BOOL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver(BOOL, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


def load_config(path: Path) -> TrainingConfig:
    """A YAML file -> options. Raises OptionError that names the file and the field."""
    return check_config(read_settings(path), str(path))


def read_settings(path: Path) -> dict[str, Any]:
    """What a YAML file says, not yet checked. Raises OptionError that names the file."""
    try:
        return parse_settings(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise OptionError(f"{path}: there is no such file; the presets are in configs/") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{path}: not valid YAML; compare it with a file of configs/") from error


def parse_settings(text: str, source: str) -> dict[str, Any]:
    """YAML -> what it says, not yet checked. Raises OptionError that names the source."""
    if len(text) > MAX_TEXT:
        raise OptionError(f"{source}: has more than {MAX_TEXT:,} characters; settings have some thousands")
    try:
        values = _parsed(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}, " if error.problem_mark else ""
        raise OptionError(f"{source}: {line}{error.problem}; compare it with a file of configs/") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: a date or a number that cannot be
        raise OptionError(f"{source}: not valid YAML; compare it with a file of configs/") from error
    if not isinstance(values, dict):
        raise OptionError(f"{source}: must hold `name: value` lines; compare it with a file of configs/")
    return values


def _parsed(text: str) -> Any:
    try:
        if not (trouble := _trouble(text)):
            return yaml.load(text, FastLoader)
    except yaml.YAMLError:
        yaml.load(text, SettingsLoader)
        raise
    raise trouble


def _trouble(text: str) -> yaml.MarkedYAMLError | None:
    """libyaml builds what is nested in a recursion of C, which may end the process; an alias may stand for anything."""
    depth = 0
    for event in yaml.parse(text, FastLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return yaml.MarkedYAMLError(problem="an alias (*name); write its value out", problem_mark=event.start_mark)
    return None


def check_config(values: dict, source: str) -> TrainingConfig:
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{source}: {'; '.join(explain(error))}") from error


def explain(error: ValidationError, prefix: str = "") -> list[str]:
    """One clause a wrong field, such as `lora.rank: Input should be greater than 0 (got -1)`."""
    return [
        f"{prefix}{'.'.join(map(str, e['loc']))}: {_said(e)} (got {e['input']!r})" if e["loc"] else _said(e)
        for e in error.errors()
    ]


def _said(error: ErrorDetails) -> str:
    return error["msg"].removeprefix("Value error, ")


def as_yaml(config: TrainingConfig) -> str:
    """Complete and resolved, as load_config reads it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def save_config(config: TrainingConfig, path: Path) -> None:
    """Written beside, made sure of and renamed: half of it would read as other settings."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(as_yaml(config))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def merged(model: type[BaseModel], below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Settings of a model, field by field; of two groups their fields, of other values the upper one."""
    both = {**below, **above}
    for name in below.keys() & above.keys():
        group = model.model_fields[name].annotation if name in model.model_fields else None
        if isinstance(group, type) and issubclass(group, BaseModel) and isinstance(below[name], dict):
            both[name] = merged(group, below[name], above[name])
    return both
