"""Options of a run as YAML: presets, `runs/<id>/config.yaml` and files written by users."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.validation_errors import validation_messages
from qal.storage import require_regular

MAX_TEXT_CHARS = 50_000  # of a settings file; config.yaml of a run has about 6,000
MAX_DEPTH = 20  # levels of nesting; config.yaml of a run has four
HINT = "compare it with a file of configs/"


class UniqueNames(yaml.constructor.SafeConstructor):
    """Constructor that rejects a mapping in which a name is repeated."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.constructor.ConstructorError(
                    problem=f"'{name}' is given twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)


class SettingsLoader(UniqueNames, yaml.SafeLoader):
    """PyYAML's own loader, which has the clearer error messages."""


class FastLoader(UniqueNames, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # pyright: ignore[reportGeneralTypeIssues]
    """Loader of libyaml if it is installed: several times as fast, which matters for pages that list many runs."""


BOOL_TAG = "tag:yaml.org,2002:bool"
for loader in (SettingsLoader, FastLoader):  # as in YAML 1.2, no, yes, on and off are text: `no` is Norwegian
    loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != BOOL_TAG]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver(BOOL_TAG, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


def load_config(path: Path) -> TrainingConfig:
    """Reads and checks a YAML file of options. Raises OptionError, which names the file and the field."""
    return check_config(read_settings(path), str(path))


def read_settings(path: Path) -> dict[str, Any]:
    """Reads a YAML file without checking the options. Raises OptionError, which names the file."""
    try:
        return parse_settings(require_regular(path).read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise OptionError(f"{path}: there is no such file; the presets are in configs/") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{path}: not valid YAML; {HINT}") from error


def parse_settings(text: str, source: str) -> dict[str, Any]:
    """Parses YAML without checking the options.

    Args:
        text: the YAML.
        source: name of the file or the form, for errors.

    Raises:
        OptionError: the text is too long, not valid YAML, or not a mapping.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise OptionError(f"{source}: has more than {MAX_TEXT_CHARS:,} characters; a settings file is shorter")
    try:
        values = _parse_yaml(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}, " if error.problem_mark else ""
        raise OptionError(f"{source}: {line}{error.problem}; {HINT}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # ValueError: an impossible date or number
        raise OptionError(f"{source}: not valid YAML; {HINT}") from error
    if not isinstance(values, dict):
        raise OptionError(f"{source}: must consist of `name: value` lines; {HINT}")
    return values


def _parse_yaml(text: str) -> Any:
    try:
        error = _structure_error(text)
        if error is None:
            return yaml.load(text, FastLoader)
    except yaml.YAMLError:
        yaml.load(text, SettingsLoader)  # raises the same error with a clearer message
        raise
    raise error


def _structure_error(text: str) -> yaml.MarkedYAMLError | None:
    """Finds deep nesting, which may overflow the stack of libyaml, and aliases, which may expand to any size."""
    depth = 0
    for event in yaml.parse(text, FastLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        if isinstance(event, yaml.AliasEvent):
            return yaml.MarkedYAMLError(
                problem="an alias (*name); write the value instead", problem_mark=event.start_mark
            )
    return None


def check_config(values: dict, source: str) -> TrainingConfig:
    """Makes the options from plain values. Raises OptionError, which names the source and each wrong field."""
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{source}: {'; '.join(validation_messages(error))}") from error


def as_yaml(config: TrainingConfig) -> str:
    """Returns all options as YAML, as load_config reads it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def save_config(config: TrainingConfig, path: Path) -> None:
    """Writes the options atomically, because an incomplete file may be valid YAML with other options."""
    partial = path.with_name(path.name + ".new")
    with partial.open("w", encoding="utf-8") as file:
        file.write(as_yaml(config))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def merge_settings(model: type[BaseModel], below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Merges settings; where both have a value, `above` wins, and groups are merged field by field.

    Args:
        model: the options model of the settings.
        below: plain values of fields.
        above: plain values of fields, which override those of `below`.
    """
    both = {**below, **above}
    for name in below.keys() & above.keys():
        group = model.model_fields[name].annotation if name in model.model_fields else None
        if isinstance(group, type) and issubclass(group, BaseModel) and isinstance(below[name], dict):
            both[name] = merge_settings(group, below[name], above[name])
    return both
