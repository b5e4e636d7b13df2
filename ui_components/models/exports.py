"""Exports of a model to other formats. `qal export` makes them in its own process, because it imports torch."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from qal.engine.catalogue import models_folder
from qal.errors import ModelError, OptionError
from qal.jobs.run import Run
from qal.subcommand import qal_command
from ui_components.app.studio import Studio
from ui_components.models.inventory import EXPORTS, Model, find_model
from ui_components.models.removal import delete_path

UNCHANGED = "as-it-is"
MAX_NAME_LENGTH = 80  # characters
HASH_LENGTH = 8  # hexadecimal digits


@dataclass(frozen=True)
class ExportForm:
    """A format of exported models."""

    title: str
    arguments: tuple[str, ...] = ()  # of `qal export`


FORMS = {
    UNCHANGED: ExportForm("CTranslate2, unchanged"),
    "int8": ExportForm("CTranslate2, int8 (half the size)", ("--to", "ctranslate2", "--quantization", "int8")),
    "transformers": ExportForm("Transformers, float32", ("--to", "transformers")),
    "onnx": ExportForm("ONNX, float32", ("--to", "onnx")),
    "ggml": ExportForm("GGML for whisper.cpp, float16", ("--to", "ggml")),
}
CHOICES = [(form.title, name) for name, form in FORMS.items()]


def existing_export(studio: Studio, model: Model, form: str) -> Path | None:
    """The folder with the model in this format, None if it must be exported first."""
    if model.directory is None or model.problem:
        return None
    if form == UNCHANGED:
        return model.directory
    run_weights = Run(studio.runs / model.key).transformers if model.place == "run" else None
    if form == "transformers" and run_weights and (run_weights / "config.json").is_file():
        return run_weights
    folder = export_folder(model, form)
    is_newer = folder.is_dir() and folder.stat().st_mtime >= (model.directory / "model.bin").stat().st_mtime
    return folder if is_newer else None


def export_folder(model: Model, form: str) -> Path:
    """The folder for an export. Its name has a hash of the model's path, because two models may have the same name."""
    path = str(model.directory and model.directory.resolve())
    path_hash = hashlib.sha256(path.encode()).hexdigest()[:HASH_LENGTH]
    return models_folder() / EXPORTS / f"{safe_file_name(model.title)}-{path_hash}-{form}"


def safe_file_name(name: str) -> str:
    """The name with letters, digits, points and dashes only."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip(".-")[:MAX_NAME_LENGTH] or "model"


def export_command(studio: Studio, model: Model, form: str) -> list[str]:
    """The command line of an export. Deletes an existing export of older weights. Raises OptionError."""
    directory, out = model.directory, export_folder(model, form)
    if directory is None or form not in FORMS:
        raise OptionError("choose an installed model and a format from the list")
    if out.exists():
        delete_path(out)
    source = studio.runs / model.key if model.place == "run" else directory
    return qal_command("export", str(source.absolute()), *FORMS[form].arguments, "--out", str(out.absolute()))


def find_download(studio: Studio, key: str, form: str) -> tuple[Path, str]:
    """The folder and the name of the zip file for a model in a format.

    Raises ModelError: the key is not in the inventory, or the model has not been exported in this format."""
    model = find_model(studio, key)
    folder = existing_export(studio, model, form) if form in FORMS else None
    if folder is None:
        raise ModelError(f"'{model.title}' has not been exported in this format; press Export on the Models tab")
    suffix = "" if form == UNCHANGED else f"-{form}"
    return folder, f"{safe_file_name(model.title)}{suffix}.zip"
