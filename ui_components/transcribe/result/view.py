"""The HTML of a result: its heading, the editor that its script fills, and the preview of subtitles."""

import html
from collections.abc import Sequence
from pathlib import Path

from qal.engine.longform.segment import Segment
from qal.text.subtitles.cues import Cue
from qal.transcription.document import spoken_languages
from qal.transcription.queue import QueuedFile
from ui_components.widgets.language_names import LANGUAGE_NAMES
from ui_components.widgets.markup import minutes

SCRIPT_FOLDER = Path(__file__).parent
SCRIPT_NAMES = ("segments", "selection", "editing", "editor")  # in load order
MAX_CUES = 500
SOUND_LABEL = "Sound of the transcribed file"
NO_SPEECH_YET = "The text appears here as it is transcribed."
NO_CUES = "There are no subtitles yet."
PREVIEW_NOTE = "As they will be downloaded, with the rules and the post-processing below."
KEYS = {
    "← →": "Select a word",
    "↑ ↓": "Select a line",
    "Space": "Play from the word, or pause",
    "Enter": "Correct the word",
    "Shift Enter": "Edit the line",
    "S": "Split the line before the word",
    "M": "Merge with the next line",
    "U": "Next unsure word",
    "Ctrl Z, Ctrl Y": "Undo, redo",
}


def heading_html(file: QueuedFile, segments: Sequence[Segment]) -> str:
    """The name of the file, its duration, the number of words and the languages."""
    words = sum(len(segment.text.split()) for segment in segments)
    languages = [LANGUAGE_NAMES.get(code, code).capitalize() for code in spoken_languages(segments)]
    if len(languages) == 1 and (probability := _language_probability(segments)):
        languages = [f"{languages[0]} ({100 * probability:.0f} %)"]
    facts = [
        minutes(round(file.duration_s)) if file.duration_s else "",
        f"{words:,} words" if segments else "",
        ", ".join(languages),
        "translated to English" if file.options.task == "translate" else "",
    ]
    return (
        f'<div class="qal-result-head"><h2><bdi>{html.escape(file.name)}</bdi></h2>'
        f'<p class="qal-muted">{html.escape(" · ".join(filter(None, facts)))}</p></div>'
    )


def _language_probability(segments: Sequence[Segment]) -> float | None:
    """The mean probability of the detected language; None if the language was given."""
    found = [s.language_probability for s in segments if s.language_probability is not None]
    return sum(found) / len(found) if found else None


def editor_html() -> str:
    """The toolbar, the panel of times, and the list of lines, which the script fills."""
    keys = "".join(f"<div><dt><kbd>{key}</kbd></dt><dd>{effect}</dd></div>" for key, effect in KEYS.items())
    return f"""<div class="qal-editor is-empty">
<div class="bar" role="toolbar" aria-label="Corrections">
{_tool("undo", "Undo")}{_tool("redo", "Redo")}
{_tool("word", "Correct word")}{_tool("line", "Edit line")}{_tool("split", "Split")}{_tool("merge", "Merge")}
{_tool("times", "Times")}{_tool("delete", "Delete line")}{_tool("add", "Add to dataset")}
{_tool("unsure", "Next unsure word")}
<input class="search" type="search" placeholder="Search" aria-label="Search the transcript" maxlength="100"></div>
<form class="times" hidden aria-label="Times of the line">
<label>From <input class="start" type="number" min="0" step="0.01" inputmode="decimal"> s</label>
<label>to <input class="end" type="number" min="0" step="0.01" inputmode="decimal"> s</label>
<button type="submit" class="apply">Set times</button>
<label>Shift by <input class="seconds" type="number" step="0.01" value="0.1" inputmode="decimal"> s</label>
<button type="button" data-shift="line">this line</button>
<button type="button" data-shift="rest">this and all later lines</button>
<button type="button" class="close">Close</button></form>
<p class="empty">{NO_SPEECH_YET}</p>
<ol tabindex="-1" aria-label="Transcript"></ol>
<p class="status qal-muted"></p>
<p class="qal-screen-reader" aria-live="polite"></p>
<details class="keys"><summary>Keyboard and marks</summary>
<p><span class="unsure">Dotted</span>: the model was unsure (below 70 %).
<span class="doubtful">Red dotted</span>: it may well be wrong (below 40 %). Click a word to hear it,
twice to correct it; click a time to hear the line.</p><dl>{keys}</dl></details></div>"""


def _tool(name: str, label: str) -> str:
    return f'<button type="button" data-tool="{name}" disabled>{label}</button>'


def editor_script() -> str:
    """The JavaScript that Gradio runs once for the editor."""
    return "\n".join((SCRIPT_FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPT_NAMES)


def cues_html(cues: Sequence[Cue]) -> str:
    """The subtitles with their times, letters per second and lines."""
    if not cues:
        return f'<p class="qal-muted">{NO_CUES}</p>'
    rows = "".join(_cue_html(cue) for cue in cues[:MAX_CUES])
    more = f'<p class="qal-muted">and {len(cues) - MAX_CUES:,} more</p>' if len(cues) > MAX_CUES else ""
    return f'<p class="qal-muted">{PREVIEW_NOTE}</p><ol class="qal-cues" tabindex="0">{rows}</ol>{more}'


def _cue_html(cue: Cue) -> str:
    duration_s = max(0.001, cue.end_s - cue.start_s)
    speed = sum(map(len, cue.lines)) / duration_s
    lines = "<br>".join(html.escape(line) for line in cue.lines)
    language = f' lang="{html.escape(cue.language)}"' if cue.language else ""
    return (
        f'<li><span class="when"><time>{_clock(cue.start_s)} – {_clock(cue.end_s)}</time>'
        f'<small>{speed:.0f} letters/s</small></span><p dir="auto"{language}>{lines}</p></li>'
    )


def _clock(time_s: float) -> str:
    tenths = round(time_s * 10)
    return f"{minutes(tenths // 10)}.{tenths % 10}"
