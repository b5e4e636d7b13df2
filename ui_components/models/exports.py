"""A model in another form, made by `qal export` in a process of its own (torch is there, never here)."""

import hashlib
import re
from pathlib import Path

from qal.engine.catalogue import models_folder
from qal.errors import ModelError, OptionError
from qal.jobs.run import Run
from qal.subcommand import qal_command
from ui_components.app.studio import Studio
from ui_components.models.inventory import EXPORTS, Model, find_model
from ui_components.models.removal import delete

AS_IT_IS = "as-it-is"
FORMS = {
    AS_IT_IS: ("CTranslate2, as it is", []),
    "int8": ("CTranslate2, int8 (half the size)", ["--to", "ctranslate2", "--quantization", "int8"]),
    "transformers": ("Transformers, float32", ["--to", "transformers"]),
}
CHOICES = [(about, form) for form, (about, _) in FORMS.items()]


def ready(studio: Studio, model: Model, form: str) -> Path | None:
    """The folder that holds this form now; None where it must be made first."""
    if model.directory is None or model.problem:
        return None
    if form == AS_IT_IS:
        return model.directory
    kept = Run(studio.runs / model.key).transformers if model.place == "run" else None
    if form == "transformers" and kept and (kept / "config.json").is_file():
        return kept
    made = folder_of(model, form)
    is_newer = made.is_dir() and made.stat().st_mtime >= (model.directory / "model.bin").stat().st_mtime
    return made if is_newer else None


def folder_of(model: Model, form: str) -> Path:
    """Of these weights alone: two models may be called alike."""
    of = hashlib.sha256(str(model.directory and model.directory.resolve()).encode()).hexdigest()[:8]
    return models_folder() / EXPORTS / f"{plain(model.title)}-{of}-{form}"


def plain(name: str) -> str:
    """For names of files: letters, digits, points, dashes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip(".-")[:80] or "model"


def command(studio: Studio, model: Model, form: str) -> list[str]:
    """The command line that makes it; an export of older weights makes room for it."""
    source, out = model.directory, folder_of(model, form)
    if source is None or form not in FORMS:
        raise OptionError("choose a model that is on this machine, and a form of the list")
    if out.exists():
        delete(out)
    of = studio.runs / model.key if model.place == "run" else source
    return qal_command("export", str(of.absolute()), *FORMS[form][1], "--out", str(out.absolute()))


def downloadable(studio: Studio, key: str, form: str) -> tuple[Path, str]:
    """-> (folder, the zip's name). Only of the list, never another folder of this machine. Raises ModelError."""
    model = find_model(studio, key)
    folder = ready(studio, model, form) if form in FORMS else None
    if folder is None:
        raise ModelError(f"'{model.title}' has not been exported in this form yet; press Export on the Models tab")
    return folder, f"{plain(model.title)}{'' if form == AS_IT_IS else f'-{form}'}.zip"
