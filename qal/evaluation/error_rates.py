"""Word and character error rates, counted for each utterance so that they can be resampled."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from qal.text.error_measure import Measure, deciding_measure
from qal.text.normalisation.registry import SCORING, Normaliser

Languages = str | Sequence[str | None] | None  # of all utterances, of each, or unknown


@dataclass(frozen=True)
class ErrorCounts:
    """Edits and reference lengths of n utterances, in words and characters: arrays of shape (n,)."""

    word_errors: np.ndarray
    words: np.ndarray
    character_errors: np.ndarray
    characters: np.ndarray
    measure: Measure = "WER"  # the error rate that decides
    word_edits: np.ndarray | None = None  # (n, 3): substitutions, deletions, insertions; None: not counted apart

    @property
    def wer(self) -> float:
        return error_rate(self.word_errors, self.words)

    @property
    def cer(self) -> float:
        return error_rate(self.character_errors, self.characters)

    @property
    def rate(self) -> float:
        """The error rate that decides."""
        return error_rate(self.errors, self.lengths)

    @property
    def errors(self) -> np.ndarray:
        """Edits of each utterance, in the units of the error rate that decides."""
        return self.word_errors if self.measure == "WER" else self.character_errors

    @property
    def lengths(self) -> np.ndarray:
        """Reference length of each utterance, in the units of the error rate that decides."""
        return self.words if self.measure == "WER" else self.characters

    def select(self, which: np.ndarray) -> "ErrorCounts":
        """Returns the counts of some utterances: indices, or a mask of shape (n,)."""
        arrays = (self.word_errors, self.words, self.character_errors, self.characters)
        edits = None if self.word_edits is None else self.word_edits[which]
        return ErrorCounts(*(array[which] for array in arrays), measure=self.measure, word_edits=edits)

    def by_group(self, keys: Sequence[Hashable]) -> "ErrorCounts":
        """Returns the sums of each group of utterances, such as those of a speaker, in the order of first occurrence.

        Resampling them draws whole groups, as is right where the utterances of a group are alike (Bisani and Ney
        2004)."""
        number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        groups = np.array([number[key] for key in keys], int)

        def sums(array: np.ndarray) -> np.ndarray:
            total = np.zeros((len(number), *array.shape[1:]), np.int64)
            np.add.at(total, groups, array)
            return total

        arrays = (self.word_errors, self.words, self.character_errors, self.characters)
        edits = None if self.word_edits is None else sums(self.word_edits)
        return ErrorCounts(*map(sums, arrays), measure=self.measure, word_edits=edits)


class WordEdits(NamedTuple):
    """Numbers of word edits that turn the references into the transcripts."""

    substitutions: int
    deletions: int
    insertions: int


class WordRates(NamedTuple):
    """The rates that jiwer calls MER and WIL: shares of 0 to 1 (Morris, Maier and Green 2004)."""

    mer: float  # match error rate: edits per aligned pair of words
    wil: float  # word information lost


def word_edits(counts: ErrorCounts) -> WordEdits:
    """Returns the edits of all utterances by kind. Raises ValueError if they were not counted apart."""
    if counts.word_edits is None:
        raise ValueError("the edits were not counted by kind")
    return WordEdits(*(int(total) for total in counts.word_edits.sum(0)))


def word_rates(counts: ErrorCounts) -> WordRates:
    """Returns the match error rate and the word information lost; 0 for both where both sides are empty."""
    substitutions, deletions, insertions = word_edits(counts)
    said = int(counts.words.sum())
    hits = said - substitutions - deletions
    heard = hits + substitutions + insertions
    edits = substitutions + deletions + insertions
    kept = (hits / said) * (hits / heard) if said and heard else float(said == heard)
    return WordRates(edits / max(1, hits + edits), 1 - kept)


def error_rate(errors: np.ndarray, lengths: np.ndarray) -> float:
    """Returns errors per unit of the reference, as a share; with an empty reference the number of errors."""
    return float(errors.sum() / max(1, lengths.sum()))


def count_errors(
    references: Sequence[str],
    hypotheses: Sequence[str],
    languages: Languages = None,
    normaliser: Normaliser = SCORING,
) -> ErrorCounts:
    """Counts Levenshtein edits after normalisation; empty references and hypotheses count, too.

    Args:
        references: (n,) reference texts.
        hypotheses: (n,) transcripts.
        languages: language of all texts, or of each; None: unknown. It decides the measure and the normalisation.
        normaliser: removes what does not count as an error."""
    by_text = [languages] * len(references) if languages is None or isinstance(languages, str) else languages
    counted = [
        _count(normaliser.apply(r, language), normaliser.apply(h, language))
        for r, h, language in zip(references, hypotheses, by_text, strict=True)
    ]
    table = np.array(counted, np.int64).reshape(-1, 6)
    edits = table[:, :3]
    measure = deciding_measure(by_text, references)
    return ErrorCounts(edits.sum(1), table[:, 3], table[:, 4], table[:, 5], measure, edits)


def _count(reference: str, hypothesis: str) -> tuple[int, ...]:
    """Returns substitutions, deletions, insertions and length in words, then edits and length in characters."""
    words, heard = reference.split(), hypothesis.split()
    kinds = {"replace": 0, "delete": 0, "insert": 0}
    for operation in Levenshtein.editops(words, heard):
        kinds[operation.tag] += 1
    return (*kinds.values(), len(words), Levenshtein.distance(reference, hypothesis), len(reference))
