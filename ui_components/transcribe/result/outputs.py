"""Handlers of what is made of a transcript: subtitles with their rules, downloads, and examples of a dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.errors import OptionError
from qal.text.subtitles.cues import make_cues
from qal.text.subtitles.formats import SUBTITLE_FORMATS
from qal.text.subtitles.presets import SUBTITLE_PRESETS
from qal.transcription.corpus_rows import AddedRows, add_segments
from qal.transcription.document import read_document
from qal.transcription.outputs import archive_items, render, safe_name, write_archive
from qal.transcription.sources import name_without_suffix
from ui_components.app.studio import Studio
from ui_components.transcribe.files.actions import own_files, require_own_file
from ui_components.transcribe.files.outputs import read_output_options, write_output_options
from ui_components.transcribe.result.actions import require_transcript
from ui_components.transcribe.result.view import cues_html
from ui_components.transcribe.start.form import OUTPUT, output_options
from ui_components.widgets.audio_view.served_audio import file_url, new_served_file
from ui_components.widgets.choices import Choices
from ui_components.widgets.forms import component_values

OWN_RULES = "own"  # of the preset: rules that are those of none
ARCHIVE_NAME = "transcripts.zip"
DEFAULT_DATASET = "corrections"
NOTHING_CORRECTED = "no line of this transcript was corrected; correct one, or select a line and press Add to dataset"


class DownloadFile(NamedTuple):
    """A file for the browser."""

    name: str
    url: str


def format_choices() -> Choices:
    return [(form.label, name) for name, form in SUBTITLE_FORMATS.items()]


def show_output_form(studio: Studio, opened: str | None, request: gr.Request) -> list[Any]:
    """Returns the preset and the values of the output settings of the opened file."""
    if not opened:
        return [gr.skip()] * (1 + len(OUTPUT))
    file = require_own_file(studio, opened, request)
    options = read_output_options(studio, file.id)
    preset = next((name for name, p in SUBTITLE_PRESETS.items() if p.rules == options.subtitles), OWN_RULES)
    return [preset if preset != OWN_RULES else None, *component_values(OUTPUT, options)]


def apply_output(studio: Studio, opened: str | None, request: gr.Request, *values: Any) -> str:
    """Stores the output settings of the opened file and shows its subtitles; nothing is decoded.

    Raises OptionError for a wrong setting, and StorageError."""
    file = require_own_file(studio, opened, request)
    write_output_options(studio, file.id, output_options(values))
    return show_cues(studio, opened, request)


def show_cues(studio: Studio, opened: str | None, request: gr.Request) -> str:
    """Shows the subtitles of the opened file as they will be downloaded."""
    if not opened:
        return ""
    file = require_own_file(studio, opened, request)
    transcript = studio.file_queue.transcript(file.id)
    if transcript is None or transcript.find_state() is None:
        return cues_html([])
    options = read_output_options(studio, file.id)
    return cues_html(make_cues(read_document(transcript).finished(options), options.subtitles))


def download(studio: Studio, opened: str | None, formats: Sequence[str], request: gr.Request) -> dict[str, str]:
    """Returns the opened file's text in the chosen formats, several as one archive. Raises OptionError."""
    _require_formats(formats)
    file = require_own_file(studio, opened, request)
    transcript = require_transcript(studio, file)
    options = read_output_options(studio, file.id)
    stem = safe_name(name_without_suffix(file.name))
    if len(formats) == 1:
        served = new_served_file(f"{stem}.{formats[0]}")
        served.write_bytes(render(transcript, formats[0], options))
    else:
        served = new_served_file(f"{stem}.zip")
        write_archive(served, archive_items([transcript]), formats, options)
    return DownloadFile(served.name, file_url(served))._asdict()


def download_all(studio: Studio, formats: Sequence[str], request: gr.Request) -> dict[str, str]:
    """Returns an archive with all files of the user that are done. Raises OptionError if there is none."""
    _require_formats(formats)
    done = [file for file in own_files(studio, request) if file.state == "done" and file.key]
    if not done:
        raise OptionError("no file is done yet; wait for the first one")
    served = new_served_file(ARCHIVE_NAME)
    by_key = {file.key: file for file in done}
    items = archive_items([studio.file_queue.store.transcript(key) for key in by_key])
    write_archive(served, items, formats, lambda transcript: read_output_options(studio, by_key[transcript.key].id))
    return DownloadFile(served.name, file_url(served))._asdict()


def _require_formats(formats: Sequence[str]) -> None:
    if not formats or any(form not in SUBTITLE_FORMATS for form in formats):
        raise OptionError("choose at least one format")


def add_line(studio: Studio, opened: str | None, dataset: str | None, event: gr.EventData, request: gr.Request) -> None:
    """Adds the selected line to a dataset with its sound. Raises OptionError, CorpusError and StorageError."""
    data = event._data if isinstance(event._data, dict) else {}
    number = data.get("segment")
    if not isinstance(number, int) or data.get("id") != opened:
        raise OptionError("select a line first")
    _add(studio, opened, dataset, [number], request)


def add_corrected(studio: Studio, opened: str | None, dataset: str | None, request: gr.Request) -> None:
    """Adds all lines that were corrected to a dataset with their sound. Raises as `add_line` does."""
    transcript = require_transcript(studio, require_own_file(studio, opened, request))
    texts = {(s.start_s, s.text, s.channel) for s in transcript.segments()}
    segments = read_document(transcript).segments
    numbers = [i for i, s in enumerate(segments) if s.text and (s.start_s, s.text, s.channel) not in texts]
    if not numbers:
        raise OptionError(NOTHING_CORRECTED)
    _add(studio, opened, dataset, numbers, request)


def _add(studio: Studio, opened: str | None, dataset: str | None, numbers: Sequence[int], request: gr.Request) -> None:
    file = require_own_file(studio, opened, request)
    name = (dataset or "").strip() or DEFAULT_DATASET
    added = add_segments(studio.data, name, require_transcript(studio, file), numbers, Path(file.source))
    gr.Info(added_sentence(added))


def added_sentence(added: AddedRows) -> str:
    """Returns a sentence about the lines that were added to a dataset."""
    count = f"{added.added} line{'' if added.added == 1 else 's'}"
    left_out = f" {len(added.left_out)} left out, such as {added.left_out[0]}." if added.left_out else ""
    return f"Added {count} to the dataset {added.corpus}.{left_out}"
