"""What happens on the Transcribe tab: a file in, segments with times out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from qal.audio.blocks import heard_part
from qal.audio.decode import decode
from qal.audio.samples import Samples, seconds
from qal.engine.engine import ContextChoice, Engine
from qal.engine.languages import check_language
from qal.engine.longform import Segment, transcribe_file
from qal.errors import AudioDecodeError, ModelError
from qal.text.subtitles import FORMATS
from ui_components.app.studio import Studio
from ui_components.widgets.audio_view.actions import NOTHING, Sound, View, look
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import minutes, note_html, transcript_html

Segments = list[Segment]


WAITING = "Choose a file or record one, then press Transcribe. The text appears here with its times."


def begin(studio: Studio) -> tuple[str, str, Segments, gr.Row]:
    """An old text never stands beside a new file -> (summary, lines, segments, downloads)."""
    return "", "", [], gr.Row(visible=False)


def wait(studio: Studio) -> str:
    return note_html(WAITING)


def transcribe(
    studio: Studio,
    path: str | None,
    model: str | None,
    language: str,
    context: ContextChoice,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio wants it
    sound: Sound | None = None,
) -> tuple[str, str, Segments, gr.Row]:
    """An audio file, or the stretch of it that `sound` holds -> (summary, lines, segments, downloads)."""
    if not path:
        raise AudioDecodeError("choose an audio file or record one first")
    if not model:
        raise ModelError("there is no model to transcribe with; run `make setup` once, then reload this page")
    progress(0, desc="reading the file")
    trimmed = sound is not None and sound.path == Path(path) and not sound.is_whole
    samples = heard_part(sound.path, sound.start_s, sound.end_s) if sound and trimmed else decode(path)
    progress(0, desc=f"loading {model}")
    engine = studio.engines.get(model, studio.runs, context)
    if language:
        check_language(language, engine.tokenizer.languages)
    segments = _with_progress(engine, samples, language or None, progress)
    segments = from_the_start(segments, sound.start_s) if sound and trimmed else segments
    summary = summary_html(segments, seconds(samples), Path(path).name)
    return summary, transcript_html(segments), segments, gr.Row(visible=bool(segments))


def from_the_start(segments: Segments, start_s: float) -> Segments:
    """The times of a stretch as those of the file that it was cut from."""
    return [replace(s, start_s=s.start_s + start_s, end_s=s.end_s + start_s) for s in segments]


def changed(studio: Studio, path: str | None) -> tuple[Any, ...]:
    """Another file, or none -> (button that shows it, the view's place, the view)."""
    return gr.Button(visible=bool(path)), gr.Column(visible=False), *NOTHING


def see(
    studio: Studio,
    path: str | None,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  how Gradio wants it
) -> View:
    """The file, to be trimmed before it is transcribed."""
    if not path:
        raise AudioDecodeError("choose an audio file or record one first")
    return look(Path(path), Path(path).name, progress=progress)


def _with_progress(engine: Engine, samples: Samples, language: str | None, progress: gr.Progress) -> Segments:
    total_s, done_s = max(seconds(samples), 1e-9), 0.0

    def advance(more_s: float) -> None:
        nonlocal done_s
        done_s += more_s
        progress(min(1.0, done_s / total_s), desc=f"{minutes(done_s)} of {minutes(total_s)}")

    return transcribe_file(engine, samples, language, progress=advance)


def summary_html(segments: Segments, duration_s: float, name: str) -> str:
    """One line about the whole, or what to do when nobody speaks in it."""
    if not segments:
        return note_html(f"No speech was found in {name}; check that somebody speaks in it, and loudly enough.")
    words = sum(len(segment.text.split()) for segment in segments)
    languages = ", ".join(sorted({LANGUAGE_NAMES[segment.language].capitalize() for segment in segments}))
    return note_html(f"{name} · {minutes(round(duration_s))} · {words} words · {languages}")


def subtitles(studio: Studio, segments: Segments, path: str | None, form: str) -> dict[str, Any]:
    """The segments as a file -> {"name", "text"}."""
    if not segments:
        gr.Info("Transcribe a file first.")
        return {}
    return {"name": f"{Path(path or 'transcript').stem}.{form}", "text": FORMATS[form](segments)}
