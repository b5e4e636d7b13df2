"""The Live tab as HTML: captions, level meter and controls."""

import json
from pathlib import Path

from qal.audio.mix import LIVE_WINDOW_S, LOUDER, MIN_RELATIVE_POWER
from ui_components.live.audience import AUDIENCE_BUTTON_HTML, audience_html

METER_FLOOR_DB = -60.0  # level at the left end of the meter
SCRIPTS_FOLDER = Path(__file__).parent
SCRIPT_FILES = (
    "audio.js",
    "transport.js",
    "connection.js",
    "captions.js",
    "corrections.js",
    "audience.js",
    "page.js",
)  # in order of use
SOURCES = {"microphone": "Microphone", "tab": "Browser tab audio", "file": "Simulate live from file"}
DOWNLOAD_FORMATS = {"txt": "Text", "srt": "SRT", "vtt": "WebVTT", "json": "JSON"}
TRANSPORT_NOTE = "This network blocks WebSockets. Captions use web requests instead and may appear a little later."
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
<p class="qal-transport qal-muted" role="status" hidden>{TRANSPORT_NOTE}</p>
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


def _options_html(choices: dict[str, str]) -> str:
    return "".join(f'<option value="{value}">{label}</option>' for value, label in choices.items())


def _pane_html(label: str, hidden: bool = False) -> str:
    """Returns the captions of one model. The heading names the model; it is visible if there are two."""
    return f"""<section class="lane"{" hidden" if hidden else ""}><h3></h3>
<div class="qal-captions is-empty" role="log" aria-label="{label}" tabindex="0"><ol></ol>
<p class="empty">Press <b>Start</b> and speak. Captions appear here.</p></div></section>"""
