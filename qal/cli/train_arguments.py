"""The trainer's command line: every option of TrainingConfig, YAML files of them, and a run to go on with."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentError, ArgumentParser

from qal.cli.parsing import HelpFormatter, plain_reason
from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import check_config, merged, read_settings

NOT_OF_A_RUN = ("resume", "json")  # what may stand beside --resume


@dataclass(frozen=True)
class Asked:
    """What a command line asks for."""

    config: TrainingConfig
    resume: Path | None
    runs: Path
    name: str | None
    json: bool


def parse(script: str, about: str, arguments: Sequence[str]) -> Asked:
    """Raises OptionError in one sentence. What is given wins over the --config file, which wins over the defaults.

    A preset of the augmentation is such a default, so only what was given may stand in front of it."""
    refuse_twice(arguments)
    parser = make_parser(script, about)
    try:
        options = parser.parse_args(arguments)
        given = parser.parse_args(arguments, defaults=False).as_dict()
    except ArgumentError as error:
        raise OptionError(f"{plain_reason(error)}; see --help") from error
    if options.resume is not None:
        refuse_settings(given)
    settings = {name: given[name] for name in TrainingConfig.model_fields if name in given}
    source = options.config or "the command line"
    if options.config is not None:
        settings = merged(TrainingConfig, read_settings(Path(options.config)), settings)
    return Asked(
        config=check_config(settings, source),
        resume=Path(options.resume) if options.resume is not None else None,
        runs=Path(options.runs),
        name=options.name,
        json=options.json,
    )


def make_parser(script: str, about: str) -> ArgumentParser:
    parser = ArgumentParser(prog=script, description=about, exit_on_error=False, formatter_class=HelpFormatter)
    parser.add_argument(
        "--config", metavar="FILE", help="YAML file of settings, such as configs/quick.yaml; options beside it win"
    )
    parser.add_argument("--resume", metavar="RUN_DIR", help="go on with a stopped, failed or killed run")
    parser.add_argument("--runs", default="runs", help="folder in which the run's folder is made")
    parser.add_argument("--name", default=None, help="name of the run's folder; unset: date and time")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object at the end")
    parser.add_class_arguments(TrainingConfig)
    return parser


def refuse_twice(arguments: Sequence[str]) -> None:
    """The last one would win, silently."""
    names = Counter(argument.partition("=")[0] for argument in arguments if argument.startswith("--"))
    for name, count in names.items():
        if count > 1:
            hint = "; for several corpora: --corpus '[data/a, data/b]'" if name == "--corpus" else ""
            raise OptionError(f"{name} is given {count} times; give it once{hint}")


def refuse_settings(given: dict[str, Any]) -> None:
    """A resumed run keeps its settings and its place; silently dropping new ones would mislead."""
    for name in given.keys() - set(NOT_OF_A_RUN):
        raise OptionError(f"--{name} cannot change a run that is resumed; leave it out, or start a new run")
