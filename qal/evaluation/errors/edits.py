"""The word errors of an evaluation, one by one: which word of which row became which.

    reference   the  cat  sat  on   a         mat
    hypothesis  the  mat       on   a   red   mat
                     sub  del           ins

There are as many as the word error rate counts. Among the alignments with the fewest errors, similar words are paired.
Where the character error rate decides, each character of a script without spaces is a word."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from qal.evaluation.breakdown import Counted
from qal.text.error_measure import Measure
from qal.text.normalisation.registry import SCORING, Normaliser
from qal.text.scripts import split_words

Kind = Literal["substitution", "deletion", "insertion"]
MAX_COMPARED = 10_000  # pairs of words of one stretch of errors; a longer stretch is paired in order


class Edit(NamedTuple):
    """One wrong word."""

    position: int  # index of the word in the reference; of an insertion, of the word that it stands before
    reference: str  # "": an insertion
    hypothesis: str  # "": a deletion

    @property
    def kind(self) -> Kind:
        if self.reference and self.hypothesis:
            return "substitution"
        return "deletion" if self.reference else "insertion"


@dataclass(frozen=True)
class AlignedRow:
    """The normalised words of one row, and its errors in order."""

    index: int  # of the row in the evaluation
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]
    edits: tuple[Edit, ...]

    def wrong_positions(self) -> set[int]:
        """Returns the indices of the words of the reference that were not recognised."""
        return {edit.position for edit in self.edits if edit.reference}


def align_rows(found: Counted, normaliser: Normaliser = SCORING) -> list[AlignedRow]:
    """Aligns all rows.

    Args:
        found: the rows.
        normaliser: the one they were counted with."""
    measure = found.counts.measure
    aligned = []
    for index, row in enumerate(found.rows):
        language = row.language or None
        reference = units(normaliser.apply(row.reference, language), measure)
        hypothesis = units(normaliser.apply(row.hypothesis, language), measure)
        aligned.append(AlignedRow(index, tuple(reference), tuple(hypothesis), tuple(_edits(reference, hypothesis))))
    return aligned


def units(text: str, measure: Measure) -> list[str]:
    """Returns the words of a normalised text; with CER, characters of scripts without spaces are words."""
    if measure == "WER":
        return text.split()
    return [part for word in text.split() for part in split_words(word)]


def _edits(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[Edit]:
    for start, end, other_start, other_end in _wrong_stretches(reference, hypothesis):
        yield from paired(reference[start:end], hypothesis[other_start:other_end], start)


def _wrong_stretches(reference: Sequence[str], hypothesis: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yields the longest stretches without a right word, as the bounds of both sides."""
    operations = Levenshtein.opcodes(reference, hypothesis)
    for is_right, group in groupby(operations, key=lambda operation: operation.tag == "equal"):
        if not is_right:
            stretch = list(group)
            yield stretch[0].src_start, stretch[-1].src_end, stretch[0].dest_start, stretch[-1].dest_end


def paired(reference: Sequence[str], hypothesis: Sequence[str], first: int = 0) -> Iterator[Edit]:
    """Yields the edits of a stretch without a right word: each word of the shorter side is a substitution.

    Args:
        reference: words of the reference, (m,).
        hypothesis: words of the transcript, (n,).
        first: position of the first word of the reference."""
    m, n = len(reference), len(hypothesis)
    if m >= n:
        chosen = dict(zip(_most_similar(hypothesis, reference), hypothesis, strict=True))
        yield from (Edit(first + i, word, chosen.get(i, "")) for i, word in enumerate(reference))
        return
    chosen = dict(zip(_most_similar(reference, hypothesis), range(m), strict=True))
    position = 0
    for j, word in enumerate(hypothesis):
        position = chosen.get(j, position)
        yield Edit(first + position, reference[position] if j in chosen else "", word)
        position += j in chosen


def _most_similar(shorter: Sequence[str], longer: Sequence[str]) -> list[int]:
    """Returns for each word of the shorter side its partner, in ascending order, with the smallest sum of distances.

    costs[i, j] is the smallest sum for the first i words with partners among the first j."""
    m, n = len(shorter), len(longer)
    if m == n or not m or m * n > MAX_COMPARED:
        return list(range(m))
    distances = cdist(shorter, longer, scorer=Levenshtein.normalized_distance)
    costs = np.full((m + 1, n + 1), np.inf)
    costs[0] = 0
    for i in range(1, m + 1):
        for j in range(i, n - m + i + 1):
            costs[i, j] = min(costs[i, j - 1], costs[i - 1, j - 1] + distances[i - 1, j - 1])
    partners, j = [], n
    for i in range(m, 0, -1):
        while costs[i, j - 1] <= costs[i, j]:
            j -= 1
        j -= 1
        partners.append(j)
    return partners[::-1]
