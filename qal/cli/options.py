"""Command lines made from options models: a flag a field."""

from collections.abc import Sequence
from typing import TypeVar

from jsonargparse import ArgumentParser
from pydantic import BaseModel, ValidationError

from engine.command_line import parse
from errors import OptionError
from training.config_file import explain

Options = TypeVar("Options", bound=BaseModel)


def parse_options(script: str, about: str, model: type[Options], arguments: Sequence[str] | None = None) -> Options:
    """Arguments -> options; `--help` shows the fields' descriptions. Raises OptionError in one line."""
    parser = ArgumentParser(prog=f"python {script}", description=about, exit_on_error=False)
    for name, field in model.model_fields.items():
        if field.annotation is bool:
            parser.add_argument(f"--{name}", action="store_true", help=field.description)
        else:
            parser.add_argument(f"--{name}", type=field.annotation, default=field.default, help=field.description)
    values = parse(parser, arguments).as_dict()
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise OptionError(f"{'; '.join(explain(error, '--'))}; see {parser.prog} --help") from error
