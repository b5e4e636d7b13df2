"""What the page's drop-downs offer, read from disk each time a page opens."""

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from qal.corpus.manifest import CORPUS_INFO, MANIFEST, Origin
from qal.engine.catalogue import DEFAULT_MODEL, HUB, NAMES, local_directory
from qal.engine.model_directory import is_model_directory
from qal.errors import QalError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import list_runs
from ui_components.widgets.language_names import LANGUAGE_NAMES

DETECT = ""  # the drop-down's value for "let the model detect the language"

Choices = list[tuple[str, str]]  # (what is shown, the value)


@dataclass(frozen=True)
class Preset:
    name: str
    config: TrainingConfig
    about: str  # the first comment line of its file


class _Said(Origin, frozen=True):
    """corpus.json, which may be written by hand: what is left out is not shown."""

    languages: tuple[str, ...] = ()
    duration_s: float = 0


def model_choices(runs: Path, default: str = DEFAULT_MODEL) -> Choices:
    """What can be loaded now: the catalogue's models, finished runs, and a default that is a directory.

    A default of the catalogue that is not at hand is offered too: it is fetched when it is first used."""
    given = [default] if default not in NAMES and is_model_directory(Path(os.path.expanduser(default))) else []
    known = [name for name in NAMES if local_directory(name) or (name == default and name in HUB)]
    tuned = [run.id for run in list_runs(runs) if is_model_directory(run.model)]
    return [(Path(d).name, d) for d in given] + [(n, n) for n in known] + [(f"{n} (tuned here)", n) for n in tuned]


def offered_models(runs: Path, default: str) -> set[str]:
    """What a page may ask for: its own list, nothing else of this machine."""
    return {value for _, value in model_choices(runs, default)}


def chosen(choices: Choices, *wanted: str | None) -> str | None:
    """The first wanted value that is on offer, else the first on offer, else None."""
    values = [value for _, value in choices]
    return next((w for w in wanted if w in values), values[0] if values else None)


def language_choices() -> Choices:
    named = sorted((name.capitalize(), code) for code, name in LANGUAGE_NAMES.items())
    return [("Detect", DETECT), *named]


def corpus_choices(data: Path) -> Choices:
    """The corpora of the data folder: name, length and languages."""
    folders = sorted(file.parent for file in data.glob(f"*/{MANIFEST}"))
    return [(_corpus_label(folder), str(folder)) for folder in folders if not folder.name.startswith(".")]


def presets(configs: Path) -> tuple[list[Preset], list[QalError]]:
    """The YAML files that fine-tune, by name, and what was wrong with those that cannot be read."""
    found, broken = [], []
    for path in sorted(configs.glob("*.yaml")):
        try:
            config = load_config(path)
        except QalError as error:
            broken.append(error)
            continue
        if config.method == "finetune":
            found.append(Preset(path.stem, config, _first_comment(path)))
    return found, broken


def _corpus_label(folder: Path) -> str:
    """From corpus.json alone: a manifest may be long."""
    file = folder / CORPUS_INFO
    try:
        said = _Said.model_validate_json(file.read_bytes()) if file.exists() else _Said(name=folder.name)
    except (ValidationError, OSError):
        return f"{folder.name} · {CORPUS_INFO} is broken"
    length = f"{said.duration_s / 60:.0f} min" if said.duration_s else ""
    languages = ", ".join(LANGUAGE_NAMES.get(code, code).capitalize() for code in said.languages)
    return " · ".join(part for part in (folder.name, length, languages) if part)


def _first_comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""
