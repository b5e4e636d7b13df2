"""Models that go: ours are deleted, a run's moves to the trash, the hub's cache deletes its own. Nothing outside."""

import secrets
import shutil
import time
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import CacheNotFound

from qal.engine.catalogue import DEFAULT_MODEL, HUB, models_folder
from qal.errors import ModelError, QalError, TrainingError
from qal.jobs.job import TRASH
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import ENDED, Run, list_runs
from qal.storage import storage_errors
from ui_components.app.studio import Studio
from ui_components.models.inventory import Model


def uses(studio: Studio, model: Model) -> list[str]:
    """Who would miss it, a sentence each."""
    if model.directory is None:
        return []
    directory, told = model.directory.resolve(), []
    names = {model.key, str(directory), str(model.directory)}
    names |= {str(directory.parent)} if model.place == "run" else set()  # a base may be given by a run's folder
    if any(e.in_use for e in studio.engines.loaded() if e.directory == directory):
        told.append("A caption session or a transcription is using it now; what is loaded goes on, nothing new begins.")
    for run in list_runs(studio.runs):
        state = run.status().state
        if state != "finished" and _base_of(run) in names:
            needs = f"can only be resumed with it ({state})" if state in ENDED else "is training on it"
            told.append(f"Run {run.id} {needs}.")
    return told


def _base_of(run: Run) -> str | None:
    try:
        return load_config(run.config_file).base
    except (QalError, OSError):
        return None


def consequence(model: Model) -> str:
    """What happens to it, in a sentence."""
    if model.place == "run":
        return "Its files move to the trash; the run itself stays."
    if model.place == "hub":
        return "It leaves the hub's cache, which other programs of this machine share; it can be fetched again."
    if model.key in HUB:
        return "It is deleted; it can be fetched again."
    return "It is deleted; `make setup` makes it again." if model.key == DEFAULT_MODEL else "It is deleted for good."


def remove(studio: Studio, model: Model) -> None:
    """Raises ModelError, TrainingError or StorageError where it may not go."""
    if model.directory is None:
        raise ModelError(f"'{model.title}' is not on this machine; there is nothing to delete")
    with storage_errors(f"the model '{model.title}'"):
        if model.place == "run":
            to_trash(next(run for run in list_runs(studio.runs) if run.id == model.key))
        elif model.place == "hub":
            _from_hub_cache(model.key)
        elif model.place == "cache":
            _from_our_cache(model.directory)
        else:
            raise ModelError(f"{model.directory} was given with --model and is not ours; delete it yourself")


def to_trash(run: Run) -> Path:
    """Moves the model of a run that has ended; -> where it is now."""
    if run.status().state not in ENDED:
        raise TrainingError(f"run {run.id} is still {run.status().state}; stop it first")
    moved = trash_of(run.folder.parent) / f"{run.id}-model-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    moved.parent.mkdir(exist_ok=True)
    return run.model.rename(moved)


def trash_of(runs: Path) -> Path:
    return not_a_link(runs / TRASH)


def not_a_link(folder: Path) -> Path:
    """Raises ModelError where somebody has made it lead elsewhere."""
    if folder.is_symlink():
        raise ModelError(f"{folder} is a link; what it leads to is not ours to delete")
    return folder


def empty_trash(runs: Path) -> None:
    delete_inside(trash_of(runs))


def delete_inside(folder: Path) -> None:
    """All that is in it. Of a link only the link goes, never what it leads to. Raises ModelError, StorageError."""
    with storage_errors(str(folder)):
        for path in sorted(folder.iterdir()) if not_a_link(folder).is_dir() else []:
            delete(path)


def delete(path: Path) -> None:
    """A folder is renamed first: half a model must not look like a whole one."""
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    beside = path.with_name(f".deleted-{secrets.token_hex(4)}")
    shutil.rmtree(path.rename(beside))


def _from_our_cache(directory: Path) -> None:
    if directory.parent != models_folder() or directory.name in ("", ".", ".."):
        raise ModelError(f"{directory} is not in {models_folder()}; delete it yourself")
    delete(directory)


def _from_hub_cache(name: str) -> None:
    """Through the hub's own library, which knows what its revisions share."""
    try:
        cache = huggingface_hub.scan_cache_dir()
    except CacheNotFound as error:
        raise ModelError("the hub's cache is gone already; reload this page") from error
    kept = [repo for repo in cache.repos if repo.repo_type == "model" and repo.repo_id == HUB[name].ctranslate2]
    revisions = [revision.commit_hash for repo in kept for revision in repo.revisions]
    if not revisions:
        raise ModelError(f"'{name}' is not in the hub's cache any more; reload this page")
    cache.delete_revisions(*revisions).execute()
