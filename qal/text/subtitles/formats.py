"""Formats of timed text: plain text, SRT, WebVTT and JSON."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple, Protocol

from qal.json_text import json_text

MS_PER_HOUR = 3_600_000
MS_PER_MINUTE = 60_000


class Cue(Protocol):
    """A dataclass with at least a time range and its text. The JSON format writes all of its fields."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def text(self) -> str: ...


def to_txt(cues: Sequence[Cue]) -> str:
    """Formats cues as plain text, one line per cue."""
    return "".join(f"{single_line(cue.text)}\n" for cue in cues)


def to_srt(cues: Sequence[Cue]) -> str:
    """Formats cues as SubRip (SRT)."""
    blocks = []
    for number, cue in enumerate(cues, 1):
        times = f"{format_timestamp(cue.start_s, ',')} --> {format_timestamp(cue.end_s, ',')}"
        blocks.append(f"{number}\n{times}\n{escape_srt(single_line(cue.text))}\n")
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Cue]) -> str:
    """Formats cues as WebVTT (W3C)."""
    blocks = ["WEBVTT\n"]
    for cue in cues:
        times = f"{format_timestamp(cue.start_s)} --> {format_timestamp(cue.end_s)}"
        blocks.append(f"{times}\n{escape_vtt(single_line(cue.text))}\n")
    return "\n".join(blocks)


def to_json(cues: Sequence[Cue]) -> str:
    """Formats cues as JSON: {"text", "segments"}, with floats rounded to three decimals."""
    content = {"text": " ".join(single_line(cue.text) for cue in cues), "segments": [cue_fields(cue) for cue in cues]}
    return json_text(content, ensure_ascii=False, indent=2) + "\n"


def cue_fields(cue: Cue) -> dict[str, Any]:
    """Returns all fields of a cue as every JSON output writes them.

    Floats are rounded to three decimals; the times of words, if there are any, lie within those of the cue."""
    fields = _rounded(asdict(cue))
    for word in fields.get("words", ()):
        for name in ("start_s", "end_s"):
            word[name] = min(max(word[name], fields["start_s"]), fields["end_s"])
    return fields


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, (list, tuple)) else value


class SubtitleFormat(NamedTuple):
    """A format that a transcript can be saved in."""

    label: str
    format_cues: Callable[[Sequence[Cue]], str]


SUBTITLE_FORMATS = {  # by file suffix
    "txt": SubtitleFormat("Text", to_txt),
    "srt": SubtitleFormat("SRT", to_srt),
    "vtt": SubtitleFormat("WebVTT", to_vtt),
    "json": SubtitleFormat("JSON", to_json),
}


def format_timestamp(seconds: float, decimal_mark: str = ".") -> str:
    """Formats seconds as HH:MM:SS.mmm, for example 3661.5 as 01:01:01.500."""
    hours, rest = divmod(round(seconds * 1000), MS_PER_HOUR)
    minutes, ms = divmod(rest, MS_PER_MINUTE)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{decimal_mark}{ms % 1000:03}"


def single_line(text: str) -> str:
    """Replaces white space by single spaces; an empty line would end a cue."""
    return " ".join(text.split())


def escape_srt(text: str) -> str:
    """Replaces `-->`, which players read as a time range. SRT has no escapes."""
    return text.replace("-->", "->")


def escape_vtt(text: str) -> str:
    """Escapes `&`, `<` and `>` as WebVTT requires."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
