"""The sound of a transcribed file: for the player, and for the waveform and the log-mel spectrogram.

The player gets what was transcribed: the chosen track with the file's own times and without what is damaged. That is a
WAV file beside the transcript, made when it is first asked for, or the file itself where browsers play it exactly."""

import os
import secrets
import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import gradio as gr
import numpy as np

from qal.audio.analysis import analyse
from qal.audio.blocks import read_audio_format
from qal.audio.samples import SAMPLE_RATE
from qal.audio.sound_choice import DEFAULT_SOUND
from qal.audio.sound_file import SoundFile
from qal.errors import AudioDecodeError, OptionError
from qal.storage import storage_errors
from qal.transcription.store import StoredTranscript, TranscriptState
from ui_components.app.open_page import require_open_page
from ui_components.app.studio import Studio, unchanged
from ui_components.transcribe.files.actions import require_own_file
from ui_components.transcribe.result.actions import require_transcript
from ui_components.transcribe.result.view import SOUND_LABEL as SOUND_LABEL
from ui_components.widgets.audio_view.actions import EMPTY_VIEW, AudioSelection, ViewUpdate, report_to
from ui_components.widgets.audio_view.view import view_data

SOUND_FILE = "sound.wav"  # in the folder of a transcript
SOUND_URL = "qal/transcript-sound"  # relative to the page, because a proxy may serve the page under a path
MAX_DIRECT_S = 12 * 3600
LOADED_AT_ONCE_S = 20 * 60  # a longer file's sound is loaded when its button is clicked
MAX_SAMPLE = 32767
GONE = "{name} is no longer on the server, so that its sound cannot be played"


class SoundOffer(NamedTuple):
    """Outputs of `offer_sound`: the view is emptied, and the button asks for the sound of a long file."""

    view: Any
    selection: Any
    button: gr.Button


def offer_sound(studio: Studio, opened: str | None, request: gr.Request) -> SoundOffer:
    """Empties the view of the sound, and shows the button that fills it if the file is long."""
    file = require_own_file(studio, opened, request) if opened else None
    is_long = bool(file and (file.duration_s or 0) > LOADED_AT_ONCE_S)
    return SoundOffer(*EMPTY_VIEW, gr.Button(visible=is_long))


def open_short_sound(
    studio: Studio,
    opened: str | None,
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way to pass the progress bar
) -> ViewUpdate:
    """Shows the sound of the opened file, unless it is long or still being transcribed."""
    if not opened:
        return EMPTY_VIEW
    file = require_own_file(studio, opened, request)
    if file.key is None or file.state not in ("done", "stopped") or (file.duration_s or 0) > LOADED_AT_ONCE_S:
        return EMPTY_VIEW
    if not Path(file.source).is_file():
        return EMPTY_VIEW
    return open_sound(studio, opened, request, progress)


def open_missing_sound(
    studio: Studio, opened: str | None, selection: AudioSelection | None, request: gr.Request
) -> SoundOffer:
    """Shows the sound of a file that has ended while it was shown; nothing happens if its sound is shown."""
    file = require_own_file(studio, opened, request) if opened and selection is None else None
    if file is None or file.state not in ("done", "stopped"):
        return unchanged(SoundOffer)
    if (file.duration_s or 0) > LOADED_AT_ONCE_S:
        return SoundOffer(gr.skip(), gr.skip(), gr.Button(visible=True))  # pyright: ignore[reportArgumentType]
    return SoundOffer(*open_short_sound(studio, opened, request), gr.skip())  # pyright: ignore[reportArgumentType]


def open_sound(
    studio: Studio,
    opened: str | None,
    request: gr.Request,
    progress: gr.Progress = gr.Progress(),  # noqa: B008  Gradio's way to pass the progress bar
) -> ViewUpdate:
    """Shows the sound of the opened file. Raises AudioDecodeError, OptionError and StorageError."""
    file = require_own_file(studio, opened, request)
    transcript = require_transcript(studio, file)
    path = playable_sound(transcript, Path(file.source))
    analysis = analyse(path, MAX_DIRECT_S, report_to(progress))
    view = view_data(analysis, "", f"{SOUND_URL}?key={transcript.key}")
    view["figures"] = ""  # measurements belong to the Data tab
    return ViewUpdate(view, AudioSelection(path, Path(file.name).stem))


def find_sound(studio: Studio, key: str, user: str | None) -> Path:
    """Returns what the player gets. Raises OptionError if the key is unknown or the transcript is another user's."""
    transcript = studio.file_queue.store.transcript(key)
    files = [file for file in studio.file_queue.files() if file.key == key]
    request: Any = SimpleNamespace(username=user)
    if user is not None and not any(file.user == user for file in files):
        studio.require_owner(transcript.state().user, transcript.state().name, request)
    return playable_sound(transcript, *(Path(file.source) for file in files))


def playable_sound(transcript: StoredTranscript, *sources: Path) -> Path:
    """Returns a file that browsers play with the times of the transcript; it is made if there is none."""
    made = transcript.folder / SOUND_FILE
    if made.is_file():
        return made
    state = transcript.state()
    source = next((path for path in (*sources, Path(state.source)) if path.is_file()), None)
    if source is None:
        raise OptionError(GONE.format(name=state.name))
    if state.options.sound == DEFAULT_SOUND and _is_playable(source):
        return source
    write_sound(source, state, made)
    return made


def _is_playable(source: Path) -> bool:
    try:
        return read_audio_format(source).is_browser_playable
    except AudioDecodeError:
        return False


def write_sound(source: Path, state: TranscriptState, target: Path) -> None:
    """Writes the sound that was transcribed as WAV, 16 kHz, channels mixed. Raises AudioDecodeError, StorageError."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    sound = SoundFile(source, state.options.sound, state.options.language, require_open_page)
    with storage_errors(str(target)):
        try:
            with wave.open(os.fspath(temporary), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(SAMPLE_RATE)
                for block in sound.blocks():
                    mixed = np.clip(block.mean(axis=0), -1, 1)
                    file.writeframes(np.rint(mixed * MAX_SAMPLE).astype("<i2").tobytes())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
