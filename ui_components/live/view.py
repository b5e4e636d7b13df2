"""The Live tab as HTML: captions, level meter and controls."""

import json
import math
from pathlib import Path

from qal.audio.mix import LIVE_WINDOW_S, LOUDER, MIN_RELATIVE_POWER
from qal.captions.session import InputLevel
from ui_components.live.audience import AUDIENCE_BUTTON_HTML, audience_html
from ui_components.live.fallback.session import CaptionState
from ui_components.widgets.markup import caption_line_html

MAX_SHOWN_LINES = 200  # of the fallback; its download has all lines
METER_FLOOR_DB = -60.0  # level at the left end of the meter
SCRIPTS_FOLDER = Path(__file__).parent
# In order of use.
SCRIPT_FILES = ("audio.js", "connection.js", "captions.js", "corrections.js", "audience.js", "page.js")
SOURCES = {"microphone": "Microphone", "tab": "Browser tab audio", "file": "Simulate live from file"}
DOWNLOAD_FORMATS = {"txt": "Text", "srt": "SRT", "vtt": "WebVTT", "json": "JSON"}
BADGES = {
    "stopped": "Stopped",
    "loading": "Loading model...",
    "listening": "Listening",
    "speech": "Speech detected",
    "reconnecting": "Reconnecting... (no audio is lost)",
    "finishing": "Finishing...",
    "copied": "Copied",
}


def live_html() -> str:
    """Returns the captions, the meter and the controls, which the script fills and wires."""
    return f"""<div class="qal-live">
<div class="qal-lanes">{_pane_html("Captions")}{_pane_html("Captions of the second model", hidden=True)}</div>
<div class="qal-problem qal-note problem" role="alert" hidden></div>
<div class="qal-meter"><span>Level</span><div class="track level"><i style="width:0"></i></div><span>Speech</span>
<div class="track speech"><i style="width:0"></i></div>
<span class="qal-badge" role="status">{BADGES["stopped"]}</span></div>
<div class="qal-controls"><button class="start" type="button">Start</button>
<select class="source" aria-label="Source">{_options_html(SOURCES)}</select>
<input class="search" type="search" placeholder="Search" aria-label="Search the captions">
<button class="copy" type="button">Copy</button>
<select class="download" aria-label="Download"><option value="" selected>Download …</option>
{_options_html(DOWNLOAD_FORMATS)}</select>
<button class="wipe" type="button">Clear</button>{AUDIENCE_BUTTON_HTML}</div>
{audience_html()}</div>"""


def live_script() -> str:
    """Returns the script that Gradio runs once in the page, with `element` as the container of `live_html`."""
    constants = f"const BADGES = {json.dumps(BADGES)}, METER_FLOOR_DB = {METER_FLOOR_DB};"
    return "\n".join(
        [constants, mixing_constants(), *((SCRIPTS_FOLDER / name).read_text(encoding="utf-8") for name in SCRIPT_FILES)]
    )


def mixing_constants() -> str:
    """Returns the constants of `MonoMixer` for audio.js, which mixes channels in the same way."""
    values = {"window_s": LIVE_WINDOW_S, "min_relative_power": MIN_RELATIVE_POWER, "louder": LOUDER}
    return f"const MIXING = {json.dumps(values)};"


def captions_html(state: CaptionState) -> str:
    """Returns the captions of the fallback."""
    lines = [caption_line_html(c, "final") for c in state.finals[-MAX_SHOWN_LINES:]]
    if state.tentative:
        lines.append(caption_line_html(state.tentative, "tentative"))
    body = f"<ol>{''.join(lines)}</ol>" if lines else _empty_html("Record")
    return f'<div class="qal-captions" role="log" aria-label="Captions" tabindex="0">{body}</div>'


def meter_html(level: InputLevel | None, status: str = "") -> str:
    """Returns the level and the speech probability as bars, and the state as a badge.

    `status` replaces the badge's text; None as the level means that the microphone is off."""
    share = meter_share(level.rms) if level else 0.0
    speech = level.speech_probability if level else 0.0
    is_speech = bool(level and level.gate_open)
    badge = status or BADGES["speech" if is_speech else "listening" if level else "stopped"]
    return (
        f'<div class="qal-meter"><span>Level</span>{_track_html(share)}<span>Speech</span>{_track_html(speech)}'
        f'<span class="qal-badge{" on" if is_speech else ""}">{badge}</span></div>'
    )


def meter_share(rms: float) -> float:
    """Converts the root mean square of samples to 0 (METER_FLOOR_DB and below) to 1 (full scale), linear in dB."""
    db = 20 * math.log10(max(rms, 1e-9))
    return min(1.0, max(0.0, 1 - db / METER_FLOOR_DB))


def _options_html(choices: dict[str, str]) -> str:
    return "".join(f'<option value="{value}">{label}</option>' for value, label in choices.items())


def _pane_html(label: str, hidden: bool = False) -> str:
    """Returns the captions of one model. The heading names the model; it is visible if there are two."""
    return f"""<section class="lane"{" hidden" if hidden else ""}><h3></h3>
<div class="qal-captions is-empty" role="log" aria-label="{label}" tabindex="0"><ol></ol>
{_empty_html("Start")}</div></section>"""


def _empty_html(button: str) -> str:
    return f'<p class="empty">Press <b>{button}</b> and speak. Captions appear here.</p>'


def _track_html(share: float) -> str:
    return f'<div class="track"><i style="width:{100 * share:.0f}%"></i></div>'
