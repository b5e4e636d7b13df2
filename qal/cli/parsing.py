"""Command lines made from options models (pydantic): a positional argument or a flag for each field.

    class PlayOptions(BaseModel, frozen=True):
        file: Path = positional("audio or video that FFmpeg can read")
        realtime: bool = Field(False, description="play as fast as it was spoken")

    options = parse_options("qal captions", "Plays a file.", PlayOptions, arguments)

A flag is spelled with hyphens (`--compute-type`); underscores are accepted too. An underscore at the end of a
field's name, as in `json_`, keeps it apart from a method of the model and is no part of the flag."""

import re
from argparse import Action
from collections.abc import Sequence
from typing import Any, TypeVar, get_args, get_origin

from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace
from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from qal.errors import OptionError
from qal.jobs.options.yaml_file import explain

Options = TypeVar("Options", bound=BaseModel)
JSON_HELP = "print one JSON object as the last line"
PYDANTIC_NOISE = re.compile(
    r"\d+ validation errors? for \S+|\[type=.*?\]|For further information visit \S+|Value error, ", re.S
)
PARSER_KEY = re.compile(r'Parser key "(.*?)":')
LIMITS = {"Ge(ge=": "≥ ", "Gt(gt=": "> ", "Le(le=": "≤ ", "Lt(lt=": "< "}


class HelpFormatter(DefaultHelpFormatter):
    """Prints `float, ≥ 0, ≤ 1` for Annotated[float, Ge(ge=0), Le(le=1)], and no names of Python classes."""

    def _get_type_str(self, action: Action) -> str | None:
        text = super()._get_type_str(action)
        if text is None or text.startswith("<class"):
            return None
        for limit, plain in LIMITS.items():
            text = text.replace(limit, plain)
        return re.sub(r"Annotated\[|Optional\[| \| null|[\])]", "", text)


def positional(description: str, metavar: str | None = None) -> Any:
    """A required field that is given by its place instead of by a flag."""
    return Field(description=description, json_schema_extra={"positional": True, "metavar": metavar})


def flag(default: Any, description: str, metavar: str | None = None, **limits: Any) -> Any:
    """A field given by a flag; `...` as the default makes it required."""
    return Field(default, description=description, json_schema_extra={"metavar": metavar}, **limits)


def parse_options(prog: str, about: str, model: type[Options], arguments: Sequence[str] | None = None) -> Options:
    """Reads a command line into the model's fields.

    Args:
        prog: the command as users type it, such as `qal captions`.
        about: the description that --help shows.
        model: the options; a field's description is its help.
        arguments: the words after the command; None reads sys.argv.

    Raises:
        OptionError: one line that names what is wrong and where --help is.
    """
    parser = make_parser(prog, about)
    for name, field in model.model_fields.items():
        add_field(parser, name, field)
    values = parse(parser, None if arguments is None else hyphenated(arguments)).as_dict()
    try:
        return model.model_validate({name: values[name.rstrip("_")] for name in model.model_fields})
    except ValidationError as error:
        raise OptionError(f"{'; '.join(explain(error, '--'))}; see {prog} --help") from error


def make_parser(prog: str, about: str) -> ArgumentParser:
    return ArgumentParser(prog=prog, description=about, exit_on_error=False, formatter_class=HelpFormatter)


def add_field(parser: ArgumentParser, name: str, field: FieldInfo) -> None:
    """Adds the argument of one field."""
    extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    settings: dict[str, Any] = {"help": field.description}
    kind = field.annotation
    if extra.get("metavar"):
        settings["metavar"] = extra["metavar"]
    if get_origin(kind) in (list, tuple):
        settings["nargs"] = "+"
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


def hyphenated(arguments: Sequence[str]) -> list[str]:
    """`--live_days` as `--live-days`; names with a point, which are fields of a group, stay as they are."""
    return [re.sub(r"^--[a-z0-9_]+(?==|$)", lambda name: name[0].replace("_", "-"), word) for word in arguments]


def parse(parser: ArgumentParser, arguments: Sequence[str] | None = None) -> Namespace:
    """Parsed arguments, with their options models made. Raises OptionError in one line."""
    try:
        return parser.instantiate(parser.parse_args(arguments))
    except (ArgumentError, ValidationError) as error:
        raise OptionError(f"{plain_reason(error)}; see {parser.prog} --help") from error


def plain_reason(error: Exception) -> str:
    """The parser's message in one line, without the validator's technical notes."""
    reason = PARSER_KEY.sub(r"\1:", PYDANTIC_NOISE.sub("", str(error))).replace("Got value:", "(got")
    return " ".join(reason.split()).rstrip(". ") + (")" if "(got" in reason else "")
