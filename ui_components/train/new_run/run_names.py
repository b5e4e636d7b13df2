"""The name of a new run: a suggestion made of dataset, preset and date, and the check of the user's own."""

import time
from collections.abc import Collection, Sequence
from pathlib import Path

from qal.errors import OptionError
from qal.jobs.notes import MAX_TITLE_CHARS, check_title
from qal.jobs.options.training_config import TrainingConfig
from ui_components.app.studio import Studio
from ui_components.train.new_run.baseline import RUN_PREFIX
from ui_components.train.new_run.checks import Problem
from ui_components.train.run.view import corpus_names

NAME_SETTING = "name"  # in a problem; the name is not an option of the trainer
MAX_SUFFIX_CHARS = 20  # of a suggestion: date and number


def taken_names(studio: Studio) -> set[str]:
    """The names of all runs."""
    return {entry.name for entry in studio.run_index.entries(studio.runs)}


def suggested_name(studio: Studio, config: TrainingConfig, preset: str | None) -> str:
    """A name made of dataset, preset and date that no other run has."""
    return free_name(corpus_names(config), preset, taken_names(studio))


def free_name(datasets: Sequence[str], preset: str | None, taken: Collection[str]) -> str:
    """A name such as "asterisk-ru-quick-2026-11-27", with a number at its end if it is taken.

    Args:
        datasets: the names of the datasets; of several, the first one is used.
        preset: the value of the preset drop-down.
        taken: the names of all runs.
    """
    start = "again" if preset and preset.startswith(RUN_PREFIX) else preset
    parts = [*(Path(name).name for name in datasets[:1]), start or ""]
    base = "-".join(part for part in parts if part)[: MAX_TITLE_CHARS - MAX_SUFFIX_CHARS]
    name = f"{base}-{time.strftime('%Y-%m-%d')}".strip("-")
    used = {title.casefold() for title in taken}
    numbered = (name if number == 1 else f"{name}-{number}" for number in range(1, len(used) + 2))
    return next(candidate for candidate in numbered if candidate.casefold() not in used)


def name_problem(studio: Studio, name: str | None) -> Problem | None:
    """The problem of a name that a user gave to a new run; None if it can be used."""
    try:
        check_title(name or "", taken_names(studio))
    except OptionError as error:
        return Problem(NAME_SETTING, str(error))
    return None


def title_of(studio: Studio, name: str | None, config: TrainingConfig, preset: str | None) -> str:
    """The title of a new run: the user's name, else the suggestion. Raises OptionError for a name that is taken."""
    return check_title(name or "", taken_names(studio)) or suggested_name(studio, config, preset)
