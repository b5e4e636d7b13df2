"""Word and character error rates, counted for each utterance so that they can be resampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jiwer
import numpy as np

from qal.text.error_measure import Measure, deciding_measure
from qal.text.normalisation.registry import normalise

Languages = str | Sequence[str | None] | None  # of all utterances, of each, or unknown


@dataclass(frozen=True)
class ErrorCounts:
    """Edits and reference lengths of n utterances, in words and characters: arrays of shape (n,)."""

    word_errors: np.ndarray
    words: np.ndarray
    character_errors: np.ndarray
    characters: np.ndarray
    measure: Measure = "WER"  # the error rate that decides

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


class _Edits(NamedTuple):
    edits: int
    reference_length: int


def error_rate(errors: np.ndarray, lengths: np.ndarray) -> float:
    """Returns errors per unit of the reference, as a share; with an empty reference the number of errors."""
    return float(errors.sum() / max(1, lengths.sum()))


def count_errors(references: Sequence[str], hypotheses: Sequence[str], languages: Languages = None) -> ErrorCounts:
    """Counts Levenshtein edits after normalisation; empty references and hypotheses count, too.

    Args:
        references: (n,) reference texts.
        hypotheses: (n,) transcripts.
        languages: language of all texts, or of each; None: unknown. It decides the measure and the normalisation."""
    by_text = [languages] * len(references) if languages is None or isinstance(languages, str) else languages
    pairs = [
        (normalise(r, language), normalise(h, language))
        for r, h, language in zip(references, hypotheses, by_text, strict=True)
    ]
    words = np.array([_count_edits(r.split(), h.split()) for r, h in pairs]).reshape(-1, 2)
    characters = np.array([_count_edits(list(r), list(h)) for r, h in pairs]).reshape(-1, 2)
    measure = deciding_measure(by_text, references)
    return ErrorCounts(words[:, 0], words[:, 1], characters[:, 0], characters[:, 1], measure)


def _count_edits(reference: list[str], hypothesis: list[str]) -> _Edits:
    """Counts the edits between two lists of words or characters."""
    if not reference or not hypothesis:
        return _Edits(max(len(reference), len(hypothesis)), len(reference))
    # jiwer splits at spaces, so that each unit has to be one word: a space among characters becomes "␣"
    joined_reference, joined_hypothesis = (
        " ".join("␣" if unit == " " else unit for unit in units) for units in (reference, hypothesis)
    )
    output = jiwer.process_words(joined_reference, joined_hypothesis)
    return _Edits(output.substitutions + output.deletions + output.insertions, len(reference))
