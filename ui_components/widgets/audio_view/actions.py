"""What happens on a sound view: a file is looked at, a stretch of it chosen, and cut out."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from qal.audio.analysis import MAX_SURVEY_S, Progress, Survey, survey
from qal.audio.blocks import cut_wav, write_heard
from qal.errors import AudioDecodeError, OptionError
from ui_components.app.studio import Studio
from ui_components.widgets.audio_view.served_audio import made_file, url_of
from ui_components.widgets.audio_view.view import shown
from ui_components.widgets.markup import minutes

HEARD = "You hear it as the model does: one channel at 16 kHz."
MAX_FILE_BYTES = 2 * 1024**3


MAX_STRETCH_S = 1e6  # later than the end of any sound


@dataclass(frozen=True)
class Sound:
    """What a view shows: a file of this machine, and the stretch of it that was chosen."""

    path: Path
    stem: str  # of what is downloaded
    start_s: float = 0.0
    end_s: float = math.inf
    others: tuple[Path, ...] = ()  # speech of the same corpus

    @property
    def is_whole(self) -> bool:
        return self.start_s == 0 and self.end_s == math.inf


View = tuple[dict[str, Any], Sound]  # the board's value, and the state beside it
NOTHING = (None, None)


def look(
    path: Path,
    title: str,
    told: str = "",
    others: tuple[Path, ...] = (),
    progress: gr.Progress | None = None,
) -> View:
    """A file -> what its view shows. Raises AudioDecodeError: missing, not audio, too long or too large."""
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise AudioDecodeError(f"{path.name}: larger than {MAX_FILE_BYTES / 1024**3:g} GB; cut it into shorter files")
    found = survey(path, MAX_SURVEY_S, told_to(progress) if progress else lambda done_s, said_s: None)
    said = told if found.form.is_exact else f"{told}\n{HEARD}".strip()
    return shown(found, title, url_of(playable(path, found)), said), Sound(path, path.stem, others=others)


def told_to(progress: gr.Progress) -> Progress:
    """How far it is, on Gradio's bar."""
    return lambda done_s, said_s: progress(
        done_s / said_s, desc=f"{minutes(done_s)} of {minutes(said_s)} looked through"
    )


def playable(path: Path, found: Survey) -> Path:
    """The file itself where browsers play it to the sample; else a copy as the model hears it."""
    if found.form.is_exact:
        return path
    copy = made_file(f"{path.stem[:80]}.wav")
    write_heard(path, copy, MAX_SURVEY_S)
    return copy


def trim(studio: Studio, sound: Sound | None, event: gr.EventData) -> Sound | None:
    """The stretch that somebody chose in the view."""
    if sound is None:
        return None
    start_s, end_s = stretch_of(event)
    return replace(sound, start_s=start_s, end_s=end_s)


def cut(studio: Studio, sound: Sound | None, event: gr.EventData) -> dict[str, str]:
    """The chosen stretch as a WAV file -> {"name", "url"}."""
    if sound is None:
        raise OptionError("choose a sound first")
    start_s, end_s = stretch_of(event)
    name = f"{sound.stem[:80]}-{start_s:.2f}-{end_s:.2f}.wav"
    wav = made_file(name)
    cut_wav(sound.path, wav, start_s, end_s)
    return {"name": name, "url": url_of(wav)}


def stretch_of(event: gr.EventData) -> tuple[float, float]:
    """What the browser sent, checked."""
    found = event._data if isinstance(event._data, dict) else {}
    start_s, end_s = found.get("start_s"), found.get("end_s")
    if isinstance(start_s, int | float) and isinstance(end_s, int | float) and 0 <= start_s < end_s < MAX_STRETCH_S:
        return float(start_s), float(end_s)
    raise OptionError("choose a stretch that ends after it begins")
