"""Folders of the server from which datasets may be imported: the data folder and those of --import-from."""

from collections.abc import Sequence
from pathlib import Path

from qal.errors import OptionError
from ui_components.app.studio import Studio
from ui_components.widgets.choices import Choices

MAX_LISTED = 200  # entries of a folder


def allowed_folders(studio: Studio) -> list[Path]:
    """Returns the folders whose content may be imported."""
    return [folder.resolve() for folder in (*studio.import_from, studio.data)]


def source_choices(studio: Studio) -> Choices:
    """Returns the entries of the allowed folders that could be a source: folders and files, but no datasets."""
    choices: Choices = []
    for folder in allowed_folders(studio):
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        found = [path for path in entries if not path.name.startswith(".") and not _is_dataset(studio, path)]
        choices += [(f"{folder.name}/{path.name}", str(path)) for path in found[:MAX_LISTED]]
    return choices


def require_source(studio: Studio, path: str | None) -> Path:
    """Returns the resolved path of a source. Raises OptionError if it is missing or not in an allowed folder.

    Hidden files are refused, because they belong to the server: uploads of others and imports in progress."""
    text = (path or "").strip()
    if not text:
        raise OptionError("choose a folder, a table or an archive first")
    folders = allowed_folders(studio)
    try:
        candidates = [Path(text).expanduser().resolve(), *((folder / text).resolve() for folder in folders)]
        resolved = next((found for found in candidates if _is_inside(found, folders) and found.exists()), None)
    except (OSError, RuntimeError, ValueError) as error:  # a link loop, an unknown home folder, a null byte
        raise OptionError("not a valid path; give one inside a folder of the list") from error
    if resolved is None:
        names = ", ".join(str(folder) for folder in folders)
        raise OptionError(f"there is no {text} inside {names}; other folders are allowed with --import-from")
    return resolved


def _is_inside(path: Path, folders: Sequence[Path]) -> bool:
    for folder in folders:
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).parts
            return bool(parts) and not any(part.startswith(".") for part in parts)
    return False


def _is_dataset(studio: Studio, path: Path) -> bool:
    return path.parent == studio.data.resolve() and (path / "manifest.jsonl").is_file()
