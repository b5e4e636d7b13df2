"""The Live tab as HTML: captions, level meter and controls."""

import json
from pathlib import Path

from qal.audio.mix import LIVE_WINDOW_S, LOUDER, MIN_RELATIVE_POWER
from ui_components.live.audience import AUDIENCE_BUTTON_HTML, audience_html
from ui_components.widgets.model_choice import TRANSLATION

METER_FLOOR_DB = -60.0  # level at the left end of the meter
SCRIPTS_FOLDER = Path(__file__).parent
SCRIPT_FILES = (  # parts of one script, which share their names; the last one begins
    "requests.js",
    "storage.js",
    "audio.js",
    "devices.js",
    "watch.js",
    "transport.js",
    "connection.js",
    "captions.js",
    "corrections.js",
    "sessions.js",
    "recent.js",
    "presenter.js",
    "audience.js",
    "pane.js",
    "page.js",
)
TRANSLATION_NAME = "English translation"  # heading of the second captions
PROCESSING = {
    "echoCancellation": "Echo cancellation",
    "noiseSuppression": "Noise suppression",
    "autoGainControl": "Automatic gain",
}
COLUMNS = {"two": "Side by side", "one": "One below the other"}
MIN_TEXT_SIZE, MAX_TEXT_SIZE = 75, 300  # %
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
{_full_screen_bar_html()}
<div class="qal-problem qal-note problem" role="alert" hidden></div>
<div class="qal-interruption qal-note problem" role="alert" hidden><span></span><button type="button"></button></div>
<div class="qal-remark qal-note" role="status" hidden></div>
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
<button class="wipe" type="button" title="Start a new session; this one stays in Recent sessions">Clear</button>
{AUDIENCE_BUTTON_HTML}</div>
{audience_html()}
<div class="qal-options">{audio_input_html()}{_view_html()}{_recent_html()}</div></div>"""


def live_script() -> str:
    """Returns the script that Gradio runs once in the page, with `element` as the container of `live_html`."""
    constants = (
        f"const BADGES = {json.dumps(BADGES)}, METER_FLOOR_DB = {METER_FLOOR_DB}, "
        f"TRANSLATION = {json.dumps(TRANSLATION[1])}, TRANSLATION_NAME = {json.dumps(TRANSLATION_NAME)};"
    )
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


def audio_input_html() -> str:
    """Returns the choice of the microphone and of its processing."""
    switches = "".join(
        f'<label><input type="checkbox" name="{name}" checked> {label}</label>' for name, label in PROCESSING.items()
    )
    return f"""<details><summary>Audio input<span class="device-name"></span></summary>
<div><label>Microphone <select class="device"></select></label>{switches}</div></details>"""


def _view_html() -> str:
    """Returns the options of how captions look."""
    return f"""<details><summary>View</summary>
<div><button class="present" type="button">Full screen</button>{_text_size_html()}
<label>Two captions <select class="columns">{_options_html(COLUMNS)}</select></label>
<label><input type="checkbox" class="contrast"> High contrast</label></div></details>"""


def _recent_html() -> str:
    return """<details class="recent"><summary>Recent sessions</summary>
<ul></ul><p class="empty" hidden>No recorded session yet.</p></details>"""


def _full_screen_bar_html() -> str:
    """Returns the controls that are shown in full screen only."""
    leave = '<button class="leave" type="button">Exit full screen</button>'
    return f'<div class="full-bar">{_text_size_html()}{leave}</div>'


def _text_size_html() -> str:
    limits = f'min="{MIN_TEXT_SIZE}" max="{MAX_TEXT_SIZE}" step="25" value="100"'
    return f'<label>Text size <input type="range" class="text-size" {limits}></label>'
