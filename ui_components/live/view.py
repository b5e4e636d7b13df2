"""The Live tab as HTML: the board of captions and the meter."""

import math
from pathlib import Path

from qal.captions.session import Level
from ui_components.live.fallback.session import Board
from ui_components.widgets.markup import line_html

SHOWN_LINES = 200  # the download holds all of them
FLOOR_DB = -60.0  # the meter's left end
SCRIPTS = Path(__file__).parent
PARTS = ("sound", "wire", "board", "corrections", "page")  # in the order of use
SOURCES = {"microphone": "Microphone", "tab": "Sound of a tab", "file": "A file, as if live"}
FORMATS = {"txt": "Text", "srt": "SRT", "vtt": "WebVTT", "json": "JSON"}
WAITING = "Press <b>Record</b> and speak. Captions appear here."


def live_html() -> str:
    """The board that the script fills, and its controls."""
    sources = "".join(f'<option value="{value}">{name}</option>' for value, name in SOURCES.items())
    formats = "".join(f'<option value="{value}">{name}</option>' for value, name in FORMATS.items())
    return f"""<div class="qal-live">
<div class="qal-lanes">{_lane("Captions")}{_lane("Captions of the other model", hidden=True)}</div>
<div class="qal-problem qal-note problem" role="alert" hidden></div>
<div class="qal-meter"><span>level</span><div class="track level"><i style="width:0"></i></div><span>speech</span>
<div class="track speech"><i style="width:0"></i></div><span class="qal-badge" role="status">off</span></div>
<div class="qal-controls"><button class="start" type="button">Start</button>
<select class="source" aria-label="Source">{sources}</select>
<input class="search" type="search" placeholder="Search" aria-label="Search the captions">
<button class="copy" type="button">Copy</button>
<select class="download" aria-label="Download"><option value="" selected>Download …</option>{formats}</select>
<button class="wipe" type="button">Clear</button></div></div>"""


def live_script() -> str:
    """What Gradio runs once in the page, with the board's `element`."""
    return "\n".join((SCRIPTS / f"{part}.js").read_text(encoding="utf-8") for part in PARTS)


def _lane(label: str, hidden: bool = False) -> str:
    """One model's captions; its name is shown where there are two."""
    return f"""<section class="lane"{" hidden" if hidden else ""}><h3></h3>
<div class="qal-captions is-empty" role="log" aria-label="{label}" tabindex="0"><ol></ol>
<p class="empty">Press <b>Start</b> and speak. Captions appear here.</p></div></section>"""


def captions_html(board: Board) -> str:
    lines = [line_html(c, "final") for c in board.finals[-SHOWN_LINES:]]
    if board.tentative:
        lines.append(line_html(board.tentative, "tentative"))
    body = f"<ol>{''.join(lines)}</ol>" if lines else f'<p class="empty">{WAITING}</p>'
    return f'<div class="qal-captions" role="log" aria-label="Captions" tabindex="0">{body}</div>'


def meter_html(level: Level | None, status: str = "") -> str:
    """Loudness, speech probability and the gate, as two bars and a badge."""
    loud = share_of_meter(level.rms) if level else 0.0
    speech = level.speech_probability if level else 0.0
    is_open = bool(level and level.gate_open)
    badge = status or ("speech" if is_open else "listening" if level else "microphone off")
    return (
        f'<div class="qal-meter"><span>level</span>{_track(loud)}<span>speech</span>{_track(speech)}'
        f'<span class="qal-badge{" on" if is_open else ""}">{badge}</span></div>'
    )


def share_of_meter(rms: float) -> float:
    """Root mean square of samples -> 0 at FLOOR_DB and below, 1 at full scale."""
    db = 20 * math.log10(max(rms, 1e-9))
    return min(1.0, max(0.0, 1 - db / FLOOR_DB))


def _track(share: float) -> str:
    return f'<div class="track"><i style="width:{100 * share:.0f}%"></i></div>'
