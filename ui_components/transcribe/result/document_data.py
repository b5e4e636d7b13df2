"""A transcript as the editor's script reads it: all segments, or the part that has changed. Pure functions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from qal.engine.longform.segment import Segment
from qal.transcription.editing import words_of

TIME_DIGITS, SHARE_DIGITS = 3, 3


class ChangedPart(NamedTuple):
    """The segments [start, start + removed) are replaced by others."""

    start: int
    removed: int
    segments: Sequence[Segment]


def segment_data(segment: Segment) -> dict[str, Any]:
    """Returns a segment with its words as [text, start_s, end_s, probability]; None: the model gave no probability."""
    return {
        "start": round(segment.start_s, TIME_DIGITS),
        "end": round(segment.end_s, TIME_DIGITS),
        "language": segment.language,
        "channel": segment.channel,
        "words": [
            [
                word.text,
                round(word.start_s, TIME_DIGITS),
                round(word.end_s, TIME_DIGITS),
                round(word.probability, SHARE_DIGITS) if segment.words and word.probability else None,
            ]
            for word in words_of(segment)
        ],
    }


def changed_part(before: Sequence[Segment], after: Sequence[Segment]) -> ChangedPart:
    """Returns the smallest range that turns `before` into `after`."""
    shortest = min(len(before), len(after))
    start = next((i for i in range(shortest) if before[i] != after[i]), shortest)
    same_end = 0
    while same_end < shortest - start and before[len(before) - 1 - same_end] == after[len(after) - 1 - same_end]:
        same_end += 1
    return ChangedPart(start, len(before) - start - same_end, after[start : len(after) - same_end])
