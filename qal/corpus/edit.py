"""Edits of a corpus: corrected texts, other splits, marks. The manifest is replaced as a whole, under a lock.

Rows are never deleted, and edits that others make at the same time are kept. A marked row stays in the manifest, and
training and scores leave it out. The state after an edit is recorded as a version."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from qal.corpus.lock import corpus_lock
from qal.corpus.manifest import MANIFEST_FILE, Corpus, Origin, Row, read_corpus
from qal.corpus.split import Split
from qal.corpus.versions.history import write_version
from qal.corpus.versions.store import Changes
from qal.errors import CorpusError
from qal.storage import storage_errors

MAX_MARK_CHARACTERS = 80
EDITED_FIELDS = ("text", "translation", "speaker", "language", "split", "marks")
MOVED_BY_HAND = "Some examples were moved to another split by hand."


class RowEdit(BaseModel, frozen=True):
    """A change of one row; None and () leave a field as it is."""

    audio: str = Field(description="the row, by its path in the manifest")
    text: str | None = None
    translation: str | None = None
    speaker: str | None = None
    language: str | None = None
    split: Split | None = None
    add_marks: tuple[str, ...] = ()
    remove_marks: tuple[str, ...] = ()
    remove_all_marks: bool = False
    seen_text: str | None = Field(
        default=None, description="the text that the user saw; the edit is refused if it has changed since"
    )


def edit_rows(folder: Path, edits: Iterable[RowEdit], note: str = "") -> Corpus:
    """Applies edits and returns the corpus with its new version. No edit is applied if one is refused.

    Edits of single rows that follow each other share a recorded version; an edit of several rows has its own.

    Args:
        folder: the corpus folder, or its manifest.
        edits: the edits.
        note: of the recorded version, which is then shared with no other edit; "": it counts what was changed.

    Raises:
        CorpusError: the corpus is invalid, a row is not in it, its text has changed since it was shown, or a mark is
            not usable.
        StorageError: the folder cannot be written to."""
    by_audio: dict[str, list[RowEdit]] = {}
    for edit in edits:
        by_audio.setdefault(edit.audio, []).append(edit)
    folder = folder.parent if folder.name == MANIFEST_FILE else folder
    with storage_errors(f"the dataset {folder}"), corpus_lock(folder):
        corpus = read_corpus(folder, max_missing_share=1)
        unknown = by_audio.keys() - {row.audio for row in corpus.rows}
        if unknown:
            raise CorpusError(f"{folder}: there is no example '{min(unknown)}'; reload the page or check the name")
        rows = [_edited(row, by_audio.get(row.audio, [])) for row in corpus.rows]
        if rows == list(corpus.rows):
            return corpus
        changed = [(old, new) for old, new in zip(corpus.rows, rows, strict=True) if old != new]
        changes = _count_changes(changed)
        change = changes if len(changed) == 1 and not note else note or changes.describe()
        return write_version(folder, _origin(corpus, rows), rows, change, corpus)


def add_mark(folder: Path, audio: Iterable[str], mark: str) -> Corpus:
    """Marks rows with a reason, so that training and scores leave them out. Raises as `edit_rows`."""
    return edit_rows(folder, [RowEdit(audio=path, add_marks=(mark,)) for path in audio])


def remove_mark(folder: Path, audio: Iterable[str], mark: str | None = None) -> Corpus:
    """Removes one mark, or all marks (None), from rows. Raises as `edit_rows`."""
    marks = () if mark is None else (mark,)
    return edit_rows(folder, [RowEdit(audio=path, remove_marks=marks, remove_all_marks=mark is None) for path in audio])


def checked_mark(mark: str) -> str:
    """Returns the mark with single spaces. Raises CorpusError if it is empty or too long."""
    mark = " ".join(mark.split())
    if not 0 < len(mark) <= MAX_MARK_CHARACTERS:
        raise CorpusError(f"a mark has 1 to {MAX_MARK_CHARACTERS} characters; write a shorter reason, such as noisy")
    return mark


def _edited(row: Row, edits: Iterable[RowEdit]) -> Row:
    for edit in edits:
        if edit.seen_text is not None and edit.seen_text != row.text:
            raise CorpusError(
                f"the text of '{row.audio}' was changed by someone else since it was shown; reload it, then edit it"
            )
        changes = edit.model_dump(include={"text", "translation", "speaker", "language", "split"}, exclude_none=True)
        changes = {name: _plain(value) for name, value in changes.items()}
        marks = () if edit.remove_all_marks else tuple(m for m in row.marks if m not in edit.remove_marks)
        added = tuple(mark for mark in map(checked_mark, edit.add_marks) if mark not in marks)
        row = row.model_copy(update={**changes, "marks": (*marks, *dict.fromkeys(added))})
    return row


def _count_changes(changed: Iterable[tuple[Row, Row]]) -> Changes:
    """Counts the rows whose fields were changed, by field."""
    counts = Counter(
        field for old, new in changed for field in EDITED_FIELDS if getattr(old, field) != getattr(new, field)
    )
    return Changes(kind="edits", counts=dict(counts))


def _plain(text: str) -> str:
    """Returns the text on one line."""
    return " ".join(text.split())


def _origin(corpus: Corpus, rows: Sequence[Row]) -> Origin:
    """Returns the origin of the edited corpus, with a note if rows were moved to another split."""
    moved = any(new.split != old.split for new, old in zip(rows, corpus.rows, strict=True))
    note = corpus.info.split_note
    if not moved or MOVED_BY_HAND in note:
        return corpus.info
    return corpus.info.model_copy(update={"split_note": f"{note} {MOVED_BY_HAND}".strip()})
