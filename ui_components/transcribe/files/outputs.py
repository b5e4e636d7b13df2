"""How the text of each file is written: transcripts/.outputs/ID.json, by the id of the file in the queue.

It is apart from the transcript, because the same transcript may be shown for two files with other rules."""

from pathlib import Path

from pydantic import ValidationError

from qal.storage import require_regular, storage_errors
from qal.transcription.options import OutputOptions
from qal.transcription.store import write_safely
from ui_components.app.studio import Studio

OUTPUTS_FOLDER = ".outputs"  # in the folder of transcripts


def read_output_options(studio: Studio, file_id: str) -> OutputOptions:
    """Returns the stored options of a file of the queue; the default ones if there are none."""
    try:
        return OutputOptions.model_validate_json(require_regular(output_options_path(studio, file_id)).read_bytes())
    except (OSError, ValidationError):
        return OutputOptions()


def write_output_options(studio: Studio, file_id: str, options: OutputOptions) -> None:
    """Stores the options of a file of the queue. Raises StorageError."""
    path = output_options_path(studio, file_id)
    with storage_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_safely(path, options.model_dump_json(exclude_defaults=True).encode())


def output_options_path(studio: Studio, file_id: str) -> Path:
    """Returns the path for the id of a file that the queue has, which is no path from a page."""
    return studio.transcripts.resolve() / OUTPUTS_FOLDER / f"{studio.file_queue.find(file_id).id}.json"
