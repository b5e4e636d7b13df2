"""Reads the label track of Audacity: a line of start, end and text, separated by tabs."""

import re
from pathlib import Path

from qal.corpus.importers.timed.cues import Cue, read_text_file
from qal.errors import CorpusError, StorageError
from qal.storage import require_regular

LABEL_LINE = re.compile(r"(-?\d+(?:[.,]\d+)?)\t(-?\d+(?:[.,]\d+)?)(?:\t(.*))?")
FREQUENCY_LINE = re.compile(r"\\\t")  # the range of frequencies of the label before it
HEAD_BYTES = 4096


def is_label_track(path: Path) -> bool:
    """True if the first lines of a text file are labels of Audacity; of other texts, only the start is read."""
    try:
        with require_regular(path).open("rb") as file:
            if b"\t" not in file.read(HEAD_BYTES):
                return False
        lines = _lines(read_text_file(path)[:HEAD_BYTES])
    except (CorpusError, StorageError, OSError):
        return False
    complete = lines[:-1] if len(lines) > 1 else lines  # the last one may be cut
    return bool(complete) and all(map(LABEL_LINE.fullmatch, complete))


def read_labels(path: Path, language: str = "") -> list[Cue]:
    """Reads a label track. Raises CorpusError if a line has no times, or there is none."""
    cues = []
    for number, line in enumerate(_lines(read_text_file(path, language)), 1):
        match = LABEL_LINE.fullmatch(line)
        if match is None:
            raise CorpusError(f"{path.name}: label {number} has no start and end; export the labels again")
        start_s, end_s = (float(match[i].replace(",", ".")) for i in (1, 2))
        cues.append(Cue(number, start_s, end_s, match[3] or ""))
    if not cues:
        raise CorpusError(f"{path.name}: has no labels; export them again")
    return cues


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip() and not FREQUENCY_LINE.match(line)]
