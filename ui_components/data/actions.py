"""Handlers of the Data tab: choose a dataset, page through its clips, open a clip or an uploaded file."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.corpus.query import Example, amounts, mark_counts
from qal.corpus.split import SPLITS
from qal.errors import AudioDecodeError
from ui_components.app.studio import Studio, unchanged
from ui_components.data.corpora import (
    ALL,
    FILTER_FIELDS,
    MARK_PREFIX,
    MARKED,
    USED,
    TableFilter,
    Version,
    audio_file,
    babble_paths,
    example_at,
    require_folder,
    rows_page,
    version_of,
)
from ui_components.data.dashboard.charts import dataset_board
from ui_components.data.dashboard.overview import overview_of
from ui_components.data.dashboard.overview_view import characters_html, language_name, overview_html
from ui_components.data.sample_corpus import no_corpus_note
from ui_components.data.views import is_last, position_html, row_details, rows_html
from ui_components.widgets.audio_view.actions import AudioSelection, open_file
from ui_components.widgets.choices import Choices, corpus_choices, first_available

BABBLE_VOICES = 12
MAX_SPEAKERS = 500  # choices of the drop-down


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


class Dashboard(NamedTuple):
    """The dashboard of a dataset, and the choices of its filters."""

    overview: str
    charts: str
    characters: str
    shown: gr.Dropdown
    speaker: gr.Dropdown
    language: gr.Dropdown


class CorpusUpdate(NamedTuple):
    """Outputs of `refresh`: the dashboard and the table of the same dataset."""

    version: Version
    overview: str
    charts: str
    characters: str
    shown: gr.Dropdown
    speaker: gr.Dropdown
    language: gr.Dropdown
    rows: str
    position: str
    page_number: int
    back: gr.Button
    forward: gr.Button


class OpenedClip(NamedTuple):
    """The clip that is open: its dataset, path and text as they were shown."""

    folder: str
    audio: str
    text: str


class ClipOpened(NamedTuple):
    """Outputs of `open_clip`."""

    row_index: int
    view: dict[str, Any] | None
    selection: AudioSelection | None
    opened: OpenedClip
    editor: gr.Column
    text: str
    split: str
    unmark: gr.Button


class UploadOpened(NamedTuple):
    """Outputs of `open_upload`. The upload field is emptied for the next file."""

    upload: None
    view: dict[str, Any] | None
    selection: AudioSelection | None
    editor: gr.Column


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


def filter_of(values: tuple[Any, ...]) -> TableFilter:
    """Returns the filter of the values of its components, in the order of FILTER_FIELDS; None is the default."""
    return TableFilter.model_validate(
        {name: value for name, value in zip(FILTER_FIELDS, values, strict=True) if value is not None}
    )


def show_page(studio: Studio, folder: str | None, page_number: int, row_index: int | None, *values: Any) -> TableUpdate:
    """Shows a page of the matching clips.

    Args:
        studio: the studio.
        folder: the folder of the dataset, None for an empty table.
        page_number: from 0; a number outside the range shows the nearest page.
        row_index: index of the opened row in the dataset, None for none.
        values: of the filter's components."""
    if not folder:
        return TableUpdate("", "", 0, gr.Button(interactive=False), gr.Button(interactive=False))
    wanted = filter_of(values)
    page = rows_page(require_folder(studio.data, folder), wanted, page_number)
    return TableUpdate(
        rows=rows_html(page, row_index, wanted),
        position=position_html(page),
        page_number=page.number,
        back=gr.Button(interactive=page.number > 0),
        forward=gr.Button(interactive=not is_last(page)),
    )


def show_first_page(
    studio: Studio, folder: str | None, page_number: int, row_index: int | None, *values: Any
) -> TableUpdate:
    """Shows the first page after a filter has changed."""
    return show_page(studio, folder, 0, row_index, *values)


def show_previous_page(
    studio: Studio, folder: str | None, page_number: int, row_index: int | None, *values: Any
) -> TableUpdate:
    return show_page(studio, folder, page_number - 1, row_index, *values)


def show_next_page(
    studio: Studio, folder: str | None, page_number: int, row_index: int | None, *values: Any
) -> TableUpdate:
    return show_page(studio, folder, page_number + 1, row_index, *values)


def dashboard_of(studio: Studio, folder: str | None, wanted: TableFilter) -> Dashboard:
    """Returns the dashboard of a dataset, and the choices of its filters, of which those that exist stay chosen."""
    if not folder:
        return Dashboard("", "", "", gr.Dropdown(), gr.Dropdown(), gr.Dropdown())
    path = require_folder(studio.data, folder)
    overview = overview_of(path, studio.model)
    shown, speakers, languages = shown_choices(path), speaker_choices(path), language_choices(path)
    return Dashboard(
        overview=overview_html(overview),
        charts=dataset_board(folder, overview),
        characters=characters_html(overview.characters, overview.tokens),
        shown=gr.Dropdown(choices=shown, value=first_available(shown, wanted.shown)),
        speaker=gr.Dropdown(choices=speakers, value=wanted.speaker if wanted.speaker in dict(speakers) else None),
        language=gr.Dropdown(choices=languages, value=first_available(languages, wanted.language)),
    )


def shown_choices(folder: Path) -> Choices:
    """All clips, those that are used, those that are marked, and those of each mark."""
    marks = [(f"Marked: {mark} ({count:,})", f"{MARK_PREFIX}{mark}") for mark, count in mark_counts(folder).items()]
    return [("All", ALL), ("Used", USED), ("Marked", MARKED), *marks]


def speaker_choices(folder: Path) -> Choices:
    return [(amount.name, amount.name) for amount in amounts(folder, "speaker", limit=MAX_SPEAKERS) if amount.name]


def language_choices(folder: Path) -> Choices:
    return [("All", ALL), *((language_name(a.name), a.name) for a in amounts(folder, "language"))]


def refresh(
    studio: Studio,
    shown_version: Version,
    folder: str | None,
    page_number: int,
    row_index: int | None,
    *values: Any,
) -> CorpusUpdate:
    """Updates the page if the dataset has changed on disk. `shown_version` is the version on the page; the other
    parameters are those of `show_page`."""
    version = version_of(require_folder(studio.data, folder)) if folder else None
    if version and version == shown_version:
        return unchanged(CorpusUpdate)
    dashboard = dashboard_of(studio, folder, filter_of(values))
    return CorpusUpdate(version, *dashboard, *show_page(studio, folder, page_number, row_index, *values))


def open_clip(studio: Studio, folder: str | None, event: gr.EventData) -> ClipOpened:
    """Opens the clicked row of the table. Raises CorpusError, AudioDecodeError."""
    path = require_folder(studio.data, folder)
    example = example_at(path, event._data.get("row") if isinstance(event._data, dict) else None)
    return clip_opened(path, example)


def clip_opened(folder: Path, example: Example) -> ClipOpened:
    """Returns the outputs that show an example and its editor."""
    row = example.row
    audio = audio_file(folder, row.audio)
    heard = f"\nRecognised by {example.texts['model']}: {example.texts['heard']}" if example.texts.get("heard") else ""
    voices = babble_paths(folder, row.audio, BABBLE_VOICES)
    return ClipOpened(
        example.index,
        *open_file(audio, row.text or audio.name, row_details(row) + heard, voices),
        opened=OpenedClip(str(folder), row.audio, row.text),
        editor=gr.Column(visible=True),
        text=row.text,
        split=row.split if row.split in SPLITS else SPLITS[0],
        unmark=gr.Button(visible=bool(row.marks)),
    )


def open_upload(
    studio: Studio,
    path: str | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way to pass the progress bar
) -> UploadOpened:
    """Opens an uploaded or recorded file. Raises AudioDecodeError."""
    if not path:
        raise AudioDecodeError("choose an audio file or record one first")
    progress(0, desc="reading the file")
    opened = open_file(Path(path), Path(path).name, progress=progress)
    return UploadOpened(None, *opened, editor=gr.Column(visible=False))
