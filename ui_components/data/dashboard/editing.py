"""Handlers that edit clips: the text and the split of the opened one, marks of one or of all that match the filters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.corpus.edit import RowEdit, checked_mark, edit_rows
from qal.corpus.query import find_example, matching_audio
from qal.corpus.split import SPLITS, Split
from qal.errors import CorpusError, OptionError
from ui_components.app.studio import Studio
from ui_components.data.actions import ClipOpened, OpenedClip, clip_opened, filter_of
from ui_components.data.corpora import require_folder
from ui_components.widgets.markup import note_html

CHOOSE_FIRST = "select a clip first"
MARKS = ("wrong text", "noisy", "cut off", "several speakers", "another language", "private")


class BulkQuestion(NamedTuple):
    """Outputs of `ask_mark` and `ask_unmark`: what would be done, and the row that asks for it."""

    pending: "BulkEdit | None"
    row: gr.Row
    question: str


class BulkEdit(NamedTuple):
    """An edit of many clips that waits for its confirmation."""

    folder: str
    audio: tuple[str, ...]
    mark: str  # empty: all marks are removed


def save_clip(studio: Studio, opened: OpenedClip | None, text: str, split: str) -> ClipOpened:
    """Saves the text and the split of the opened clip. Raises CorpusError if the text was changed by someone else."""
    folder, clip = _require_clip(studio, opened)
    if split not in SPLITS:
        raise OptionError("choose a split of the list")
    chosen: Split = split
    edit_rows(folder, [RowEdit(audio=clip.audio, text=text, split=chosen, seen_text=clip.text)])
    return clip_opened(folder, find_example(folder, clip.audio))


def mark_clip(studio: Studio, opened: OpenedClip | None, mark: str | None) -> ClipOpened:
    """Marks the opened clip with a reason, so that training and scores leave it out."""
    folder, clip = _require_clip(studio, opened)
    edit_rows(folder, [RowEdit(audio=clip.audio, add_marks=(checked_mark(mark or ""),))])
    return clip_opened(folder, find_example(folder, clip.audio))


def unmark_clip(studio: Studio, opened: OpenedClip | None) -> ClipOpened:
    """Removes all marks of the opened clip."""
    folder, clip = _require_clip(studio, opened)
    edit_rows(folder, [RowEdit(audio=clip.audio, remove_all_marks=True)])
    return clip_opened(folder, find_example(folder, clip.audio))


def _require_clip(studio: Studio, opened: OpenedClip | None) -> tuple[Path, OpenedClip]:
    if opened is None:
        raise CorpusError(CHOOSE_FIRST)
    clip = OpenedClip(*opened)
    return require_folder(studio.data, clip.folder), clip


def ask_mark(studio: Studio, folder: str | None, mark: str | None, *values: Any) -> BulkQuestion:
    """Asks whether all matching clips should be marked. `values` are those of the filter's components."""
    path, checked = require_folder(studio.data, folder), checked_mark(mark or "")
    return _question(path, checked, matching_audio(path, filter_of(values).row_filter()))


def ask_unmark(studio: Studio, folder: str | None, *values: Any) -> BulkQuestion:
    """Asks whether the marks of all matching clips should be removed."""
    path = require_folder(studio.data, folder)
    wanted = filter_of(values).row_filter()
    return _question(path, "", matching_audio(path, wanted.model_copy(update={"marked": True})))


def _question(folder: Path, mark: str, audio: Sequence[str]) -> BulkQuestion:
    if not audio:
        raise CorpusError("no clip matches the filters" if mark else "no marked clip matches the filters")
    clips = "1 clip" if len(audio) == 1 else f"{len(audio):,} clips"
    effect = "Training and scores leave them out; they are not deleted." if mark else "They are used again."
    verb = f"Mark {clips} as “{mark}”?" if mark else f"Remove all marks of {clips}?"
    return BulkQuestion(BulkEdit(str(folder), tuple(audio), mark), gr.Row(visible=True), note_html(f"{verb} {effect}"))


def cancel_bulk(studio: Studio) -> BulkQuestion:
    return BulkQuestion(None, gr.Row(visible=False), "")


def confirm_bulk(studio: Studio, pending: BulkEdit | None) -> BulkQuestion:
    """Marks the clips, or removes their marks."""
    if pending is None:
        raise OptionError("nothing waits for a confirmation; choose the clips again")
    edit = BulkEdit(*pending)
    folder = require_folder(studio.data, edit.folder)
    marks = (edit.mark,) if edit.mark else ()
    edit_rows(folder, [RowEdit(audio=a, add_marks=marks, remove_all_marks=not edit.mark) for a in edit.audio])
    return BulkQuestion(None, gr.Row(visible=False), "")
