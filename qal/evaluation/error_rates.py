"""Word and character error rates, counted utterance by utterance so that they can be resampled."""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from qal.text.normalisation import normalise


@dataclass(frozen=True)
class ErrorCounts:
    """Edits and reference lengths of each utterance, in words and characters: arrays of shape (n,)."""

    word_errors: np.ndarray
    words: np.ndarray
    character_errors: np.ndarray
    characters: np.ndarray

    @property
    def wer(self) -> float:
        return rate(self.word_errors, self.words)

    @property
    def cer(self) -> float:
        return rate(self.character_errors, self.characters)


def rate(errors: np.ndarray, lengths: np.ndarray) -> float:
    """Errors over reference length, as a share. Where there is no reference, every inserted word is an error."""
    return float(errors.sum() / max(1, lengths.sum()))


def count_errors(references: Sequence[str], hypotheses: Sequence[str]) -> ErrorCounts:
    """Levenshtein edits after normalisation; empty references and hypotheses are scored, not dropped."""
    pairs = [(normalise(r), normalise(h)) for r, h in zip(references, hypotheses, strict=True)]
    words = np.array([_edits(r.split(), h.split()) for r, h in pairs]).reshape(-1, 2)
    characters = np.array([_edits(list(r), list(h)) for r, h in pairs]).reshape(-1, 2)
    return ErrorCounts(words[:, 0], words[:, 1], characters[:, 0], characters[:, 1])


def _edits(reference: list[str], hypothesis: list[str]) -> tuple[int, int]:
    """(edits, reference length) of two lists of units."""
    if not reference or not hypothesis:
        return max(len(reference), len(hypothesis)), len(reference)
    # jiwer splits at spaces, so each unit (a space among the characters, too) becomes one word
    said, heard = (" ".join("␣" if u == " " else u for u in units) for units in (reference, hypothesis))
    found = jiwer.process_words(said, heard)
    return found.substitutions + found.deletions + found.insertions, len(reference)
