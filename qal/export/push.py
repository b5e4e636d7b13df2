"""Uploads an exported model to the Hugging Face hub, with its card."""

from pathlib import Path

from qal.corpus.exporters.exports import require_login
from qal.engine.model_directory import ModelMetadata
from qal.errors import ConversionError
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


def push_model(folder: Path, repository: str, private: bool = True) -> str:
    """Uploads an exported model and returns its address.

    Args:
        folder: the export with its card.
        repository: OWNER/NAME; it is created if it does not exist.
        private: True: only its owner sees a new repository.

    Raises:
        CorpusError: no login, or no network.
        ConversionError: the hub refuses, or the connection broke."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError

    require_login()
    api = HfApi()
    try:
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Export of Qal")
    except HFValidationError as error:
        raise ConversionError(f"'{repository}' is not the name of a model; give it as OWNER/NAME") from error
    except HfHubHTTPError as error:
        raise ConversionError(f"the hub refused {repository}: {' '.join(str(error).split())[:300]}") from error
    except (ConnectionError, HTTPError) as error:
        raise ConversionError(f"{repository}: the connection to the hub broke; the export is in {folder}") from error
    return str(address)
