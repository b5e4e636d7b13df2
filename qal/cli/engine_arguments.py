"""What the command lines that load an engine have in common."""

import re
from argparse import Action
from collections.abc import Sequence
from typing import Any, get_args

from jsonargparse import ArgumentError, ArgumentParser, DefaultHelpFormatter, Namespace
from pydantic import ValidationError

from engine.catalogue import resolve
from engine.engine import ContextChoice, Device, Engine
from engine.languages import check_language
from errors import OptionError

NOISE = re.compile(r"\d+ validation errors? for \S+|\[type=.*?\]|For further information visit \S+|Value error, ", re.S)

OPTION = re.compile(r'Parser key "(.*?)":')
LIMITS = {"Ge(ge=": "≥ ", "Gt(gt=": "> ", "Le(le=": "≤ ", "Lt(lt=": "< "}


class HelpFormatter(DefaultHelpFormatter):
    """Says `float, ≥ 0, ≤ 1` where the options model says Annotated[float, Ge(ge=0), Le(le=1)]."""

    def _get_type_str(self, action: Action) -> str | None:
        text = super()._get_type_str(action)
        if text is None or text.startswith("<class"):
            return None
        for made, plain in LIMITS.items():
            text = text.replace(made, plain)
        return re.sub(r"Annotated\[|Optional\[| \| null|[\])]", "", text)


def parser(command: str, description: str) -> ArgumentParser:
    """A parser with MODEL as its first argument."""
    made = ArgumentParser(
        prog=f"python -m {command}", description=description, exit_on_error=False, formatter_class=HelpFormatter
    )
    made.add_argument("model", metavar="MODEL", help="a catalogue name such as base, a run's id or a directory")
    return made


def add_engine_arguments(to: ArgumentParser) -> None:
    to.add_argument("--language", metavar="XX", help="language code such as en or am; left out: detected")
    contexts, devices = get_args(ContextChoice), get_args(Device)
    to.add_argument("--context", choices=contexts, default="auto", help="auto: as short as the weights can; full: 30 s")
    to.add_argument("--device", choices=devices, default="auto", help="auto: a GPU when there is one")
    to.add_argument("--compute-type", default="auto", metavar="TYPE", help="auto: float16 on a GPU, int8 on a CPU")
    to.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads; 0: all cores")


def parse(with_parser: ArgumentParser, arguments: Sequence[str] | None = None) -> Namespace:
    """Arguments with their options models made. Raises OptionError in one line."""
    try:
        return with_parser.instantiate(with_parser.parse_args(arguments))
    except (ArgumentError, ValidationError) as error:
        raise OptionError(f"{plain_reason(error)}; see {with_parser.prog} --help") from error


def plain_reason(error: Exception) -> str:
    """What the parser found wrong, without the validator's noise, in one line."""
    reason = OPTION.sub(r"\1:", NOISE.sub("", str(error))).replace("Got value:", "(got")
    return " ".join(reason.split()).rstrip(". ") + (")" if "(got" in reason else "")


def load_engine(arguments: Namespace) -> Engine:
    """The engine that the arguments name, after a check that it has the language."""
    chosen: dict[str, Any] = {"device": arguments.device, "context": arguments.context, "threads": arguments.threads}
    engine = Engine(resolve(arguments.model), compute_type=arguments.compute_type, **chosen)
    if arguments.language is not None:
        check_language(arguments.language, engine.tokenizer.languages)
    return engine


def description(engine: Engine) -> str:
    """One line for people: where it runs and what it hears."""
    ability = engine.ability
    context = f"adaptive (speech + {ability.margin_s:g} s)" if ability.adaptive else "30 s"
    return f"device {engine.device}, compute type {engine.compute_type}, context {context}"
