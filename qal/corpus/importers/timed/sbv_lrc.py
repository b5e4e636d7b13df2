"""Reads the cues of YouTube's SBV and of LRC, whose lines state their start alone."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.timed.cues import Cue, read_text_file
from qal.errors import CorpusError

SBV_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)"
SBV_TIMES = re.compile(rf"\s*{SBV_TIME}\s*,\s*{SBV_TIME}\s*")
SBV_BREAK = re.compile(r"\[br\]", re.IGNORECASE)
BLANK_LINE = re.compile(r"\n[ \t]*\n")
LRC_TIME = re.compile(r"\[(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)\]\s*")
LRC_WORD_TIME = re.compile(r"<(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:[.:]\d{1,3})?)>")
LRC_TAG = re.compile(r"\s*\[([A-Za-z#]+):(.*)\]\s*")  # such as [ar:name of the artist]
MS_PER_SECOND = 1000
NO_SBV_TIMES = "{}: has no line with times such as 0:00:01.000,0:00:02.500"
NO_LRC_TIMES = "{}: has no line with a time such as [00:12.34]"
Timed = tuple[float, float | None, str]  # start and end in seconds, and the text


def read_sbv(path: Path, language: str = "") -> list[Cue]:
    """Reads a file of YouTube's subtitles. Raises CorpusError if it holds no cues."""
    cues = []
    for block in BLANK_LINE.split(read_text_file(path, language)):
        times, _, text = block.strip("\n").partition("\n")
        if match := SBV_TIMES.fullmatch(times):
            start_s, end_s = (_seconds(*match.groups()[i : i + 3]) for i in (0, 3))
            cues.append(Cue(len(cues) + 1, start_s, end_s, SBV_BREAK.sub("\n", text)))
    if not cues:
        raise CorpusError(NO_SBV_TIMES.format(path.name))
    return cues


def read_lrc(path: Path, language: str = "") -> list[Cue]:
    """Reads a file of lines with their starts; a line ends where the next one starts, and the last one is infinite.

    An empty line ends the one before it. Times of words are not kept, but for one at the end of a line, which is the
    end of that line. Tags such as [ar:…] are no text; [offset:500] moves all lines half a second earlier.

    Raises CorpusError if no line has a time."""
    lines, offset_s = [], 0.0
    for line in read_text_file(path, language).split("\n"):
        tag = LRC_TAG.fullmatch(line)
        if tag and tag[1].casefold() == "offset":
            offset_s = _offset_s(tag[2])
        elif not tag:
            lines += _timed(line)
    if not lines:
        raise CorpusError(NO_LRC_TIMES.format(path.name))
    lines.sort(key=lambda timed: timed[0])
    starts_s = [start_s - offset_s for start_s, _, _ in lines]
    ends_s = [*starts_s[1:], math.inf]
    cues = []
    for (_, end_s, text), start_s, next_s in zip(lines, starts_s, ends_s, strict=True):
        if text:
            stated_s = next_s if end_s is None else min(end_s - offset_s, next_s)
            cues.append(Cue(len(cues) + 1, max(0.0, start_s), stated_s, text))
    return cues


def _timed(line: str) -> Iterator[Timed]:
    """Yields a line once for each of its starts; a line that is sung again has several."""
    starts_s, position = [], 0
    line = line.strip()
    while match := LRC_TIME.match(line, position):
        starts_s.append(_seconds(*match.groups()))
        position = match.end()
    text, end_s = line[position:], None
    words = list(LRC_WORD_TIME.finditer(text))
    if words and words[-1].end() == len(text.rstrip()) and len(starts_s) == 1:
        end_s = _seconds(*words[-1].groups())
    text = " ".join(LRC_WORD_TIME.sub(" ", text).split())
    yield from ((start_s, end_s, text) for start_s in starts_s)


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds.replace(",", ".").replace(":", "."))


def _offset_s(text: str) -> float:
    try:
        return float(text) / MS_PER_SECOND
    except ValueError:
        return 0.0
