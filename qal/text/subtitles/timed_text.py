"""Segments of a transcript with their words, and estimated words for segments that have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qal.text.letter_width import text_width
from qal.text.scripts import split_words


class TimedWord(Protocol):
    """A word with the space before it, and its times from the start of the file."""

    @property
    def text(self) -> str: ...
    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...


class TimedSegment(Protocol):
    """Text with its times. A segment may also have `words`, `language`, `channel` and the figures of the decoder."""

    @property
    def start_s(self) -> float: ...
    @property
    def end_s(self) -> float: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class EstimatedWord:
    """A word of a segment without word times: it has a share of the segment's time by its letters."""

    text: str
    start_s: float
    end_s: float


def words_of(segment: TimedSegment) -> Sequence[TimedWord]:
    """Returns the words of a segment. If it has none, or others than its text, the words of its text get shares of
    its time."""
    words = getattr(segment, "words", ())
    if words and _letters("".join(word.text for word in words)) == _letters(segment.text):
        return words
    texts = split_words(" ".join(segment.text.split()))
    widths = [1 + text_width(text) for text in texts]
    duration_s, total, done, estimated = max(0.0, segment.end_s - segment.start_s), sum(widths), 0, []
    for text, width in zip(texts, widths, strict=True):
        start_s = segment.start_s + duration_s * done / total
        done += width
        estimated.append(EstimatedWord(text, start_s, segment.start_s + duration_s * done / total))
    return estimated


def _letters(text: str) -> str:
    return "".join(text.split())
