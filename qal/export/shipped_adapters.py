"""Installs the models of the shipped adapters: base model and adapter, merged and converted once.

The folder of an adapter holds adapter_config.json, adapter_model.safetensors and qal.json (metadata of the model)."""

import hashlib
import re
import tempfile
from pathlib import Path

from qal.engine.catalogue import is_path_component, models_folder, resolve_transformers
from qal.engine.model_directory import METADATA_FILE, ModelMetadata, is_model_directory, read_metadata, write_metadata
from qal.errors import ConversionError
from qal.export.gate.word_times import read_heads, write_heads
from qal.resources import ADAPTERS
from qal.storage import storage_errors

ALIGNMENT_HEADS = re.compile(rb'\n  "alignment_heads": \[.*?\]\],', re.DOTALL)
MEASURED_FIGURES = re.compile(rb'\n  "measured": \{.*?\n  \},', re.DOTALL)  # in an adapter's qal.json
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json", METADATA_FILE)


def is_installed(name: str) -> bool:
    """True if the models folder holds the model of this version of the adapter."""
    target = models_folder() / name
    return is_model_directory(target) and read_metadata(target).adapter_sha256 == _adapter_sha256(name)


def install_model(name: str) -> Path:
    """Installs the model of a shipped adapter unless it is up to date, and returns its directory.

    The alignment heads of an installed model are brought up to date."""
    target = models_folder() / name
    if is_installed(name):
        with storage_errors(f"the model '{name}'"):
            _update_heads(target, read_metadata(ADAPTERS / name))
        return target
    from qal.export.from_ctranslate2 import cached_transformers  # torch is slow to import; only needed here
    from qal.export.merge import merge
    from qal.export.to_ctranslate2 import to_ctranslate2

    adapter = ADAPTERS / name
    metadata = read_metadata(adapter).model_copy(update={"adapter_sha256": _adapter_sha256(name)})
    with storage_errors(f"the model '{name}'"):
        models_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models_folder(), prefix=f".{name}-") as folder:
            temporary = Path(folder)
            cache = models_folder() / "transformers"
            weights = resolve_transformers(metadata.base_model, lambda source: cached_transformers(source, cache))
            to_ctranslate2(merge(weights, adapter, temporary / "merged"), temporary / name)
            write_metadata(temporary / name, metadata)
            _update_heads(temporary / name, metadata)
            if target.exists():
                target.rename(temporary / "old")
            (temporary / name).rename(target)
    return target


def _update_heads(directory: Path, metadata: ModelMetadata) -> None:
    """Writes the alignment heads of an adapter into the configuration of its model, unless they are there."""
    if metadata.alignment_heads and sorted(metadata.alignment_heads) != sorted(read_heads(directory)):
        write_heads(directory, metadata.alignment_heads)


def _adapter_sha256(name: str) -> str:
    """Returns the hash of all files of an adapter. Raises ConversionError if there is no such adapter.

    The measured figures and the alignment heads are left out: weights need not be installed again because they were
    measured again, and new heads are written into the model that is installed."""
    folder = ADAPTERS / name
    if not is_path_component(name) or not all((folder / file).is_file() for file in ADAPTER_FILES):
        raise ConversionError(f"there is no adapter '{name}' in adapters/")
    contents = [(folder / file).read_bytes() for file in ADAPTER_FILES]
    contents[-1] = ALIGNMENT_HEADS.sub(b"", MEASURED_FIGURES.sub(b"", contents[-1]))
    return hashlib.sha256(b"\0".join(contents)).hexdigest()
