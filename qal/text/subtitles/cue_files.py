"""Subtitle files with cues: SRT, WebVTT, ASS and TTML, written by pysubs2.

pysubs2 ends at 100 hours, and at 10 hours in ASS; its formats get times without an end here."""

import io
import re
from collections.abc import Callable, Iterable, Sequence

from pysubs2 import SSAEvent, SSAFile
from pysubs2.formats.base import FormatBase
from pysubs2.formats.subrip import SubripFormat
from pysubs2.formats.substation import SubstationFormat
from pysubs2.formats.ttml import TTMLFormat
from pysubs2.formats.webvtt import WebVTTFormat

from qal.text.letter_width import is_right_to_left
from qal.text.subtitles.cues import Cue
from qal.text.subtitles.inert_text import WORD_JOINER, clean, inert_commands, inert_srt, inert_vtt, with_direction
from qal.text.subtitles.timestamps import format_timestamp

LAST_NUMBER = re.compile(r"(?<=\\N)\d+$")  # alone on the last line
ASS_AUTOMATIC_DIRECTION = -1  # libass then finds the direction of each line


class LongSubrip(SubripFormat):
    """SRT with times of 100 hours and more."""

    @staticmethod
    def ms_to_timestamp(ms: int) -> str:
        return format_timestamp(ms / 1000, ",")


class LongWebVTT(WebVTTFormat):
    """WebVTT with times of 100 hours and more."""

    @staticmethod
    def ms_to_timestamp(ms: int) -> str:
        return format_timestamp(ms / 1000)


class LongSubstation(SubstationFormat):
    """ASS with times of 10 hours and more, in hundredths of a second."""

    @classmethod
    def ms_to_timestamp(cls, requested_ms: int) -> str:
        return format_timestamp((requested_ms + 5) // 10 / 100)[:-1].removeprefix("0")


def write_srt(cues: Sequence[Cue], rtl_marks: bool = True) -> str:
    """Writes cues as SubRip."""

    def line(text: str) -> str:
        inert = inert_srt(clean(text))
        return with_direction(inert) if rtl_marks and is_right_to_left(inert) else inert

    return _written(LongSubrip, "srt", _without_last_numbers(_file(cues, line)))


def write_vtt(cues: Sequence[Cue]) -> str:
    """Writes cues as WebVTT, whose readers find the direction of the text themselves."""
    file = _file(cues, lambda text: inert_vtt(clean(text)))
    return _written(LongWebVTT, "vtt", _without_last_numbers(file))


def write_ass(cues: Sequence[Cue]) -> str:
    """Writes cues as Advanced SubStation Alpha."""
    file = _file(cues, lambda text: inert_commands(clean(text)))
    if any(is_right_to_left(cue.text) for cue in cues):
        file.styles["Default"].encoding = ASS_AUTOMATIC_DIRECTION
    return _written(LongSubstation, "ass", file)


def write_ttml(cues: Sequence[Cue]) -> str:
    """Writes cues as Timed Text Markup Language."""
    return _written(TTMLFormat, "ttml", _file(cues, lambda text: inert_commands(clean(text))))


def _file(cues: Iterable[Cue], line: Callable[[str], str]) -> SSAFile:
    file = SSAFile()
    for cue in cues:
        text = r"\N".join(filter(None, map(line, cue.lines)))
        name = "" if cue.channel is None else f"channel {cue.channel + 1}"
        file.append(SSAEvent(start=round(1000 * cue.start_s), end=round(1000 * cue.end_s), text=text, name=name))
    return file


def _without_last_numbers(file: SSAFile) -> SSAFile:
    """Marks numbers that are alone on the last line of a cue: readers take them for the number of the next cue."""
    for event in file:
        event.text = LAST_NUMBER.sub(rf"\g<0>{WORD_JOINER}", event.text)
    return file


def _written(form: type[FormatBase], name: str, file: SSAFile) -> str:
    text = io.StringIO()
    form.to_file(file, text, name)
    return text.getvalue()
