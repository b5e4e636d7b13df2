"""Choices of the page's drop-downs: models, languages, datasets and presets. They are read from disk at each call."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE, Origin
from qal.engine.catalogue import CATALOGUE_NAMES, DEFAULT_MODEL, HUB_MODELS, RESERVED_NAMES, local_directory
from qal.engine.model_directory import is_model_directory
from qal.engine.registry.registry import SERVING, Registry
from qal.errors import QalError, StorageError
from qal.jobs.notes import run_name
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import list_runs
from qal.storage import require_regular
from ui_components.widgets.language_names import LANGUAGE_NAMES

DETECT = ""  # drop-down value for language detection by the model

Choices = list[tuple[str, str]]  # (label, value)


@dataclass(frozen=True)
class Preset:
    """A YAML file with settings for fine-tuning."""

    name: str
    config: TrainingConfig
    about: str  # the first comment line of the file


class PresetFiles(NamedTuple):
    """The presets of a folder, and an error for each file that cannot be read."""

    presets: list[Preset]
    errors: list[QalError]


class _CorpusSummary(Origin, frozen=True):
    """The fields of corpus.json that a label shows. All are optional, because the file may be written by hand."""

    languages: tuple[str, ...] = ()
    duration_s: float = 0


def model_choices(runs: Path, default: str = DEFAULT_MODEL) -> Choices:
    """The models that can be loaded now: the serving one, a default that is a directory, installed catalogue models,
    and finished runs.

    A default from the catalogue is listed even if it is not installed; it is downloaded when it is first used."""
    given = [default] if default not in RESERVED_NAMES and is_model_directory(Path(os.path.expanduser(default))) else []
    known = [name for name in CATALOGUE_NAMES if local_directory(name) or (name == default and name in HUB_MODELS)]
    tuned = run_choices((run_name(run), run.id) for run in list_runs(runs) if is_model_directory(run.model))
    return [
        *serving_choice(runs),
        *((Path(directory).name, directory) for directory in given),
        *((name, name) for name in known),
        *((f"{name} (fine-tuned here)", run_id) for name, run_id in tuned),
    ]


def serving_choice(runs: Path) -> Choices:
    """The choice of the model that serves, which later promotions change; [] if none can serve."""
    try:
        registry = Registry(runs)
        serving = registry.state().serving
        registry.serving_directory()
    except QalError:  # no model serves, its files are gone, or the registry is damaged; the Models tab says so
        return []
    return [(f"serving ({serving.run or serving.id})", SERVING)] if serving else []


def run_choices(runs: Iterable[tuple[str, str]]) -> Choices:
    """Choices for runs given as (name, id); a name that several runs have is followed by the id."""
    named = [*runs]
    counts = Counter(name for name, _ in named)
    return [(name if counts[name] == 1 else f"{name} · {run_id}", run_id) for name, run_id in named]


def allowed_models(runs: Path, default: str) -> set[str]:
    """The model values that a page may request; any other path on this machine is refused."""
    return {value for _, value in model_choices(runs, default)}


def first_available(choices: Choices, *wanted: str | None) -> str | None:
    """The first wanted value that is in the choices, else the first choice, else None if there are no choices."""
    values = [value for _, value in choices]
    return next((w for w in wanted if w in values), values[0] if values else None)


def language_choices() -> Choices:
    """Language detection, then all languages by English name."""
    return [("Detect", DETECT), *named_languages()]


def named_languages() -> Choices:
    """All languages by English name."""
    return sorted((name.capitalize(), code) for code, name in LANGUAGE_NAMES.items())


def corpus_choices(data: Path) -> Choices:
    """The corpora in the data folder, labelled with name, duration and languages."""
    folders = sorted(file.parent for file in data.glob(f"*/{MANIFEST_FILE}"))
    return [(_corpus_label(folder), str(folder)) for folder in folders if not folder.name.startswith(".")]


def presets(configs: Path) -> PresetFiles:
    """Reads the presets for fine-tuning, sorted by name. Unreadable files are reported as errors and skipped."""
    files = PresetFiles([], [])
    for path in sorted(configs.glob("*.yaml")):
        try:
            config = load_config(path)
        except QalError as error:
            files.errors.append(error)
            continue
        if config.method == "finetune":
            files.presets.append(Preset(path.stem, config, _first_comment(path)))
    return files


def _corpus_label(folder: Path) -> str:
    """A label from corpus.json alone, because a manifest may be long."""
    file = folder / CORPUS_INFO_FILE
    summary = _CorpusSummary(name=folder.name)
    try:
        if file.exists():
            summary = _CorpusSummary.model_validate_json(require_regular(file).read_bytes())
    except (ValidationError, OSError, StorageError):
        return f"{folder.name} · {CORPUS_INFO_FILE} is broken"
    length = f"{summary.duration_s / 60:.0f} min" if summary.duration_s else ""
    languages = ", ".join(LANGUAGE_NAMES.get(code, code).capitalize() for code in summary.languages)
    return " · ".join(text for text in (folder.name, length, languages) if text)


def _first_comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""
