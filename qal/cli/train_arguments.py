"""The trainer's command line: all options of TrainingConfig, a YAML file of them, and a run to resume."""

import itertools
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser
from pydantic import ValidationError

from qal.cli.parsing import PARSER_KEY, make_parser, plain_reason
from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.validation_errors import validation_messages
from qal.jobs.options.yaml_file import check_config, merge_settings, parse_settings, read_settings

ALLOWED_WITH_RESUME = ("resume", "json")


@dataclass(frozen=True)
class TrainArguments:
    """The parsed command line of the trainer."""

    config: TrainingConfig
    resume: Path | None
    runs: Path
    name: str | None
    json: bool


def parse_train_arguments(prog: str, description: str, arguments: Sequence[str]) -> TrainArguments:
    """Parses the command line. Arguments override the --config file, which overrides the defaults.

    Defaults are not passed on as values, because they would override a preset of the augmentation.

    Args:
        prog: the command as users type it, such as `qal train`.
        description: the description that --help shows.
        arguments: the words after the command.

    Raises:
        OptionError: one sentence that names what is wrong.
    """
    reject_repeated(arguments)
    parser = make_train_parser(prog, description)
    try:
        options = parser.parse_args(arguments)
        given = parser.parse_args(arguments, defaults=False).as_dict()
    except ArgumentError as error:
        raise OptionError(f"{argument_error(error, arguments)}; see --help") from error
    if options.resume is not None:
        reject_settings(given)
    settings = {name: given[name] for name in TrainingConfig.model_fields if name in given}
    source = options.config or "the command line"
    if options.config is not None:
        settings = merge_settings(TrainingConfig, read_settings(Path(options.config)), settings)
    return TrainArguments(
        config=check_config(settings, source),
        resume=Path(options.resume) if options.resume is not None else None,
        runs=Path(options.runs),
        name=options.name,
        json=options.json,
    )


def make_train_parser(prog: str, description: str) -> ArgumentParser:
    """Makes the parser of the trainer's command line."""
    parser = make_parser(prog, description)
    parser.usage = "%(prog)s [options]"
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file of settings, such as configs/quick.yaml; arguments override it"
    )
    parser.add_argument("--resume", metavar="RUN_DIR", help="folder of a stopped, failed or killed run to resume")
    parser.add_argument("--runs", default="runs", help="folder in which the run's folder is created")
    parser.add_argument("--name", default=None, help="name of the run's folder (empty: date and time)")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object at the end")
    parser.add_class_arguments(TrainingConfig)
    return parser


def argument_error(error: ArgumentError, arguments: Sequence[str]) -> str:
    """Returns the sentence for a wrong argument, in the words that settings files and the page's form use."""
    key = PARSER_KEY.search(str(error))
    value = argument_value(key[1], arguments) if key else None
    if key and value is not None:
        settings: Any = value
        for name in reversed(key[1].split(".")):
            settings = {name: settings}
        try:
            TrainingConfig.model_validate(settings)
        except ValidationError as wrong_value:
            return "; ".join(validation_messages(wrong_value, "--"))
    return plain_reason(error)


def argument_value(name: str, arguments: Sequence[str]) -> Any:
    """Returns the value that the arguments give to an option, as YAML reads it; None if there is none."""
    words = [*arguments, ""]
    for word, next_word in itertools.pairwise(words):
        option, is_joined, value = word.partition("=")
        if option == f"--{name}":
            text = value if is_joined else next_word
            with suppress(OptionError):
                return parse_settings(f"value: {text}", name)["value"]
            return text
    return None


def reject_repeated(arguments: Sequence[str]) -> None:
    """Raises OptionError if an option is given twice; otherwise the parser would ignore all but the last."""
    names = Counter(argument.partition("=")[0] for argument in arguments if argument.startswith("--"))
    for name, count in names.items():
        if count > 1:
            hint = "; for several datasets: --corpus '[data/a, data/b]'" if name == "--corpus" else ""
            raise OptionError(f"{name} is given {count} times; give it once{hint}")


def reject_settings(given: dict[str, Any]) -> None:
    """Raises OptionError if arguments other than ALLOWED_WITH_RESUME are given, which a resumed run cannot change."""
    for name in given.keys() - set(ALLOWED_WITH_RESUME):
        raise OptionError(f"--{name} cannot change a run that is resumed; leave it out, or start a new run")
