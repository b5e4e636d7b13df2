"""Counts the errors that vanish when a kind of difference is ignored: tone marks, diacritics, Amharic affixes.

Such errors are counted apart, because they have other causes and other remedies than a wrong word: a corpus without
tone marks, a stem that is right with a wrong ending."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from qal.evaluation.breakdown import Counted
from qal.evaluation.errors.confusions import Confusion, Occurrence, confusions
from qal.evaluation.errors.edits import AlignedRow
from qal.evaluation.records import count_rows
from qal.text.amharic_stems import root, stem
from qal.text.diacritics import TONE_MARKS, without_diacritics, without_tone
from qal.text.error_measure import Measure
from qal.text.normalisation.registry import SCORING, Apply, Normaliser

AMHARIC = frozenset({"am"})


@dataclass(frozen=True)
class Difference:
    """A kind of difference between words that can be ignored."""

    name: str
    ignore: Apply  # (normalised text, language code or None) -> text without what makes the difference
    languages: frozenset[str] | None  # in which it exists; None: wherever `ignore` changes a text


@dataclass(frozen=True)
class Ignored:
    """The errors of the rows in which a difference can occur, with and without it."""

    name: str
    measure: Measure
    rate: float  # error rate, as a share
    rate_ignoring: float  # where the difference is ignored
    substitutions: int  # words that were written as other words
    vanishing: int  # of them, those that are right when the difference is ignored
    pairs: tuple[Confusion, ...]  # those, the most frequent first
    among: tuple[int, ...]  # indices of the rows in which the difference can occur

    @property
    def share(self) -> float:
        """Share of the substitutions that are this difference alone."""
        return self.vanishing / max(1, self.substitutions)

    @property
    def rows(self) -> tuple[int, ...]:
        """Indices of the rows with such an error, ascending."""
        return tuple(sorted({row for pair in self.pairs for row in pair.rows}))


def by_word(change: Callable[[str], str]) -> Apply:
    return lambda text, _language: " ".join(map(change, text.split()))


DIFFERENCES: Mapping[str, Difference] = {
    difference.name: difference
    for difference in (
        Difference("tone marks", without_tone, frozenset(TONE_MARKS)),
        Difference("diacritics", without_diacritics, None),
        Difference("affixes", by_word(stem), AMHARIC),
        Difference("affixes and vowel pattern", by_word(root), AMHARIC),
    )
}


def ignored_differences(
    found: Counted, aligned: Sequence[AlignedRow], normaliser: Normaliser = SCORING
) -> list[Ignored]:
    """Returns the errors that vanish for each difference that the rows can have.

    Args:
        found: the rows.
        aligned: their alignment.
        normaliser: the one they were counted with."""
    ignored = (_ignored(found, aligned, normaliser, difference) for difference in DIFFERENCES.values())
    return [result for result in ignored if result]


def _ignored(
    found: Counted, aligned: Sequence[AlignedRow], normaliser: Normaliser, difference: Difference
) -> Ignored | None:
    among = [i for i in range(len(found.rows)) if _can_differ(found, aligned[i], i, difference)]
    if not among:
        return None
    languages = [row.language or None for row in found.rows]
    occurrences = [
        (edit, row.index) for row in (aligned[i] for i in among) for edit in row.edits if edit.kind == "substitution"
    ]
    vanishing = [
        Occurrence(edit.reference, edit.hypothesis, row)
        for edit, row in occurrences
        if _ignore(difference, edit.reference, languages[row]) == _ignore(difference, edit.hypothesis, languages[row])
    ]
    some = found.select(among)
    reduced = count_rows(list(some.rows), reduced_normaliser(normaliser, difference))
    return Ignored(
        name=difference.name,
        measure=some.counts.measure,
        rate=some.counts.rate,
        rate_ignoring=reduced.rate,
        substitutions=len(occurrences),
        vanishing=len(vanishing),
        pairs=tuple(confusions(vanishing)),
        among=tuple(among),
    )


def reduced_normaliser(normaliser: Normaliser, difference: Difference) -> Normaliser:
    """Returns a normaliser that ignores a difference, too."""
    return Normaliser(
        f"{normaliser.name} without {difference.name}",
        normaliser.version,
        lambda text, language: difference.ignore(normaliser.apply(text, language), language),
        f"as {normaliser.name}; {difference.name} do not count",
    )


def _can_differ(found: Counted, row: AlignedRow, index: int, difference: Difference) -> bool:
    language = found.rows[index].language or None
    if difference.languages is not None:
        return language in difference.languages
    return any(_ignore(difference, word, language) != word for word in (*row.reference, *row.hypothesis))


def _ignore(difference: Difference, word: str, language: str | None) -> str:
    return difference.ignore(word, language)
