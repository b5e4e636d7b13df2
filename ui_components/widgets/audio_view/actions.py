"""Handlers of an audio view: open a file, select a time range of it, and cut the selection out."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.audio.analysis import MAX_ANALYSIS_S, AudioAnalysis, Progress, analyse
from qal.audio.blocks import convert_to_wav, trim_to_wav
from qal.errors import AudioDecodeError, OptionError
from ui_components.app.open_page import require_open_page
from ui_components.app.studio import Studio
from ui_components.widgets.audio_view.served_audio import file_url, new_served_file
from ui_components.widgets.audio_view.view import view_data
from ui_components.widgets.markup import minutes

CONVERTED_NOTE = "Playback uses the model's input: one channel at 16 kHz."
MAX_FILE_BYTES = 2 * 1024**3
MAX_TIME_S = 1e6  # above the duration of any file
MAX_STEM_LENGTH = 80  # characters


@dataclass(frozen=True)
class AudioSelection:
    """An audio file on the server and the time range that is selected in its view."""

    path: Path
    stem: str  # start of the download's file name
    start_s: float = 0.0
    end_s: float = math.inf
    babble_paths: tuple[Path, ...] = ()  # speech of the same corpus, for background voices in augmentation

    @property
    def is_full_file(self) -> bool:
        return self.start_s == 0 and self.end_s == math.inf


class ViewUpdate(NamedTuple):
    """Outputs for an audio view: the data that its script draws, and the selection. None empties the view."""

    view: dict[str, Any] | None
    selection: AudioSelection | None


EMPTY_VIEW = ViewUpdate(None, None)


def open_file(
    path: Path,
    title: str,
    details: str = "",
    babble_paths: tuple[Path, ...] = (),
    progress: gr.Progress | None = None,
) -> ViewUpdate:
    """Analyses an audio file for its view.

    Args:
        path: the audio file.
        title: heading of the view.
        details: a line of text below the plot.
        babble_paths: other speech of the same corpus.
        progress: Gradio's progress bar, None for no progress.

    Raises:
        AudioDecodeError: the file is missing, not audio, too long or too large."""
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise AudioDecodeError(f"{path.name}: larger than {MAX_FILE_BYTES / 1024**3:g} GB; cut it into shorter files")
    report = report_to(progress)
    analysis = analyse(path, MAX_ANALYSIS_S, report)
    if not analysis.audio_format.is_browser_playable:
        details = f"{details}\n{CONVERTED_NOTE}"
    for note in analysis.notes:
        details = f"{details}\n{note[:1].upper()}{note[1:]}."
    view = view_data(analysis, title, file_url(playable_file(path, analysis)), details.strip())
    return ViewUpdate(view, AudioSelection(path, path.stem, babble_paths=babble_paths))


def report_to(progress: gr.Progress | None) -> Progress:
    """A callback that shows the analysed seconds on Gradio's progress bar, and stops if the page was closed."""

    def report(done_s: float, total_s: float) -> None:
        require_open_page()
        if progress:
            progress(done_s / total_s, desc=f"{minutes(done_s)} of {minutes(total_s)} analysed")

    return report


def playable_file(path: Path, analysis: AudioAnalysis) -> Path:
    """The file itself if browsers seek in it exactly, else a new WAV copy of the model's input."""
    if analysis.audio_format.is_browser_playable:
        return path
    copy = new_served_file(f"{path.stem[:MAX_STEM_LENGTH]}.wav")
    convert_to_wav(path, copy, MAX_ANALYSIS_S, require_open_page)
    return copy


def select_range(studio: Studio, selection: AudioSelection | None, event: gr.EventData) -> AudioSelection | None:
    """Stores the time range that the user selected in the view."""
    if selection is None:
        return None
    start_s, end_s = selected_range(event)
    return replace(selection, start_s=start_s, end_s=end_s)


def cut_selection(studio: Studio, selection: AudioSelection | None, event: gr.EventData) -> dict[str, str]:
    """Writes the selected range to a WAV file and returns its {"name", "url"}. Raises OptionError."""
    if selection is None:
        raise OptionError("choose an audio file first")
    start_s, end_s = selected_range(event)
    name = f"{selection.stem[:MAX_STEM_LENGTH]}-{start_s:.2f}-{end_s:.2f}.wav"
    wav = new_served_file(name)
    trim_to_wav(selection.path, wav, start_s, end_s, require_open_page)
    return {"name": name, "url": file_url(wav)}


def selected_range(event: gr.EventData) -> tuple[float, float]:
    """The checked (start_s, end_s) of a browser event. Raises OptionError."""
    data = event._data if isinstance(event._data, dict) else {}
    start_s, end_s = data.get("start_s"), data.get("end_s")
    if isinstance(start_s, int | float) and isinstance(end_s, int | float) and 0 <= start_s < end_s < MAX_TIME_S:
        return float(start_s), float(end_s)
    raise OptionError("select a range that ends after it starts")
