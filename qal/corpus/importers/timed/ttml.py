"""Reads the cues of TTML (also DFXP). pysubs2 reads neither durations nor frames and ticks, which television uses."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qal.corpus.importers.timed.cues import Cue, read_text_file
from qal.errors import CorpusError

CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?")
OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|f|t)")
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DEFAULT_FRAME_RATE = 30.0


class Rates(NamedTuple):
    """Frames and ticks per second, as the root element states them."""

    frames: float
    ticks: float

    def seconds(self, expression: str) -> float:
        """Converts a time expression. Raises ValueError if it is none."""
        expression = expression.strip()
        if clock := CLOCK.fullmatch(expression):
            hours, minutes, whole, frames = clock.groups()
            return int(hours or 0) * 3600 + int(minutes) * 60 + float(whole) + float(frames or 0) / self.frames
        if offset := OFFSET.fullmatch(expression):
            value, unit = float(offset[1]), offset[2]
            if unit in SECONDS:
                return value * SECONDS[unit]
            return value / (self.frames if unit == "f" else self.ticks)
        raise ValueError(f"not a time: {expression[:20]}")


def read_ttml(path: Path, language: str = "") -> list[Cue]:
    """Reads a TTML file. Raises CorpusError if it is none, or a time in it cannot be read."""
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", read_text_file(path, language))  # its encoding is decoded already
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise CorpusError(f"{path.name}: declares XML entities, which are not read; save the subtitles again")
    try:
        root = ET.fromstring(text)
        return list(_cues(root, _rates(root)))
    except (ET.ParseError, ValueError, ZeroDivisionError) as error:
        raise CorpusError(f"{path.name}: cannot be read as TTML ({error}); save the subtitles again") from error


def _rates(root: ET.Element) -> Rates:
    parameters = {_local(name): value for name, value in root.attrib.items()}
    frames = float(parameters.get("frameRate", DEFAULT_FRAME_RATE))
    numerator, denominator = parameters.get("frameRateMultiplier", "1 1").replace(":", " ").split()
    frames *= float(numerator) / float(denominator)
    return Rates(frames, float(parameters.get("tickRate", frames if "frameRate" in parameters else 1.0)))


def _cues(root: ET.Element, rates: Rates) -> Iterator[Cue]:
    body = next((element for element in root.iter() if _local(element.tag) == "body"), None)
    if body is None:
        raise ValueError("no body")
    for number, (start_s, end_s, text) in enumerate(_paragraphs(body, 0.0, rates), 1):
        yield Cue(number, start_s, end_s, text)


def _paragraphs(element: ET.Element, parent_s: float, rates: Rates) -> Iterator[tuple[float, float, str]]:
    """Yields the start, end and text of the paragraphs below an element; their times count from its start."""
    start_s = parent_s + rates.seconds(element.get("begin", "0s"))
    if _local(element.tag) == "p":
        end_s = start_s
        if "end" in element.attrib:
            end_s = parent_s + rates.seconds(element.attrib["end"])
        elif "dur" in element.attrib:
            end_s = start_s + rates.seconds(element.attrib["dur"])
        yield start_s, end_s, _text(element).strip()
        return
    for child in element:
        yield from _paragraphs(child, start_s, rates)


def _text(element: ET.Element) -> str:
    """Returns the text of an element, whose only line breaks are its <br/>."""
    parts = [" ".join((element.text or "").split("\n"))]
    for child in element:
        is_text = _local(child.tag) in ("span", "p")
        parts.append("\n" if _local(child.tag) == "br" else _text(child) if is_text else "")
        parts.append(" ".join((child.tail or "").split("\n")))
    return "".join(parts)


def _local(name: str) -> str:
    return name.rpartition("}")[2]
