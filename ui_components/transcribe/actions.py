"""Handlers of the Transcribe tab: a file is transcribed to segments with times."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.audio.blocks import read_time_range
from qal.audio.decode import decode
from qal.audio.samples import Samples, seconds
from qal.engine.engine import ContextChoice, Engine
from qal.engine.languages import check_language
from qal.engine.longform.segment import Segment
from qal.engine.longform.transcription import transcribe_file
from qal.errors import AudioDecodeError, ModelError
from qal.text.subtitles.formats import SUBTITLE_FORMATS
from ui_components.app.open_page import require_open_page
from ui_components.app.studio import Studio
from ui_components.widgets.audio_view.actions import EMPTY_VIEW, AudioSelection, ViewUpdate, open_file
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import minutes, note_html, transcript_html

Segments = list[Segment]

NO_FILE = "choose an audio file or record one first"
WAITING = "Choose a file or record one, then press Transcribe. The text appears here with times."
NO_MODEL = "there is no model to transcribe with; run `qal models fetch base-adaptive`, then reload the page"


class Transcript(NamedTuple):
    """Outputs of `begin` and `transcribe`."""

    summary: str
    transcript: str
    segments: Segments
    downloads: gr.Row


class TrimUpdate(NamedTuple):
    """Outputs of `reset_trim`: the button that opens the audio view, the view's column, and the view."""

    open_button: gr.Button
    column: gr.Column
    view: dict[str, Any] | None
    selection: AudioSelection | None


def begin(studio: Studio) -> Transcript:
    """Clears the previous transcript."""
    return Transcript("", "", [], gr.Row(visible=False))


def waiting_note(studio: Studio) -> str:
    return note_html(WAITING)


def transcribe(
    studio: Studio,
    path: str | None,
    model: str | None,
    language: str,
    context: ContextChoice,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way to pass the progress bar
    selection: AudioSelection | None = None,
) -> Transcript:
    """Transcribes an audio file, or the selected range of it.

    Args:
        studio: the studio.
        path: the file.
        model: name of the model.
        language: language code, "" to detect the language.
        context: the encoder window.
        progress: Gradio's progress bar.
        selection: the selection of the audio view; ignored if it is of another file.

    Raises:
        AudioDecodeError: no file, or a file that is not audio.
        ModelError: no model.
        LanguageError: the model does not have the language."""
    if not path:
        raise AudioDecodeError(NO_FILE)
    if not model:
        raise ModelError(NO_MODEL)
    progress(0, desc="reading the file")
    if selection and (selection.path != Path(path) or selection.is_full_file):
        selection = None
    if selection:
        samples = read_time_range(Path(path), selection.start_s, selection.end_s, require_open_page)
    else:
        samples = decode(path, check=require_open_page, is_example=False)
    progress(0, desc=f"loading {model}")
    engine = studio.engines.get(model, studio.runs, context)
    if language:
        check_language(language, engine.tokenizer.languages)
    segments = _transcribe_with_progress(engine, samples, language or None, progress)
    segments = shift_times(segments, selection.start_s) if selection else segments
    return Transcript(
        summary=summary_html(segments, seconds(samples), Path(path).name),
        transcript=transcript_html(segments),
        segments=segments,
        downloads=gr.Row(visible=bool(segments)),
    )


def shift_times(segments: Segments, offset_s: float) -> Segments:
    """Adds an offset to all times, so that the segments of a range have the times of the file."""
    return [replace(s, start_s=s.start_s + offset_s, end_s=s.end_s + offset_s) for s in segments]


def reset_trim(studio: Studio, path: str | None) -> TrimUpdate:
    """Closes the audio view after another file was chosen or the file was removed."""
    return TrimUpdate(gr.Button(visible=bool(path)), gr.Column(visible=False), *EMPTY_VIEW)


def open_view(
    studio: Studio,
    path: str | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way to pass the progress bar
) -> ViewUpdate:
    """Opens the file in the audio view, to trim it before it is transcribed. Raises AudioDecodeError."""
    if not path:
        raise AudioDecodeError(NO_FILE)
    return open_file(Path(path), Path(path).name, progress=progress)


def _transcribe_with_progress(
    engine: Engine, samples: Samples, language: str | None, progress: gr.Progress
) -> Segments:
    total_s, done_s = max(seconds(samples), 1e-9), 0.0

    def advance(more_s: float) -> None:
        nonlocal done_s
        require_open_page()
        done_s += more_s
        progress(min(1.0, done_s / total_s), desc=f"{minutes(done_s)} of {minutes(total_s)}")

    return transcribe_file(engine, samples, language, progress=advance)


def summary_html(segments: Segments, duration_s: float, name: str) -> str:
    """File name, duration, number of words and languages in one line; advice if no speech was found."""
    if not segments:
        return note_html(f"No speech was found in {name}; check that it contains speech and is loud enough.")
    words = sum(len(segment.text.split()) for segment in segments)
    languages = ", ".join(sorted({LANGUAGE_NAMES[segment.language].capitalize() for segment in segments}))
    return note_html(f"{name} · {minutes(round(duration_s))} · {words} words · {languages}")


def subtitles(studio: Studio, segments: Segments, path: str | None, form: str) -> dict[str, Any]:
    """The segments as a file {"name", "text"} in one of SUBTITLE_FORMATS; {} without segments."""
    if not segments:
        gr.Info("Transcribe a file first.")
        return {}
    name = f"{Path(path or 'transcript').stem}.{form}"
    return {"name": name, "text": SUBTITLE_FORMATS[form].format(segments).decode()}
