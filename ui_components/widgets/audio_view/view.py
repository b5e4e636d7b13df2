"""The sound view as HTML, and a survey as what its script draws. Pure functions."""

import base64
import html
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from qal.audio.analysis import Survey
from qal.audio.overview import Values
from qal.audio.samples import HOP, SAMPLE_RATE
from ui_components.widgets.audio_view.verdicts import figures_html

SCRIPTS = Path(__file__).parent
PARTS = ("drawing", "view", "player", "trim", "page")  # in the order of use
DECADES = 8.0  # of power that the picture spans below its loudest point, as Whisper's input does
OUTLINE_LEVELS = 127
LABELLED_HZ = (500, 1000, 2000, 4000)
MEL_LINEAR_HZ, MEL_HIGHEST = 1000.0, 45.245640471924965  # of Slaney's scale, at 8 kHz


def sound_html(label: str, empty: str, trims: bool) -> str:
    """The view that the script fills; `empty` is said while it shows nothing."""
    hertz = "".join(f'<span style="bottom:{100 * mel_share(hz):.1f}%">{_hertz(hz)}</span>' for hz in LABELLED_HZ)
    return f"""<div class="qal-sound is-empty" role="group" aria-label="{html.escape(label)}">
<p class="nothing">{html.escape(empty)}</p>
<div class="top"><strong class="name" dir="auto"></strong><span class="about"></span>
<div class="zoom" role="group" aria-label="Zoom"><button class="out" type="button" aria-label="Zoom out">−</button>
<button class="whole" type="button">Whole</button>
<button class="in" type="button" aria-label="Zoom in">+</button></div></div>
<p class="problem qal-note" role="alert" hidden></p>
<div class="plot"><div class="hertz" aria-hidden="true">{hertz}</div>
<div class="scroller" tabindex="0" role="group" aria-label="Waveform and spectrogram"><div class="wide">
<div class="regions" aria-hidden="true"></div>
<div class="pane"><canvas class="outline" role="img"></canvas><canvas class="axis" aria-hidden="true"></canvas>
<canvas class="mel" role="img" aria-label="Log-mel spectrogram, low tones below"></canvas></div>
<div class="marks">{_TRIM_MARKS if trims else ""}<div class="playhead" tabindex="0" role="slider"
 aria-label="Position" aria-valuemin="0"></div></div>
</div></div></div>
<div class="qal-controls"><button class="play" type="button">Play</button><span class="time"></span>
{'<button class="selection" type="button">Play selection</button>' if trims else ""}</div>
{_TRIM_FIELDS if trims else ""}
<p class="told qal-muted"></p><div class="figures"></div></div>"""


_TRIM_MARKS = """<div class="shade"></div><div class="shade"></div>
<div class="handle start" tabindex="0" role="slider" aria-label="Start of the selection" aria-valuemin="0"></div>
<div class="handle end" tabindex="0" role="slider" aria-label="End of the selection" aria-valuemin="0"></div>"""
_TRIM_FIELDS = """<div class="qal-controls trim" role="group" aria-label="Selection">
<label>From <input class="from" type="number" min="0" step="0.01" inputmode="decimal"
 aria-label="Selection from, in seconds"></label>
<label>to <input class="to" type="number" min="0" step="0.01" inputmode="decimal"
 aria-label="Selection to, in seconds"> s</label>
<button class="everything" type="button" aria-label="Select all">All</button>
<button class="cut" type="button" aria-label="Download the cut WAV">Download cut</button></div>"""


def sound_script() -> str:
    """What Gradio runs once in the page, with the view's `element`."""
    return "\n".join((SCRIPTS / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)


def shown(found: Survey, name: str, url: str, told: str = "", loudest: float | None = None) -> dict[str, Any]:
    """A survey as the script wants it. `loudest`: what fills the outline's height; unset: the sound's own peak."""
    peak = float(np.abs(found.outline).max(initial=0.0))
    return {
        "name": name,
        "about": about(found),
        "url": url,
        "duration_s": found.quality.duration_s,
        "outline": base64.b64encode(packed(found.outline)).decode(),
        "outline_s": found.outline_s,
        "loudest": min(1.0, peak if loudest is None else loudest),
        "mel": f"data:image/png;base64,{base64.b64encode(png(brightness(found.mel))).decode()}",
        "mel_s": found.mel_s,
        "mel_from_s": -HOP / SAMPLE_RATE / 2,  # a frame is centred on its time
        "speech": found.speech,
        "told": "\n".join(part for part in (told, limit(found)) if part),
        "figures": figures_html(found.quality),
        "spoken": spoken(found),
    }


def packed(outline: Values) -> bytes:
    """(2, columns) in [-1, 1] -> a signed byte each, lowest and highest by turns"""
    return np.rint(np.clip(outline.T, -1, 1) * OUTLINE_LEVELS).astype(np.int8).tobytes()


def brightness(mel: Values) -> NDArray[np.uint8]:
    """(n_mels, columns) of log10 power -> greys, low tones in the last row"""
    span = (mel[::-1] - mel.max() + DECADES) / DECADES
    return np.rint(255 * np.clip(span, 0, 1)).astype(np.uint8)


def png(greys: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(greys).save(file, "PNG")
    return file.getvalue()


def about(found: Survey) -> str:
    """What the file says about itself: '16 kHz · one channel · WAV, pcm_s16le'."""
    form = found.form
    channels = "one channel" if form.channels == 1 else f"{form.channels} channels"
    return f"{form.rate_hz / 1000:g} kHz · {channels} · {form.container.partition(',')[0].upper()}, {form.codec}"


def limit(found: Survey) -> str:
    """A sentence where the picture is coarser than the sound's own frames; "" where it is not."""
    if found.mel_s <= HOP / SAMPLE_RATE:
        return ""
    return f"Of so long a sound, a column of the spectrogram stands for {found.mel_s:.2g} s; a cut shows more."


def spoken(found: Survey) -> str:
    """The picture in words."""
    count = len(found.speech)
    speech = "no speech" if not count else f"{count} {'stretch' if count == 1 else 'stretches'} of speech"
    return f"Waveform of {found.quality.duration_s:.1f} s with {speech}"


def mel_share(hz: float) -> float:
    """How high a frequency stands in the picture, from 0 to 1 (Slaney's scale, Whisper's)."""
    above = 27 * math.log(max(1.0, hz / MEL_LINEAR_HZ)) / math.log(6.4)
    return (min(hz, MEL_LINEAR_HZ) * 3 / 200 + above) / MEL_HIGHEST


def _hertz(hz: int) -> str:
    return f"{hz} Hz" if hz < 1000 else f"{hz // 1000} kHz"
