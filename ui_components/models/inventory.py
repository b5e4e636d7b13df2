"""Every model there is or could be: in our cache, of our runs, on the hub. What lies on the disk may be anybody's: a
folder that cannot be read becomes an entry that says so."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from qal.engine.catalogue import DEFAULT_MODEL, HUB, NAMES, local_directory, models_folder
from qal.engine.model_bin import read_dimensions
from qal.engine.model_directory import STOCK, MeasuredWer, ModelCard, is_model_directory, read_card
from qal.engine.stock_models import PUBLISHED, Dimensions, licence_of
from qal.errors import ModelError
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import Studio

Place = Literal["cache", "run", "hub", "folder", "absent"]
CONVERTED, EXPORTS = "transformers", "exports"  # folders in the models folder that hold other forms of models
BYTES_A_WEIGHT = 2  # of a stock model as the hub has it
MAX_REPORT = 10_000_000  # bytes


@dataclass(frozen=True)
class Model:
    """One entry. `key` is what an engine is asked for: a catalogue name, a run's id or a directory."""

    key: str
    title: str
    place: Place
    directory: Path | None = None  # None: it must be fetched
    size: int = 0  # bytes on the disk, or about as many to fetch
    dimensions: Dimensions | None = None
    languages: tuple[str, ...] = ()  # those that it was tuned for; (): all that its vocabulary has
    measured: MeasuredWer | None = None
    adaptive: bool = False
    base: str = ""
    data: tuple[str, ...] = ()  # what it was trained on, a sentence a corpus
    licence: str = ""
    problem: str = ""  # why it cannot be used

    @property
    def is_here(self) -> bool:
        return self.directory is not None and not self.problem


def inventory(studio: Studio) -> list[Model]:
    """What the runs have made, the newest first; what else is here; what can be fetched, in the catalogue's order."""
    runs = (_of_run(run) for run in list_runs(studio.runs) if run.model.is_dir())
    return sorted([*runs, *_catalogue(), *_others(studio)], key=lambda model: model.directory is None)


def find_model(studio: Studio, key: str | None) -> Model:
    """Of the list above, nothing else of this machine. Raises ModelError."""
    found = next((model for model in inventory(studio) if model.key == key), None)
    if found is None:
        raise ModelError("choose a model of the list first")
    return found


def _catalogue() -> Iterator[Model]:
    for name in NAMES:
        directory = local_directory(name)
        if directory is None and (models_folder() / name).is_dir():
            yield _broken(name, name, "cache", models_folder() / name)
        elif directory is not None:
            yield _of_directory(name, name, "cache" if directory.parent == models_folder() else "hub", directory)
        elif name in HUB:
            size = PUBLISHED[name].parameters * BYTES_A_WEIGHT
            yield Model(name, name, "absent", None, size, PUBLISHED[name], base=name, licence=licence_of(name) or "")
        else:
            yield Model(name, name, "absent", None, 0, PUBLISHED["base"], adaptive=name == DEFAULT_MODEL, base="base")


def _others(studio: Studio) -> Iterator[Model]:
    """Folders that somebody has put into our cache, and the directory that the server was told to begin with."""
    given = Path(os.path.expanduser(studio.model))
    if studio.model not in NAMES and is_model_directory(given):
        yield _of_directory(studio.model, given.name, "folder", given)
    for folder in _folders(models_folder()):
        if folder.name not in (*NAMES, CONVERTED, EXPORTS):
            yield _of_directory(str(folder), folder.name, "cache", folder)


def _of_run(run: Run) -> Model:
    found = _of_directory(run.id, run.id, "run", run.model)
    return found if found.measured or found.problem else replace(found, measured=_reported(run))


def _of_directory(key: str, title: str, place: Place, directory: Path) -> Model:
    if not is_model_directory(directory):
        return _broken(key, title, place, directory)
    try:
        card, dimensions = read_card(directory), read_dimensions(directory)
    except (ModelError, OSError) as error:
        return _broken(key, title, place, directory, str(error))
    base = card.base_model if card is not STOCK else title
    return Model(
        key,
        title,
        place,
        directory,
        folder_bytes(directory),
        dimensions,
        tuple(card.languages),
        _finite(card.measured),
        card.context.adaptive,
        base,
        tuple(card.data),
        _licence(card, base),
    )


def _broken(key: str, title: str, place: Place, directory: Path, why: str = "files of a model are missing") -> Model:
    return Model(key, title, place, directory, folder_bytes(directory), problem=f"cannot be read: {why}")


def _licence(card: ModelCard, base: str) -> str:
    """A tuned model stands on its base's terms and on its data's."""
    terms = licence_of(base) or "The terms of the weights are not known here."
    return f"{terms} What it was trained on has terms of its own." if card.data else terms


def _reported(run: Run) -> MeasuredWer | None:
    """Of a run whose model's card says nothing."""
    try:
        if run.report_file.stat().st_size > MAX_REPORT:
            return None
        report: Any = json.loads(run.report_file.read_bytes())
        tuned, corpus = report["tuned_adaptive"], str(report.get("corpus", ""))
        found = MeasuredWer(wer=tuned["wer"], low=tuned["wer_low"], high=tuned["wer_high"], corpus=printable(corpus))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):  # none, or not one of ours
        return None
    return _finite(found)


def _finite(measured: MeasuredWer | None) -> MeasuredWer | None:
    known = measured and all(math.isfinite(share) for share in (measured.wer, measured.low, measured.high))
    return measured if known else None


def folder_bytes(folder: Path) -> int:
    """Of the files in it, each once; links to files count as what they lead to (so the hub's cache is made)."""
    total, seen = 0, set()
    for path, _, files in os.walk(folder):
        for name in files:
            try:
                status = os.stat(os.path.join(path, name))
            except OSError:  # gone in between, or a link to nowhere
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_size
    return total


def printable(text: str) -> str:
    """Without what no encoding knows: names on a disk, and JSON, may hold it."""
    return text.encode(errors="replace").decode()


def _folders(folder: Path) -> list[Path]:
    """Of a name that can be shown, and not hidden."""
    try:
        found = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    return [path for path in found if printable(path.name) == path.name]
