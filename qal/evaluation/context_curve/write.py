"""Writes a measured context into the qal.json of a model, or of a copy of it."""

import shutil
import tempfile
from pathlib import Path

from huggingface_hub.constants import HF_HUB_CACHE

from qal.engine.catalogue import CATALOGUE_NAMES, models_folder
from qal.engine.model_directory import (
    NO_METADATA,
    ContextAbility,
    ModelMetadata,
    is_model_directory,
    read_metadata,
    write_metadata,
)
from qal.errors import ModelError
from qal.storage import storage_errors


def write_context(directory: Path, context: ContextAbility, model: str) -> ModelMetadata:
    """Writes the context into the model's qal.json, which is made if it is missing; returns what it holds then.

    Args:
        directory: the model directory.
        context: what the weights were found to support.
        model: the name of the weights, for a directory without qal.json.

    Raises:
        ModelError: the directory belongs to a cache, or its qal.json is invalid.
        StorageError: it cannot be written."""
    require_own_directory(directory)
    metadata = read_metadata(directory)
    base_model = model if metadata is NO_METADATA else metadata.base_model
    changed = metadata.model_copy(update={"context": context, "base_model": base_model})
    with storage_errors(f"the model {directory}"):
        write_metadata(directory, changed)
    return changed


def require_own_directory(directory: Path) -> None:
    """Raises ModelError for a directory of a model cache, which all programs of this machine share."""
    place = directory.resolve()
    caches = [folder.resolve() for folder in (models_folder(), Path(HF_HUB_CACHE))]
    if any(place.is_relative_to(cache) for cache in caches):
        raise ModelError(
            f"{directory} belongs to the model cache, which every session uses and which may be downloaded again; "
            "give --copy DIR to write the context into a copy"
        )


def require_new_folder(target: Path) -> None:
    """Raises ModelError if a copy cannot be made there because the name is taken."""
    if target.exists() or target.is_symlink():
        raise ModelError(f"{target}: exists already; choose another folder for the copy")
    if str(target) in CATALOGUE_NAMES:
        raise ModelError(f"{target}: is the name of a catalogue model; choose another folder for the copy")


def copy_with_context(directory: Path, target: Path, context: ContextAbility, model: str) -> ModelMetadata:
    """Copies a model directory and writes the context into the copy, which appears when it is complete.

    Raises ModelError if `target` exists, and StorageError."""
    require_new_folder(target)
    with storage_errors(f"the model {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as temporary:
            copied = Path(temporary, "model")
            shutil.copytree(directory, copied)  # links of the hub's cache become files
            if not is_model_directory(copied):
                raise ModelError(f"{directory}: files are missing; download or export the model again")
            metadata = write_context(copied, context, model)
            copied.rename(target)
    return metadata
