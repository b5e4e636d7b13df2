"""How often each word of the references was recognised, and the words that never were."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from qal.evaluation.errors.edits import AlignedRow


@dataclass(frozen=True)
class WordScore:
    """A word of the references."""

    word: str
    count: int  # occurrences in the references
    right: int  # of them, recognised
    instead: tuple[tuple[str, int], ...]  # what was written, the most frequent first; "": nothing
    rows: tuple[int, ...]  # indices of the rows in which it was wrong; of a word that was always right, of all


@dataclass
class _Occurrences:
    right: list[int] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)
    instead: Counter[str] = field(default_factory=Counter)


def word_scores(aligned: Iterable[AlignedRow]) -> list[WordScore]:
    """Returns all words of the references, the most frequent first."""
    found: dict[str, _Occurrences] = {}
    for row in aligned:
        wrong = {edit.position: edit.hypothesis for edit in row.edits if edit.reference}
        for position, word in enumerate(row.reference):
            occurrences = found.setdefault(word, _Occurrences())
            if position in wrong:
                occurrences.wrong.append(row.index)
                occurrences.instead[wrong[position]] += 1
            else:
                occurrences.right.append(row.index)
    scores = [
        WordScore(
            word,
            len(o.right) + len(o.wrong),
            len(o.right),
            tuple(o.instead.most_common()),
            tuple(sorted(set(o.wrong or o.right))),
        )
        for word, o in found.items()
    ]
    return sorted(scores, key=lambda score: (-score.count, score.word))


def never_right(scores: Iterable[WordScore], min_count: int = 1) -> list[WordScore]:
    """Returns the words that occur at least `min_count` times and were never recognised, the most frequent first."""
    return [score for score in scores if not score.right and score.count >= min_count]
