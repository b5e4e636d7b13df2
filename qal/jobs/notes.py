"""What people write about a run: a title, tags, a note, a pin. It lies beside the run, in notes.json. No torch here."""

import os
import re
import tempfile
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError, field_validator

from qal.errors import OptionError
from qal.jobs.run import Run
from qal.storage import storage_errors

MAX_TITLE, MAX_TAG, MAX_TAGS, MAX_NOTE = 80, 24, 12, 4000  # letters, and tags
MAX_BYTES = 100_000  # of a file that we wrote; a larger one is not ours


class Notes(BaseModel, frozen=True):
    title: str = Field(default="", max_length=MAX_TITLE)
    tags: tuple[str, ...] = Field(default=(), max_length=MAX_TAGS)
    note: str = Field(default="", max_length=MAX_NOTE)
    pinned: bool = False

    @field_validator("title", mode="before")
    @classmethod
    def _one_line(cls, title: object) -> object:
        return " ".join(title.split()) if isinstance(title, str) else title

    @field_validator("tags", mode="before")
    @classmethod
    def _each_once(cls, tags: object) -> object:
        if not isinstance(tags, (list, tuple)) or not all(isinstance(tag, str) for tag in tags):
            return tags
        return tuple(dict.fromkeys(filter(None, (" ".join(tag.split()) for tag in tags))))

    @field_validator("tags")
    @classmethod
    def _short(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        long = next((tag for tag in tags if len(tag) > MAX_TAG), None)
        if long is not None:
            raise ValueError(f"the tag '{long[:MAX_TAG]}…' has more than {MAX_TAG} letters")
        return tags


def make_notes(title: str, tags: str, note: str, pinned: bool) -> Notes:
    """Of what somebody typed; tags stand between commas. Raises OptionError that says what is too long."""
    title, tags, note = (text.encode("utf-8", "replace").decode() for text in (title, tags, note))  # half a pair of
    try:  # surrogates can be typed, and not be written
        return Notes(title=title, tags=tuple(re.split(r"[,;\n]", tags)), note=note.strip(), pinned=pinned)
    except ValidationError as error:
        wrong = [f"the {e['loc'][0]}: {e['msg'].removeprefix('Value error, ').lower()}" for e in error.errors()]
        raise OptionError(f"{'; '.join(wrong)}; write less") from error


def notes_file(run: Run) -> Path:
    return run.folder / "notes.json"


def read_notes(run: Run) -> Notes:
    """Empty where there are none, or where they cannot be read."""
    try:
        if not notes_file(run).is_file():
            return Notes()
        with notes_file(run).open("rb") as file:
            return Notes.model_validate_json(file.read(MAX_BYTES))
    except (OSError, ValidationError):
        return Notes()


def write_notes(run: Run, notes: Notes) -> None:
    """Written beside and renamed, so that a reader never sees half of it."""
    with storage_errors(str(notes_file(run))):
        number, name = tempfile.mkstemp(prefix=".notes.", suffix=".new", dir=run.folder)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(notes.model_dump_json(indent=2))
                os.fchmod(file.fileno(), 0o644)
            Path(name).replace(notes_file(run))
        finally:
            Path(name).unlink(missing_ok=True)
