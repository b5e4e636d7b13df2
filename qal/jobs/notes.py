"""Title, tags, note and pin that users give to a run, stored in notes.json of its folder."""

import os
import re
import tempfile
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError, field_validator

from qal.errors import OptionError
from qal.jobs.run import Run
from qal.storage import storage_errors

MAX_TITLE_CHARS, MAX_TAG_CHARS, MAX_NOTE_CHARS = 80, 24, 4000
MAX_TAGS = 12
MAX_BYTES = 100_000  # of notes.json; a larger file was not written by this module
# They would change a terminal that lists the runs, or turn the direction of the text after them.
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Notes(BaseModel, frozen=True):
    """Content of notes.json."""

    title: str = Field(default="", max_length=MAX_TITLE_CHARS)
    tags: tuple[str, ...] = Field(default=(), max_length=MAX_TAGS)
    note: str = Field(default="", max_length=MAX_NOTE_CHARS)
    pinned: bool = False

    @field_validator("title", mode="before")
    @classmethod
    def _join_lines(cls, title: object) -> object:
        return one_line(title) if isinstance(title, str) else title

    @field_validator("tags", mode="before")
    @classmethod
    def _remove_empty_and_repeated(cls, tags: object) -> object:
        if not isinstance(tags, (list, tuple)) or not all(isinstance(tag, str) for tag in tags):
            return tags
        return tuple(dict.fromkeys(filter(None, map(one_line, tags))))

    @field_validator("tags")
    @classmethod
    def _check_length(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        long = next((tag for tag in tags if len(tag) > MAX_TAG_CHARS), None)
        if long is not None:
            raise ValueError(f"the tag '{long[:MAX_TAG_CHARS]}…' has more than {MAX_TAG_CHARS} letters")
        return tags


def one_line(text: str) -> str:
    """Returns the text with single spaces in place of line breaks and control characters."""
    return " ".join(CONTROL_CHARACTERS.sub(" ", text).split())


def make_notes(title: str, tags: str, note: str, pinned: bool) -> Notes:
    """Makes notes from the text of a form.

    Args:
        title: the title; line breaks become spaces.
        tags: tags separated by commas, semicolons or line breaks.
        note: free text.
        pinned: True if the run is listed first.

    Raises:
        OptionError: a text is too long, or there are too many tags.
    """
    title, tags, note = (_without_surrogates(text) for text in (title, tags, note))
    try:
        return Notes(title=title, tags=tuple(re.split(r"[,;\n]", tags)), note=note.strip(), pinned=pinned)
    except ValidationError as error:
        problems = [f"the {e['loc'][0]}: {e['msg'].removeprefix('Value error, ').lower()}" for e in error.errors()]
        raise OptionError(f"{'; '.join(problems)}; shorten the text") from error


def check_title(title: str, taken: Collection[str] = ()) -> str:
    """Returns a title with single spaces in place of line breaks.

    Args:
        title: the text of a form; "" is no title.
        taken: the names of other runs.

    Raises:
        OptionError: the title is too long, or another run has this name.
    """
    checked = make_notes(title, "", "", pinned=False).title
    if checked and checked.casefold() in {name.casefold() for name in taken}:
        raise OptionError(f"another run is named '{checked}'; choose another name")
    return checked


def run_name(run: Run) -> str:
    """The title that a user gave to the run, or its id."""
    return read_notes(run).title or run.id


def _without_surrogates(text: str) -> str:
    """Replaces lone surrogates, which a browser may send but UTF-8 cannot encode, by question marks."""
    return text.encode("utf-8", "replace").decode()


def read_notes(run: Run) -> Notes:
    """Reads the notes of a run; they are empty if there are none or the file is broken."""
    try:
        if not run.notes_file.is_file():
            return Notes()
        with run.notes_file.open("rb") as file:
            return Notes.model_validate_json(file.read(MAX_BYTES))
    except (OSError, ValidationError):
        return Notes()


def write_notes(run: Run, notes: Notes) -> None:
    """Replaces the notes of a run atomically. Raises StorageError if the disk refuses it."""
    with storage_errors(str(run.notes_file)):
        descriptor, name = tempfile.mkstemp(prefix=".notes.", suffix=".new", dir=run.folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(notes.model_dump_json(indent=2))
                os.fchmod(file.fileno(), 0o644)
            Path(name).replace(run.notes_file)
        finally:
            Path(name).unlink(missing_ok=True)


def rename(run: Run, title: str) -> None:
    """Changes the title that the pages show; "" shows the folder's name again. The folder keeps its name.

    Raises OptionError if the title is too long, and StorageError if the disk refuses it."""
    notes = read_notes(run)
    write_notes(run, notes.model_copy(update={"title": make_notes(title, "", "", pinned=False).title}))
