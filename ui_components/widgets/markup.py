"""Bits of HTML that several tabs share. Every word is escaped: a model can be made to write anything."""

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
    return f'<ol class="qal-transcript">{"".join(line_html(s, "final") for s in segments)}</ol>'


def line_html(cue: Timed, kind: str) -> str:
    return f'<li class="{kind}"><time>{minutes(cue.start_s)}</time><span dir="auto">{html.escape(cue.text)}</span></li>'


def minutes(seconds: float) -> str:
    """75.2 -> 1:15; an hour and more -> 1:02:03"""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def note_html(sentence: str, problem: bool = False) -> str:
    """A sentence that says what to do; `code` in backticks. "" gives nothing."""
    return f'<div class="qal-note{" problem" if problem else ""}">{_marked(sentence)}</div>' if sentence else ""


def sentence_html(message: str) -> str:
    """An error's message with a capital (unless it begins with a name) and a full stop; `code` in backticks."""
    text = message.strip()
    first = text.partition(" ")[0]
    text = text[:1].upper() + text[1:] if first.isalpha() else text
    return _marked(text + ("" if text.endswith((".", "!", "?")) else "."))


def _marked(text: str) -> str:
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))
