"""HTML fragments of several tabs. All text is escaped, because the output of a model is untrusted."""

import html
from collections.abc import Sequence
from typing import Protocol


class Timed(Protocol):
    """A caption or a segment."""

    @property
    def start_s(self) -> float: ...
    @property
    def text(self) -> str: ...


def transcript_html(segments: Sequence[Timed]) -> str:
    """A list of segments with their start times."""
    return f'<ol class="qal-transcript">{"".join(map(_line_html, segments))}</ol>'


def _line_html(segment: Timed) -> str:
    """One segment as a list item: start time and text."""
    time, text = minutes(segment.start_s), html.escape(segment.text)
    return f'<li class="final"><time>{time}</time><span dir="auto">{text}</span></li>'


def minutes(seconds: float) -> str:
    """Formats a duration: 75.2 -> "1:15", 3723 -> "1:02:03"."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def note_html(sentence: str, problem: bool = False) -> str:
    """A note with a sentence that says what to do; text in backticks becomes code. "" returns ""."""
    return f'<div class="qal-note{" problem" if problem else ""}">{_marked(sentence)}</div>' if sentence else ""


def sentence_html(message: str) -> str:
    """An error message as a sentence with a capital letter (unless it begins with a file name) and a full stop."""
    text = message.strip()
    first = text.partition(" ")[0]
    text = text[:1].upper() + text[1:] if first.isalpha() else text
    return _marked(text + ("" if text.endswith((".", "!", "?")) else "."))


def _marked(text: str) -> str:
    """Escapes a text and sets what stands in backticks as code."""
    pieces = html.escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))
