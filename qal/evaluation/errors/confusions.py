"""Pairs of words and of characters that a model confuses most, each with the rows that they come from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from qal.evaluation.breakdown import Counted
from qal.evaluation.errors.edits import AlignedRow
from qal.text.normalisation.registry import SCORING, Normaliser


@dataclass(frozen=True)
class Confusion:
    """A word or character that was written instead of another one; "" on one side for deletions and insertions."""

    reference: str
    hypothesis: str
    count: int
    rows: tuple[int, ...]  # indices, ascending, each once


class Occurrence(NamedTuple):
    """One error and the index of its row."""

    reference: str
    hypothesis: str
    row: int


def word_confusions(aligned: Iterable[AlignedRow]) -> list[Confusion]:
    """Returns all wrong words, the most frequent first; their counts add up to the word errors."""
    return confusions(Occurrence(edit.reference, edit.hypothesis, row.index) for row in aligned for edit in row.edits)


def character_confusions(found: Counted, normaliser: Normaliser = SCORING) -> list[Confusion]:
    """Returns all wrong characters, the most frequent first; their counts add up to the character errors.

    Args:
        found: the rows.
        normaliser: the one they were counted with."""
    return confusions(
        occurrence
        for index, row in enumerate(found.rows)
        for occurrence in _wrong_characters(
            normaliser.apply(row.reference, row.language or None),
            normaliser.apply(row.hypothesis, row.language or None),
            index,
        )
    )


def substitutions(found: Iterable[Confusion]) -> list[Confusion]:
    """Returns those with both sides, in the same order."""
    return [confusion for confusion in found if confusion.reference and confusion.hypothesis]


def confusions(occurrences: Iterable[Occurrence]) -> list[Confusion]:
    """Counts the pairs, the most frequent first; of equally frequent ones those of more rows, then by the alphabet."""
    rows: dict[tuple[str, str], list[int]] = {}
    for reference, hypothesis, row in occurrences:
        rows.setdefault((reference, hypothesis), []).append(row)
    counted = [Confusion(*pair, len(found), tuple(sorted(set(found)))) for pair, found in rows.items()]
    return sorted(counted, key=lambda c: (-c.count, -len(c.rows), c.reference, c.hypothesis))


def _wrong_characters(reference: str, hypothesis: str, row: int) -> Sequence[Occurrence]:
    found = []
    for operation in Levenshtein.editops(reference, hypothesis):
        left = "" if operation.tag == "insert" else reference[operation.src_pos]
        right = "" if operation.tag == "delete" else hypothesis[operation.dest_pos]
        found.append(Occurrence(left, right, row))
    return found
