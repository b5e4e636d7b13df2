"""Words that a model writes where none were spoken: in rows without speech, and as stretches inside the others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from qal.evaluation.errors.edits import AlignedRow
from qal.evaluation.records import ScoredRow

MIN_STRETCH = 3  # inserted words in a row that are more than a slip
SECONDS_PER_MINUTE = 60


@dataclass(frozen=True)
class SilentRows:
    """The rows whose reference has no words, and what was written there."""

    rows: tuple[int, ...]  # indices of all of them
    with_words: tuple[int, ...]  # of those in which something was written
    words: int  # written
    seconds: float  # of audio
    texts: tuple[tuple[str, tuple[int, ...]], ...]  # each text with its rows, the most frequent first

    @property
    def words_per_minute(self) -> float | None:
        """Words written per minute of audio without speech; None without such audio."""
        return self.words * SECONDS_PER_MINUTE / self.seconds if self.seconds else None


@dataclass(frozen=True)
class Stretch:
    """Successive words that nothing in the reference corresponds to."""

    row: int
    position: int  # index of the word of the reference before which they stand
    words: tuple[str, ...]


@dataclass(frozen=True)
class RowInsertions:
    """The number of inserted words of one row."""

    row: int
    count: int


def silent_rows(rows: Sequence[ScoredRow], aligned: Iterable[AlignedRow]) -> SilentRows:
    """Returns what was written in the rows whose reference has no words after normalisation."""
    silent = [row for row in aligned if not row.reference]
    texts: dict[str, list[int]] = {}
    for row in silent:
        if row.hypothesis:
            texts.setdefault(" ".join(row.hypothesis), []).append(row.index)
    ranked = sorted(texts.items(), key=lambda item: (-len(item[1]), item[0]))
    return SilentRows(
        rows=tuple(row.index for row in silent),
        with_words=tuple(row.index for row in silent if row.hypothesis),
        words=sum(len(row.hypothesis) for row in silent),
        seconds=sum(rows[row.index].duration_s for row in silent),
        texts=tuple((text, tuple(found)) for text, found in ranked),
    )


def row_insertions(aligned: Iterable[AlignedRow]) -> list[RowInsertions]:
    """Returns the rows with inserted words, the most first."""
    counts = [RowInsertions(row.index, sum(not edit.reference for edit in row.edits)) for row in aligned]
    return sorted((found for found in counts if found.count), key=lambda found: (-found.count, found.row))


def inserted_stretches(aligned: Iterable[AlignedRow], min_words: int = MIN_STRETCH) -> list[Stretch]:
    """Returns the stretches of inserted words of rows with speech, the longest first."""
    found = []
    for row in aligned:
        for (is_inserted, position), group in groupby(row.edits, key=lambda e: (not e.reference, e.position)):
            words = tuple(edit.hypothesis for edit in group)
            if is_inserted and row.reference and len(words) >= min_words:
                found.append(Stretch(row.index, position, words))
    return sorted(found, key=lambda stretch: (-len(stretch.words), stretch.row, stretch.position))
