"""The card of an exported model, which the Hugging Face hub shows."""

from pathlib import Path

from qal.engine.model_directory import ModelMetadata
from qal.evaluation.model_readme import README_FILE, metadata_readme
from qal.storage import storage_errors

LIBRARIES = {  # what the hub calls the library of each format
    "transformers": "transformers",
    "adapter": "peft",
    "ctranslate2": "ctranslate2",
    "onnx": "onnx",
    "ggml": "whisper.cpp",
}


def write_card(folder: Path, kind: str, metadata: ModelMetadata, card: Path) -> None:
    """Writes the card of an export unless it has one.

    Args:
        folder: the export.
        kind: its format, a key of LIBRARIES.
        metadata: of the model.
        card: the card of the model it was made from; without it a short one is made from the metadata."""
    path = folder / README_FILE
    if path.exists():
        return
    library = LIBRARIES[kind]
    with storage_errors(f"the card of {folder}"):
        text = card.read_text(encoding="utf-8") if card.is_file() else metadata_readme(metadata)
        path.write_text(text.replace("library_name: ctranslate2", f"library_name: {library}", 1), encoding="utf-8")
