"""Timed text in the forms that players and people read: txt, SRT, WebVTT, JSON."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Protocol

MS_PER_HOUR = 3_600_000
MS_PER_MINUTE = 60_000


class Cue(Protocol):
    """A dataclass with at least these fields; JSON holds all that it has."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def text(self) -> str: ...


def to_txt(cues: Sequence[Cue]) -> str:
    return "".join(f"{one_line(cue.text)}\n" for cue in cues)


def to_srt(cues: Sequence[Cue]) -> str:
    return "\n".join(
        f"{number}\n{clock(cue.start_s, ',')} --> {clock(cue.end_s, ',')}\n{without_arrow(one_line(cue.text))}\n"
        for number, cue in enumerate(cues, 1)
    )


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT (W3C), where `&`, `<` and `>` are escaped."""
    blocks = (f"{clock(cue.start_s)} --> {clock(cue.end_s)}\n{escaped(one_line(cue.text))}\n" for cue in cues)
    return "\n".join(["WEBVTT\n", *blocks])


def to_json(cues: Sequence[Cue]) -> str:
    rows = [{k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(cue).items()} for cue in cues]
    whole = {"text": " ".join(one_line(cue.text) for cue in cues), "segments": rows}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


FORMATS: dict[str, Callable[[Sequence[Cue]], str]] = {"txt": to_txt, "srt": to_srt, "vtt": to_vtt, "json": to_json}


def clock(seconds: float, decimal_mark: str = ".") -> str:
    """3661.5 -> 01:01:01.500"""
    hours, rest = divmod(round(seconds * 1000), MS_PER_HOUR)
    minutes, ms = divmod(rest, MS_PER_MINUTE)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{decimal_mark}{ms % 1000:03}"


def one_line(text: str) -> str:
    """An empty line would end a cue, so all white space becomes single spaces."""
    return " ".join(text.split())


def without_arrow(text: str) -> str:
    """SRT has no escapes, and players take `-->` for a time line."""
    return text.replace("-->", "->")


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
