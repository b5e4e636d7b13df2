"""Errors by their position in the utterance, in tenths of its words."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from qal.evaluation.errors.edits import AlignedRow

PARTS = 10  # of an utterance


@dataclass(frozen=True)
class PositionErrors:
    """The errors of one part of all utterances. Words of the parts add up to all words, errors to all errors."""

    name: str
    words: int  # of the references
    substitutions: int
    deletions: int
    insertions: int
    rows: tuple[int, ...]  # indices of the rows with an error there

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per word, as a share."""
        return self.errors / max(1, self.words)


@dataclass
class _Part:
    words: int = 0
    edits: dict[str, int] = field(default_factory=lambda: {"substitution": 0, "deletion": 0, "insertion": 0})
    rows: set[int] = field(default_factory=set)


def errors_by_position(aligned: Iterable[AlignedRow], parts: int = PARTS) -> list[PositionErrors]:
    """Counts words and errors in equal parts of the utterances, the beginning first.

    A word belongs to the part of its middle; an insertion to that of the word before which it stands, at the end to the
    last part."""
    found = [_Part() for _ in range(parts)]
    for row in aligned:
        n = len(row.reference)
        for i in range(n):
            found[_part(i, n, parts)].words += 1
        for edit in row.edits:
            part = found[_part(edit.position, n, parts)]
            part.edits[edit.kind] += 1
            part.rows.add(row.index)
    return [
        PositionErrors(_name(i, parts), part.words, *part.edits.values(), tuple(sorted(part.rows)))
        for i, part in enumerate(found)
    ]


def _part(position: int, words: int, parts: int) -> int:
    return min(parts - 1, (2 * position + 1) * parts // (2 * words)) if words else 0


def _name(i: int, parts: int) -> str:
    return f"{100 * i // parts} to {100 * (i + 1) // parts} %"
