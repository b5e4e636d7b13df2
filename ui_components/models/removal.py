"""Deletes models. The model of a run is moved to the trash. Nothing outside the managed folders is deleted."""

import secrets
import shutil
import time
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import CacheNotFound

from qal.engine.catalogue import DEFAULT_MODEL, HUB_MODELS, models_folder
from qal.engine.registry.registry import Registry
from qal.errors import ModelError, QalError, TrainingError
from qal.jobs.job import TRASH_FOLDER
from qal.jobs.notes import run_name
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from qal.jobs.status import ENDED
from qal.storage import storage_errors
from ui_components.app.studio import Studio
from ui_components.models.inventory import Model


def usage_warnings(studio: Studio, model: Model) -> list[str]:
    """A sentence for each session or run that still needs the model."""
    if model.directory is None:
        return []
    directory, warnings = model.directory.resolve(), []
    if is_serving(studio.runs, directory):
        warnings.append("It is the serving model; promote another one first.")
    names = {model.key, str(directory), str(model.directory)}
    names |= {str(directory.parent)} if model.place == "run" else set()  # a base may be given by a run's folder
    if any(loaded.in_use for loaded in studio.engines.loaded() if loaded.directory == directory):
        warnings.append("A caption session or a transcription is using it; it continues, but no new one can start.")
    for run in list_runs(studio.runs):
        state = run.status().state
        if state != "finished" and _base_of(run) in names:
            need = f"needs it to be resumed ({state})" if state in ENDED else "is training on it"
            warnings.append(f"Run {run_name(run)} {need}.")
    return warnings


def is_serving(runs: Path, directory: Path) -> bool:
    """True if the registry of the runs names the directory as the serving model's."""
    registry = Registry(runs)
    try:
        serving = registry.state().serving
    except QalError:  # a damaged registry serves nothing
        return False
    return serving is not None and registry.directory(serving).resolve() == directory


def _base_of(run: Run) -> str | None:
    try:
        return load_config(run.config_file).base
    except (QalError, OSError):
        return None


def deletion_effect(model: Model) -> str:
    """The effect of deleting a model, in a sentence."""
    if model.place == "run":
        return "Its files are moved to the trash; the run itself stays."
    if model.place == "hub":
        return "It is deleted from the hub's cache, which other programs also use; it can be downloaded again."
    if model.key in HUB_MODELS:
        return "It is deleted; it can be downloaded again."
    if model.key == DEFAULT_MODEL:
        return "It is deleted; `qal models fetch base-adaptive` creates it again."
    return "It is deleted permanently."


def delete_model(studio: Studio, model: Model) -> None:
    """Deletes a model, or moves it to the trash. Raises ModelError, TrainingError or StorageError."""
    if model.directory is None:
        raise ModelError(f"'{model.title}' is not downloaded; there is nothing to delete")
    with storage_errors(f"the model '{model.title}'"):
        if model.place == "run":
            move_to_trash(next(run for run in list_runs(studio.runs) if run.id == model.key))
        elif model.place == "hub":
            _delete_from_hub_cache(model.key)
        elif model.place == "cache":
            _delete_from_models_folder(model.directory)
        else:
            raise ModelError(f"{model.directory} was given with --model and is not managed here; delete it yourself")


def move_to_trash(run: Run) -> Path:
    """Moves the model of an ended run to the trash and returns its new path. Raises TrainingError."""
    if run.status().state not in ENDED:
        raise TrainingError(f"run {run.id} is still {run.status().state}; stop it first")
    target = trash_folder(run.folder.parent) / f"{run.id}-model-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    target.parent.mkdir(exist_ok=True)
    return run.model.rename(target)


def trash_folder(runs: Path) -> Path:
    """The trash of a runs folder. Raises ModelError if it is a link."""
    return require_no_link(runs / TRASH_FOLDER)


def require_no_link(folder: Path) -> Path:
    """The folder itself. Raises ModelError if it is a symbolic link."""
    if folder.is_symlink():
        raise ModelError(f"{folder} is a symbolic link; its target is not deleted")
    return folder


def empty_trash(runs: Path) -> None:
    empty_folder(trash_folder(runs))


def empty_folder(folder: Path) -> None:
    """Deletes the content of a folder. Targets of links are never deleted. Raises ModelError, StorageError."""
    with storage_errors(str(folder)):
        entries = sorted(folder.iterdir()) if require_no_link(folder).is_dir() else []
        for path in entries:
            delete_path(path)


def delete_path(path: Path) -> None:
    """Deletes a file, a link or a folder. A folder is renamed first, so that no partly deleted model is listed."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    hidden = path.with_name(f".deleted-{secrets.token_hex(4)}")
    shutil.rmtree(path.rename(hidden))


def _delete_from_models_folder(directory: Path) -> None:
    if directory.parent != models_folder() or directory.name in ("", ".", ".."):
        raise ModelError(f"{directory} is not in {models_folder()}; delete it yourself")
    delete_path(directory)


def _delete_from_hub_cache(name: str) -> None:
    """Deletes with the hub's library, because revisions share files."""
    try:
        cache = huggingface_hub.scan_cache_dir()
    except CacheNotFound as error:
        raise ModelError("the hub's cache no longer exists; reload this page") from error
    repositories = [
        repo for repo in cache.repos if repo.repo_type == "model" and repo.repo_id == HUB_MODELS[name].ctranslate2.name
    ]
    revisions = [revision.commit_hash for repo in repositories for revision in repo.revisions]
    if not revisions:
        raise ModelError(f"'{name}' is no longer in the hub's cache; reload this page")
    cache.delete_revisions(*revisions).execute()
