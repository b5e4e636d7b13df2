"""Handlers of the Data tab: choose a dataset, page through its clips, open a clip or an uploaded file."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.errors import AudioDecodeError
from ui_components.app.studio import Studio, unchanged
from ui_components.data.corpora import ALL_SPLITS, babble_paths, load_corpus, page_of, row_at
from ui_components.data.sample_corpus import no_corpus_note
from ui_components.data.views import corpus_html, position_html, row_details, rows_html
from ui_components.widgets.audio_view.actions import AudioSelection, open_file
from ui_components.widgets.choices import corpus_choices, first_available

BABBLE_VOICES = 12

Version = tuple[str, str] | None  # of the corpus on the page, as CorpusView.version


class ChoicesUpdate(NamedTuple):
    """Outputs of `update_choices`."""

    corpus: gr.Dropdown
    note: str
    fetch: gr.Button
    overview: gr.Column
    clips: gr.Column


class TableUpdate(NamedTuple):
    """Outputs for a page of the clips table."""

    rows: str
    position: str
    page_number: int
    back: gr.Button
    forward: gr.Button


class CorpusUpdate(NamedTuple):
    """Outputs of `refresh`: the overview and the table of the same corpus."""

    version: Version
    overview: str
    rows: str
    position: str
    page_number: int
    back: gr.Button
    forward: gr.Button


class CorpusReset(NamedTuple):
    """Outputs of `show_corpus`: the overview, empty search fields, and the first page of the table."""

    version: Version
    overview: str
    search: str
    split: str
    row_index: int | None
    rows: str
    position: str
    page_number: int
    back: gr.Button
    forward: gr.Button


class ClipOpened(NamedTuple):
    """Outputs of `open_clip`."""

    row_index: int
    view: dict[str, Any] | None
    selection: AudioSelection | None


class UploadOpened(NamedTuple):
    """Outputs of `open_upload`. The upload field is emptied for the next file."""

    upload: None
    view: dict[str, Any] | None
    selection: AudioSelection | None


def update_choices(studio: Studio, folder: str | None) -> ChoicesUpdate:
    """Lists the datasets and keeps the current choice. Without datasets, shows how to get one."""
    choices = corpus_choices(studio.data)
    return ChoicesUpdate(
        corpus=gr.Dropdown(choices=choices, value=first_available(choices, folder)),
        note="" if choices else no_corpus_note(studio),
        fetch=gr.Button(visible=not choices),
        overview=gr.Column(visible=bool(choices)),
        clips=gr.Column(visible=bool(choices)),
    )


def overview_of(studio: Studio, folder: str | None) -> str:
    """The statistics of a corpus as HTML, "" without a corpus."""
    if not folder:
        return ""
    view = load_corpus(studio.data, folder)
    return corpus_html(view.corpus.info, view.statistics, [row.duration_s for row in view.corpus.rows])


def show_page(
    studio: Studio, folder: str | None, search: str, split: str, page_number: int, row_index: int | None
) -> TableUpdate:
    """Shows a page of the matching clips.

    Args:
        studio: the studio.
        folder: the folder of the corpus, None for an empty table.
        search: words that must be in the text, speaker or path.
        split: a split, or ALL_SPLITS.
        page_number: from 0; a number outside the range shows the nearest page.
        row_index: index of the opened row in the corpus, None for none."""
    if not folder:
        return TableUpdate("", "", 0, gr.Button(interactive=False), gr.Button(interactive=False))
    page = page_of(load_corpus(studio.data, folder).corpus, search, split, page_number)
    return TableUpdate(
        rows=rows_html(page, row_index),
        position=position_html(page),
        page_number=page.number,
        back=gr.Button(interactive=page.number > 0),
        forward=gr.Button(interactive=not page.is_last),
    )


def show_first_page(
    studio: Studio, folder: str | None, search: str, split: str, page_number: int, row_index: int | None
) -> TableUpdate:
    """Shows the first page after the search or the split has changed."""
    return show_page(studio, folder, search, split, 0, row_index)


def show_previous_page(
    studio: Studio, folder: str | None, search: str, split: str, page_number: int, row_index: int | None
) -> TableUpdate:
    return show_page(studio, folder, search, split, page_number - 1, row_index)


def show_next_page(
    studio: Studio, folder: str | None, search: str, split: str, page_number: int, row_index: int | None
) -> TableUpdate:
    return show_page(studio, folder, search, split, page_number + 1, row_index)


def refresh(
    studio: Studio,
    shown_version: Version,
    folder: str | None,
    search: str,
    split: str,
    page_number: int,
    row_index: int | None,
) -> CorpusUpdate:
    """Updates the page if the corpus has changed on disk. `shown_version` is the version on the page; the other
    parameters are those of `show_page`."""
    version = load_corpus(studio.data, folder).version if folder else None
    if version and version == shown_version:
        return unchanged(CorpusUpdate)
    table = show_page(studio, folder, search, split, page_number, row_index)
    return CorpusUpdate(version, overview_of(studio, folder), *table)


def show_corpus(studio: Studio, folder: str | None) -> CorpusReset:
    """Shows another corpus and clears the search, the split and the opened clip."""
    version = load_corpus(studio.data, folder).version if folder else None
    table = show_page(studio, folder, "", ALL_SPLITS, 0, None)
    return CorpusReset(version, overview_of(studio, folder), "", ALL_SPLITS, None, *table)


def open_clip(studio: Studio, folder: str | None, event: gr.EventData) -> ClipOpened:
    """Opens the clicked row of the table. Raises CorpusError, AudioDecodeError."""
    corpus = load_corpus(studio.data, folder).corpus
    row_index, row = row_at(corpus, event._data.get("row") if isinstance(event._data, dict) else None)
    path = corpus.audio_path(row).resolve()
    voices = babble_paths(corpus, row, BABBLE_VOICES)
    return ClipOpened(row_index, *open_file(path, row.text or path.name, row_details(row), voices))


def open_upload(
    studio: Studio,
    path: str | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way to pass the progress bar
) -> UploadOpened:
    """Opens an uploaded or recorded file. Raises AudioDecodeError."""
    if not path:
        raise AudioDecodeError("choose an audio file or record one first")
    progress(0, desc="reading the file")
    return UploadOpened(None, *open_file(Path(path), Path(path).name, progress=progress))
