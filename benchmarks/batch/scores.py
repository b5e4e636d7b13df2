"""Error rates of whole recordings, counted by utterance so that they can be resampled, and errors where two meet."""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from benchmarks.batch.recordings import Recording
from qal.evaluation.bootstrap import error_intervals
from qal.evaluation.error_rates import ErrorCounts
from qal.evaluation.scoring import SEED
from qal.text.normalisation.registry import SCORING


class Errors(NamedTuple):
    """The errors of one system, by utterance."""

    words: np.ndarray  # (utterances,) of the references
    word_errors: np.ndarray  # (utterances,)
    join_words: int  # first and last words of utterances, next to another utterance of the same recording
    join_errors: int  # of these words: not recognised

    @property
    def counts(self) -> ErrorCounts:
        """The words alone, for the bootstrap; the characters are not counted."""
        return ErrorCounts(self.word_errors, self.words, self.word_errors, self.words)

    @property
    def wer(self) -> float:
        return self.counts.wer

    def figures(self, name: str) -> dict[str, float]:
        """Returns the error rate with its interval, and that of the words at joins."""
        interval = error_intervals(self.counts, np.random.default_rng(SEED)).wer
        values = {"wer": self.wer, "wer_low": interval.low, "wer_high": interval.high}
        if self.join_words:
            values["join_wer"] = self.join_errors / self.join_words
        return {f"{name}_{key}": round(value, 4) for key, value in values.items()}


def errors_of(recordings: Sequence[Recording], texts: Sequence[str]) -> Errors:
    """Counts the errors of transcripts, each word of a recording at the utterance that it belongs to."""
    words: list[int] = []
    errors: list[int] = []
    join_words = join_errors = 0
    for recording, text in zip(recordings, texts, strict=True):
        said = [SCORING.apply(t, recording.language).split() for t in recording.texts]
        heard = SCORING.apply(text, recording.language).split()
        counted, wrong = _by_utterance(said, heard)
        words += [len(utterance) for utterance in said]
        errors += counted
        at_joins = _words_at_joins(said)
        join_words += len(at_joins)
        join_errors += len(at_joins & wrong)
    return Errors(np.array(words), np.array(errors), join_words, join_errors)


def _by_utterance(said: Sequence[Sequence[str]], heard: Sequence[str]) -> tuple[list[int], set[int]]:
    """Returns the edits of each utterance, and the places of the words that were not recognised.

    A word that was invented belongs to the utterance of the word before it."""
    whole = [word for utterance in said for word in utterance]
    owners = [i for i, utterance in enumerate(said) for _ in utterance]
    errors = [0] * len(said)
    wrong = set()
    for edit in Levenshtein.editops(whole, heard):
        place = min(edit.src_pos, len(whole) - 1)
        if edit.tag == "insert":
            place = max(0, edit.src_pos - 1)
        else:
            wrong.add(place)
        if owners:
            errors[owners[place]] += 1
    return errors, wrong


def _words_at_joins(said: Sequence[Sequence[str]]) -> set[int]:
    """Returns the places of the words that stand next to another utterance of the recording."""
    ends = list(accumulate(len(utterance) for utterance in said))
    inner = [end for end in ends[:-1] if 0 < end < ends[-1]]
    return {place for end in inner for place in (end - 1, end)}
