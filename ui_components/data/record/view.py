"""The recording of sentences as HTML, and the script that runs it with the routes of qal/api/studio/recordings.py."""

import html
import json
from pathlib import Path

from qal.corpus.recording.recordings import MAX_SPEAKER_CHARACTERS
from qal.corpus.recording.sentences import built_in_languages
from qal.corpus.recording.takes import MAX_TAKE_S
from ui_components.live import view as live_view
from ui_components.live.view import METER_FLOOR_DB, audio_input_html, mixing_constants
from ui_components.widgets.choices import named_languages
from ui_components.widgets.language_names import LANGUAGE_NAMES

# Of the Live page: the microphone, its choice, what the browser remembers, and requests to the server
LIVE_SCRIPTS = ("requests.js", "audio.js", "devices.js", "storage.js")
OWN_SCRIPTS = ("take.js", "record.js")
FOLDER = Path(__file__).parent
CONSENT = (
    "I agree that my voice is recorded, stored on this server, and used to train and to test speech recognition. "
    "I can ask for the deletion of my recordings at any time."
)
KEYS = {"R": "record or stop", "L": "listen", "N": "next", "P": "previous"}
LEVEL_NOTE = "Speak as you would to the program that will use the model, at the same distance from the microphone."


def record_html() -> str:
    """Returns the form, the sentence with its controls, and the list of all sentences; the script fills them."""
    return f"""<div class="qal-record">{_form_html()}{_session_html()}
<div class="problem qal-note problem" role="alert" hidden></div></div>"""


def record_script() -> str:
    """Returns the script that Gradio runs once in the page, with `element` as the container of `record_html`."""
    constants = {
        "METER_FLOOR_DB": METER_FLOOR_DB,
        "MAX_TAKE_S": MAX_TAKE_S,
        "BUILT_IN": built_in_languages(),
        "LANGUAGE_NAMES": LANGUAGE_NAMES,
        "CONSENT": CONSENT,
    }
    lines = [f"const {name} = {json.dumps(value)};" for name, value in constants.items()]
    scripts = [live_view.SCRIPTS_FOLDER / name for name in LIVE_SCRIPTS] + [FOLDER / name for name in OWN_SCRIPTS]
    return "\n".join([*lines, mixing_constants(), *(path.read_text(encoding="utf-8") for path in scripts)])


def _form_html() -> str:
    languages = "".join(f'<option value="{code}">{name} ({code})</option>' for name, code in named_languages())
    return f"""<form class="setup" aria-label="New recording">
<div class="fields">
<label>Dataset <select name="existing"><option value="">New dataset</option></select></label>
<label class="new">Name of the new dataset <input name="name" value="my-voice" maxlength="64"
 pattern="[A-Za-z0-9_-]+" title="Letters, digits, - and _" required></label>
<label class="new">Language <select name="language" required>{languages}</select></label>
<label>Speaker <input name="speaker" maxlength="{MAX_SPEAKER_CHARACTERS}" placeholder="A name or a pseudonym"
 autocomplete="off" list="qal-speakers" required><datalist id="qal-speakers"></datalist></label>
</div>
<fieldset><legend>Sentences</legend>
<label class="choice built-in"><input type="radio" name="list" value="built-in" checked>
<span>Built-in sentences</span></label>
<label class="choice"><input type="radio" name="list" value="own"> My own text</label>
<div class="own" hidden><textarea name="text" rows="6" aria-label="Sentences, one in each line"
 placeholder="One sentence in each line. Long lines are split at the ends of sentences."></textarea>
<label class="file">Read a text file <input type="file" accept=".txt,text/plain" class="text-file"></label></div>
</fieldset>
<label class="consent-text">What the speaker agrees to
<textarea name="consent" rows="3" maxlength="2000" required>{html.escape(CONSENT)}</textarea></label>
<label class="choice"><input type="checkbox" name="agreed" required> The speaker has read this and agrees.</label>
<div class="qal-controls"><button class="start" type="submit">Begin recording</button></div>
</form>"""


def _session_html() -> str:
    keys = " ".join(f"<kbd>{key}</kbd> {meaning}" for key, meaning in KEYS.items())
    return f"""<section class="session" aria-label="Recording" tabindex="-1" hidden>
<div class="progress"><b class="title"></b><span class="count" role="status"></span>
<div class="qal-bar"><i style="width:0"></i></div></div>
<p class="sentence" dir="auto" aria-live="polite"></p>
<div class="qal-meter"><span>Level</span><div class="track level"><i style="width:0"></i></div>
<span class="qal-badge" role="status">Ready</span></div>
<div class="verdict qal-note" role="status" hidden></div>
<div class="qal-controls"><button class="start record" type="button">Record</button>
<button class="listen" type="button" disabled>Listen</button>
<button class="previous" type="button">Previous</button><button class="next" type="button">Next</button>
<button class="delete" type="button" disabled>Delete</button>
<button class="leave" type="button">Done</button></div>
<p class="qal-muted keys">Keys: {keys}. {LEVEL_NOTE}</p>
<div class="qal-options">{audio_input_html()}
<details class="all"><summary>All sentences</summary><ol></ol></details></div>
</section>"""
