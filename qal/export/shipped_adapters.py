"""Shipped adapters -> catalogue models: base + adapter, merged and converted once at set-up.

An adapter's folder holds adapter_config.json, adapter_model.safetensors and qal.json, the card of the result."""

import hashlib
import tempfile
from pathlib import Path

from qal.engine.catalogue import is_plain, models_folder, resolve_transformers
from qal.engine.model_directory import CARD_FILE, is_model_directory, read_card, write_card
from qal.errors import ConversionError
from qal.resources import ADAPTERS
from qal.storage import storage_errors

PARTS = ("adapter_model.safetensors", "adapter_config.json", CARD_FILE)


def is_installed(name: str) -> bool:
    """True when the cache holds the model that this very adapter makes."""
    target = models_folder() / name
    return is_model_directory(target) and read_card(target).adapter_sha256 == _sha256(name)


def install(name: str) -> Path:
    """The model directory of a shipped adapter in the catalogue's cache; does nothing when it is up to date."""
    target = models_folder() / name
    if is_installed(name):
        return target
    from qal.export.from_ctranslate2 import converted  # torch takes seconds; a second start should not
    from qal.export.merge import merge
    from qal.export.to_ctranslate2 import to_ctranslate2

    adapter = ADAPTERS / name
    card = read_card(adapter).model_copy(update={"adapter_sha256": _sha256(name)})
    with storage_errors(f"the model '{name}'"):
        models_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models_folder(), prefix=f".{name}-") as folder:
            temporary = Path(folder)
            cache = models_folder() / "transformers"
            weights = resolve_transformers(card.base_model, lambda directory: converted(directory, cache))
            to_ctranslate2(merge(weights, adapter, temporary / "merged"), temporary / name)
            write_card(temporary / name, card)
            if target.exists():
                target.rename(temporary / "old")
            (temporary / name).rename(target)
    return target


def _sha256(name: str) -> str:
    """Of all that the model is made from."""
    folder = ADAPTERS / name
    if not is_plain(name) or not all((folder / part).is_file() for part in PARTS):
        raise ConversionError(f"there is no adapter '{name}' in adapters/")
    return hashlib.sha256(b"\0".join((folder / part).read_bytes() for part in PARTS)).hexdigest()
