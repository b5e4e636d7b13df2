"""Command lines made from options models (pydantic): a positional argument or a flag for each field.

    class PlayOptions(BaseModel, frozen=True):
        file: Path = positional("audio or video that FFmpeg can read")
        realtime: bool = Field(False, description="play as fast as it was spoken")

    options = parse_options("qal captions", "Plays a file.", PlayOptions, arguments)

A flag is spelled with hyphens (`--compute-type`); underscores are accepted too. An underscore at the end of a
field's name, as in `json_`, keeps it apart from a method of the model and is no part of the flag."""

import re
from argparse import SUPPRESS, Action, _HelpAction
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace
from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from qal.errors import OptionError
from qal.jobs.options.validation_errors import validation_messages
from qal.storage import require_makeable

Options = TypeVar("Options", bound=BaseModel)
JSON_HELP = "print one JSON object as the last line"
PYDANTIC_NOISE = re.compile(
    r"\d+ validation errors? for \S+|\[type=.*?\]|For further information visit \S+|Value error, ", re.S
)
PARSER_KEY = re.compile(r'Parser key "(.*?)":')
NUMBER = re.compile(r"(Optional\[)?(Annotated\[)?(int|float)\b")
PLAIN_LIMITS = {  # pydantic's messages, with the limit before the value
    r"less than or equal to (?P<limit>\S+)": r"at most \g<limit>",
    r"greater than or equal to (?P<limit>\S+)": r"at least \g<limit>",
    r"less than (?P<limit>\S+)": r"below \g<limit>",
    r"greater than (?P<limit>\S+)": r"above \g<limit>",
    r"a valid integer(?:, unable to parse string as an integer)?": "a whole number",
    r"a valid number(?:, unable to parse string as a number)?": "a number",
}
LIMITS = {"Ge(ge=": "≥ ", "Gt(gt=": "> ", "Le(le=": "≤ ", "Lt(lt=": "< "}


class HelpFormatter(DefaultHelpFormatter):
    """Prints types and defaults as a user writes them: `float, ≥ 0, ≤ 1; default: 0.5`, and no Python classes."""

    def _get_help_string(self, action: Action) -> str:
        if isinstance(action, _HelpAction):
            return super()._get_help_string(action)
        notes = ["required"] if action.required and action.option_strings else []
        notes += filter(None, [self._get_type_str(action)])
        if action.option_strings and action.default not in (None, SUPPRESS, False, "", {}, [], ()):
            notes += [f"default: {plain_default(action.default)}"]
        note = "; ".join(notes)
        return f"{action.help or ''} ({note})" if note else action.help or ""

    def _get_type_str(self, action: Action) -> str | None:
        """The type of a number, with its limits; None for everything else."""
        text = super()._get_type_str(action)
        if text is None or not NUMBER.match(text):
            return None
        for limit, plain in LIMITS.items():
            text = text.replace(limit, plain)
        return re.sub(r"Annotated\[|Optional\[| \| null|[\])]", "", text)


def plain_default(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def positional(description: str, metavar: str | None = None, nargs: str = "+") -> Any:
    """Declares a required field that is a positional argument; a list with nargs="*" may be empty."""
    extra: dict[str, Any] = {"positional": True, "metavar": metavar, "nargs": nargs}
    return Field(description=description, json_schema_extra=extra)


def flag(default: Any, description: str, metavar: str | None = None, **limits: Any) -> Any:
    """Declares a field that is a flag; `...` as the default makes it required."""
    return Field(default, description=description, json_schema_extra={"metavar": metavar}, **limits)


def stored_in(default: Path, description: str) -> Any:
    """Declares a flag `out` that names a folder from which a command only reads."""
    return Field(default, description=description, json_schema_extra={"metavar": "DIR", "is_read": True})


def parse_options(prog: str, about: str, model: type[Options], arguments: Sequence[str] | None = None) -> Options:
    """Reads a command line into the model's fields.

    Args:
        prog: the command as users type it, such as `qal captions`.
        about: the description that --help shows.
        model: the options; a field's description is its help.
        arguments: the words after the command; None reads sys.argv.

    Raises:
        OptionError: one line that names what is wrong and where --help is.
        StorageError: what `--out` names cannot be made, which is said before the work begins.
    """
    parser = make_parser(prog, about)
    for name, field in model.model_fields.items():
        add_field(parser, name, field)
    parser.usage = short_usage(model)
    values = parse(parser, None if arguments is None else hyphenated(arguments)).as_dict()
    try:
        options = model.model_validate({name: values[name.rstrip("_")] for name in model.model_fields})
    except ValidationError as error:
        raise OptionError(f"{'; '.join(validation_messages(error, '--'))}; see {prog} --help") from error
    _require_output(options)
    return options


def _require_output(options: BaseModel) -> None:
    """Raises StorageError if the file or folder of --out cannot be made; a dry run writes nothing."""
    extra = type(options).model_fields["out"].json_schema_extra if hasattr(options, "out") else None
    is_read = isinstance(extra, dict) and extra.get("is_read")
    out = getattr(options, "out", None)
    if isinstance(out, Path) and not is_read and not getattr(options, "dry_run", False):
        require_makeable(out)


def short_usage(model: type[BaseModel]) -> str:
    """The usage line with positional arguments only; a command may have a hundred options."""
    words = ["%(prog)s [options]"]
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("positional"):
            word = str(extra["metavar"] or name.upper())
            words.append(f"{word}..." if get_origin(field.annotation) is list else word)
    return " ".join(words)


def make_parser(prog: str, about: str) -> ArgumentParser:
    return ArgumentParser(prog=prog, description=about, exit_on_error=False, formatter_class=HelpFormatter)


def add_field(parser: ArgumentParser, name: str, field: FieldInfo) -> None:
    """Adds the argument of one field."""
    extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    settings: dict[str, Any] = {"help": field.description}
    kind = without_none(field.annotation)  # a wrong value then is reported for the other type alone
    if extra.get("metavar"):
        settings["metavar"] = extra["metavar"]
    if get_origin(kind) in (list, tuple):
        settings["nargs"] = extra.get("nargs", "+")
        kind = get_args(kind)[0]
    if extra.get("positional"):
        parser.add_argument(name, type=kind, **settings)
        return
    option = f"--{name.rstrip('_').replace('_', '-')}"
    if kind is bool:
        parser.add_argument(option, action="store_true", **settings)
    elif field.is_required():
        parser.add_argument(option, type=kind, required=True, **settings)
    else:
        parser.add_argument(option, type=kind, default=field.get_default(call_default_factory=True), **settings)


def without_none(kind: Any) -> Any:
    """Returns X of the type `X | None`; other types unchanged."""
    others = [part for part in get_args(kind) if part is not type(None)]
    is_optional = get_origin(kind) in (Union, UnionType) and len(others) == 1
    return others[0] if is_optional else kind


def hyphenated(arguments: Sequence[str]) -> list[str]:
    """Replaces `--live_days` by `--live-days`; dotted names, which are fields of a group, stay unchanged."""
    return [re.sub(r"^--[a-z0-9_]+(?==|$)", lambda name: name[0].replace("_", "-"), word) for word in arguments]


def parse(parser: ArgumentParser, arguments: Sequence[str] | None = None) -> Namespace:
    """Parses arguments and creates their options models. Raises OptionError in one line."""
    try:
        return parser.instantiate(parser.parse_args(arguments))
    except (ArgumentError, ValidationError) as error:
        raise OptionError(f"{plain_reason(error)}; see {parser.prog} --help") from error


def plain_reason(error: Exception) -> str:
    """The parser's message in one line, without the validator's technical notes."""
    reason = PARSER_KEY.sub(r"\1:", PYDANTIC_NOISE.sub("", str(error))).replace("Got value:", "(got")
    for pattern, plain in PLAIN_LIMITS.items():
        reason = re.sub(rf"Input should be {pattern}\s*\(got (?P<got>\S+)", rf"should be {plain}, not \g<got>", reason)
    reason = re.sub(r"Expected a <class '(?:tuple|list)'>", 'should be a list such as ["a","b"]', reason)
    return " ".join(reason.split()).rstrip(". ") + (")" if "(got" in reason else "")
