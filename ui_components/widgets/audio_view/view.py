"""The HTML of the audio view, and the data that its script draws from an audio analysis. Pure functions."""

import base64
import html
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qal.audio.analysis import AudioAnalysis
from qal.audio.overview import Values
from qal.audio.samples import HOP, SAMPLE_RATE
from ui_components.widgets.audio_view.verdicts import measurements_html

SCRIPT_FOLDER = Path(__file__).parent
SCRIPT_NAMES = ("drawing", "view", "player", "trim", "page")  # in load order
DYNAMIC_RANGE_DECADES = 8.0  # of log10 power below the maximum, as in Whisper's input
OUTLINE_LEVELS = 127
LABELLED_HZ = (500, 1000, 2000, 4000)
MEL_LINEAR_HZ, MEL_HIGHEST = 1000.0, 45.245640471924965  # of Slaney's scale, at 8 kHz


def view_html(label: str, placeholder: str, can_trim: bool) -> str:
    """The HTML that the script fills. The placeholder is visible while the view shows no file."""
    return f"""<div class="qal-sound is-empty" role="group" aria-label="{html.escape(label)}">
<p class="placeholder">{html.escape(placeholder)}</p>
{_TITLE_AND_ZOOM}
<p class="problem qal-note" role="alert" hidden></p>
<div class="plot"><div class="frequencies" aria-hidden="true">{_frequency_labels()}</div>
<div class="scroller" tabindex="0" role="group" aria-label="Waveform and spectrogram"><div class="timeline">
<div class="regions" aria-hidden="true"></div>
<div class="pane"><canvas class="outline" role="img"></canvas><canvas class="axis" aria-hidden="true"></canvas>
<canvas class="mel" role="img" aria-label="Log-mel spectrogram, low frequencies at the bottom"></canvas>
<canvas class="words" aria-hidden="true" hidden></canvas></div>
<div class="marks">{_TRIM_MARKS if can_trim else ""}<div class="playhead" tabindex="0" role="slider"
 aria-label="Position" aria-valuemin="0"></div></div>
</div></div></div>
<div class="qal-controls"><button class="play" type="button">Play</button><span class="time"></span>
{'<button class="selection" type="button">Play selection</button>' if can_trim else ""}</div>
{_TRIM_FIELDS if can_trim else ""}
<p class="details qal-muted"></p><div class="figures"></div></div>"""


_TITLE_AND_ZOOM = """<div class="top"><strong class="name" dir="auto"></strong><span class="format"></span>
<div class="zoom" role="group" aria-label="Zoom"><button class="out" type="button" aria-label="Zoom out">−</button>
<button class="fit" type="button">Fit</button>
<button class="in" type="button" aria-label="Zoom in">+</button></div></div>"""
_TRIM_MARKS = """<div class="shade"></div><div class="shade"></div>
<div class="handle start" tabindex="0" role="slider" aria-label="Start of the selection" aria-valuemin="0"></div>
<div class="handle end" tabindex="0" role="slider" aria-label="End of the selection" aria-valuemin="0"></div>"""
_TRIM_FIELDS = """<div class="qal-controls trim" role="group" aria-label="Selection">
<label>From <input class="from" type="number" min="0" step="0.01" inputmode="decimal"
 aria-label="Selection from, in seconds"></label>
<label>to <input class="to" type="number" min="0" step="0.01" inputmode="decimal"
 aria-label="Selection to, in seconds"> s</label>
<button class="select-all" type="button">Select all</button>
<button class="cut" type="button" aria-label="Download selection as WAV">Download selection</button></div>"""


def view_script() -> str:
    """The JavaScript that Gradio runs once per view, with the view's `element`."""
    return "\n".join((SCRIPT_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPT_NAMES)


def view_data(
    analysis: AudioAnalysis, title: str, url: str, details: str = "", full_scale: float | None = None
) -> dict[str, Any]:
    """The value of the view's component, read by page.js.

    Args:
        analysis: the analysed file.
        title: heading of the view.
        url: address of the audio, relative to the page.
        details: a line of text below the plot.
        full_scale: sample value at the full height of the outline, in (0, 1]; None for the peak of the file."""
    peak = float(np.abs(analysis.outline).max(initial=0.0))
    return {
        "name": title,
        "format": format_text(analysis),
        "url": url,
        "duration_s": analysis.quality.duration_s,
        "outline": base64.b64encode(encode_outline(analysis.outline)).decode(),
        "outline_s": analysis.outline_s,
        "full_scale": min(1.0, peak if full_scale is None else full_scale),
        "mel": f"data:image/png;base64,{base64.b64encode(encode_png(grey_levels(analysis.mel))).decode()}",
        "mel_s": analysis.mel_s,
        "mel_from_s": -HOP / SAMPLE_RATE / 2,  # a frame is centred on its time
        "speech": analysis.speech,
        "details": "\n".join(line for line in (details, resolution_note(analysis)) if line),
        "figures": measurements_html(analysis.quality),
        "aria_label": waveform_description(analysis),
    }


def encode_outline(outline: Values) -> bytes:
    """(2, columns) in [-1, 1] -> int8 bytes, minimum and maximum of each column in turn."""
    return np.rint(np.clip(outline.T, -1, 1) * OUTLINE_LEVELS).astype(np.int8).tobytes()


def grey_levels(mel: Values) -> NDArray[np.uint8]:
    """(n_mels, columns) of log10 power -> grey levels of the same shape, lowest frequency in the last row."""
    scaled = (mel[::-1] - mel.max() + DYNAMIC_RANGE_DECADES) / DYNAMIC_RANGE_DECADES
    return np.rint(255 * np.clip(scaled, 0, 1)).astype(np.uint8)


def encode_png(greys: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(greys).save(file, "PNG")
    return file.getvalue()


def format_text(analysis: AudioAnalysis) -> str:
    """The format of the file, for example '16 kHz · one channel · WAV, pcm_s16le'."""
    audio_format = analysis.audio_format
    channels = "one channel" if audio_format.channels == 1 else f"{audio_format.channels} channels"
    container = audio_format.container.partition(",")[0].upper()
    return f"{audio_format.rate_hz / 1000:g} kHz · {channels} · {container}, {audio_format.codec}"


def resolution_note(analysis: AudioAnalysis) -> str:
    """A sentence if a spectrogram column covers more than one frame of a long file, else ""."""
    if analysis.mel_s <= HOP / SAMPLE_RATE:
        return ""
    return f"Long file: one spectrogram column covers {analysis.mel_s:.2g} s. Download a selection for more detail."


def waveform_description(analysis: AudioAnalysis) -> str:
    """The accessible name of the waveform."""
    count = len(analysis.speech)
    speech = "no speech" if not count else f"{count} speech segment{'' if count == 1 else 's'}"
    return f"Waveform of {analysis.quality.duration_s:.1f} s with {speech}"


def mel_position(hz: float) -> float:
    """The height of a frequency in the spectrogram, from 0 to 1 (Slaney's mel scale, as in Whisper)."""
    above = 27 * math.log(max(1.0, hz / MEL_LINEAR_HZ)) / math.log(6.4)
    return (min(hz, MEL_LINEAR_HZ) * 3 / 200 + above) / MEL_HIGHEST


def _frequency_labels() -> str:
    return "".join(
        f'<span style="bottom:{100 * mel_position(hz):.1f}%">{_frequency_text(hz)}</span>' for hz in LABELLED_HZ
    )


def _frequency_text(hz: int) -> str:
    return f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz"
