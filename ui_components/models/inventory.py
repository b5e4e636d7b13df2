"""The list of models: in the models folder, of the runs, in the hub's cache, and those that can be downloaded.

Folders on disk are untrusted. A folder that cannot be read becomes an entry with a problem."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from qal.engine.catalogue import CATALOGUE_NAMES, DEFAULT_MODEL, HUB_MODELS, local_directory, models_folder
from qal.engine.model_bin import read_dimensions
from qal.engine.model_directory import NO_METADATA, MeasuredScore, ModelMetadata, is_model_directory, read_metadata
from qal.engine.weights.stock_models import STOCK_MODELS, ModelDimensions, stock_licence
from qal.errors import ModelError, TrainingError
from qal.evaluation.report import measured_score
from qal.jobs.notes import run_name
from qal.jobs.run import Run, list_runs
from qal.resources import ADAPTERS
from ui_components.app.studio import Studio

Place = Literal["cache", "run", "hub", "folder", "absent"]
CONVERTED, EXPORTS = "transformers", "exports"  # subfolders of the models folder for other formats
BYTES_PER_WEIGHT = 2  # of the stock models on the hub (float16)


@dataclass(frozen=True)
class Model:
    """One entry. `key` is the name that loads the model: a catalogue name, a run's id or a directory."""

    key: str
    title: str
    place: Place
    directory: Path | None = None  # None: not downloaded
    size: int = 0  # bytes on disk, or the approximate bytes to download
    dimensions: ModelDimensions | None = None
    languages: tuple[str, ...] = ()  # it was fine-tuned for; (): all of its vocabulary
    measured: MeasuredScore | None = None
    adaptive: bool = False
    base: str = ""
    data: tuple[str, ...] = ()  # the training data, one sentence per corpus
    licence: str = ""
    problem: str = ""  # the reason why it cannot be used

    @property
    def is_usable(self) -> bool:
        return self.directory is not None and not self.problem


def inventory(studio: Studio) -> list[Model]:
    """The models of the runs (newest first), other installed models, then models that can be downloaded."""
    runs = (_run_model(run) for run in list_runs(studio.runs) if run.model.is_dir())
    return sorted([*runs, *_catalogue_models(), *_other_models(studio)], key=lambda model: model.directory is None)


def find_model(studio: Studio, key: str | None) -> Model:
    """The entry of the inventory with a key. Raises ModelError for any other key, such as a path."""
    model = next((model for model in inventory(studio) if model.key == key), None)
    if model is None:
        raise ModelError("choose a model from the list first")
    return model


def _catalogue_models() -> Iterator[Model]:
    for name in CATALOGUE_NAMES:
        directory = local_directory(name)
        if directory is None and (models_folder() / name).is_dir():
            yield _unreadable_model(name, name, "cache", models_folder() / name)
        elif directory is not None:
            place = "cache" if directory.parent == models_folder() else "hub"
            model = _directory_model(name, name, place, directory)
            yield model if model.measured or model.problem else replace(model, measured=_shipped_score(name))
        elif name in HUB_MODELS:
            size = STOCK_MODELS[name].parameters * BYTES_PER_WEIGHT
            yield Model(
                name, name, "absent", None, size, STOCK_MODELS[name], base=name, licence=stock_licence(name) or ""
            )
        else:
            yield Model(
                name,
                name,
                "absent",
                None,
                0,
                STOCK_MODELS["base"],
                measured=_shipped_score(name),
                adaptive=name == DEFAULT_MODEL,
                base="base",
            )


def _shipped_score(name: str) -> MeasuredScore | None:
    """The figures of a shipped adapter; models that were installed before they were measured have none themselves."""
    return read_metadata(ADAPTERS / name).measured if (ADAPTERS / name).is_dir() else None


def _other_models(studio: Studio) -> Iterator[Model]:
    """The server's default model if it is a directory, and other folders in the models folder."""
    given = Path(os.path.expanduser(studio.model))
    if studio.model not in CATALOGUE_NAMES and is_model_directory(given):
        yield _directory_model(studio.model, given.name, "folder", given)
    for folder in _visible_folders(models_folder()):
        if folder.name not in (*CATALOGUE_NAMES, CONVERTED, EXPORTS):
            yield _directory_model(str(folder), folder.name, "cache", folder)


def _run_model(run: Run) -> Model:
    model = _directory_model(run.id, run_name(run), "run", run.model)
    return model if model.measured or model.problem else replace(model, measured=_reported_score(run))


def _directory_model(key: str, title: str, place: Place, directory: Path) -> Model:
    if not is_model_directory(directory):
        return _unreadable_model(key, title, place, directory)
    try:
        metadata, dimensions = read_metadata(directory), read_dimensions(directory)
    except (ModelError, OSError) as error:
        return _unreadable_model(key, title, place, directory, str(error))
    base = metadata.base_model if metadata is not NO_METADATA else title
    return Model(
        key,
        title,
        place,
        directory,
        folder_bytes(directory),
        dimensions,
        tuple(metadata.languages),
        _finite(metadata.measured),
        metadata.context.adaptive,
        base,
        tuple(metadata.data),
        _licence(metadata, base),
    )


def _unreadable_model(
    key: str, title: str, place: Place, directory: Path, reason: str = "files of a model are missing"
) -> Model:
    return Model(key, title, place, directory, folder_bytes(directory), problem=f"cannot be read: {reason}")


def _licence(metadata: ModelMetadata, base: str) -> str:
    """The licence of the base model, with a reminder of the training data's licences for a fine-tuned model."""
    terms = stock_licence(base) or "The licence of the weights is unknown."
    return f"{terms} The training data has licences of its own." if metadata.data else terms


def _reported_score(run: Run) -> MeasuredScore | None:
    """The error rates in the report of a run, None if the report is missing or invalid."""
    try:
        report = run.report()
    except (OSError, TrainingError):
        return None
    if report is None:
        return None
    return measured_score(report.model_copy(update={"corpus": printable(report.corpus)}))


def _finite(measured: MeasuredScore | None) -> MeasuredScore | None:
    """None for a measurement that is not finite."""
    shares = (share for share in measured.model_dump().values() if isinstance(share, float)) if measured else ()
    is_finite = measured and all(map(math.isfinite, shares))
    return measured if is_finite else None


def folder_bytes(folder: Path) -> int:
    """The size of all files in a folder, each counted once. Links are followed, because the hub's cache has links."""
    total, seen = 0, set()
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                status = os.stat(os.path.join(path, name))
            except OSError:  # deleted in the meantime, or a broken link
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
    return total


def printable(text: str) -> str:
    """Replaces lone surrogates, which file names and JSON may contain, because they cannot be encoded."""
    return text.encode(errors="replace").decode()


def _visible_folders(folder: Path) -> list[Path]:
    """The subfolders that are not hidden and have a printable name."""
    try:
        folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    return [path for path in folders if printable(path.name) == path.name]
