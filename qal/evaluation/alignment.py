"""Word alignment of a prediction with its reference, with the errors that WER counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jiwer

from qal.text.normalisation.basic import normalise_basic


@dataclass(frozen=True)
class AlignedWords:
    """Words that correspond; one word on each side unless one side writes it as two; "" for a missing side."""

    reference: str
    prediction: str
    is_correct: bool  # after normalisation, that is without case and punctuation


@dataclass(frozen=True)
class Alignment:
    """The alignment in order; it contains every written word of both sides exactly once."""

    words: tuple[AlignedWords, ...]
    errors: int
    reference_words: int  # after normalisation


class _ScoredWord(NamedTuple):
    """A normalised word and the index of the written word that it comes from."""

    text: str
    written: int


class _Pair(NamedTuple):
    """Indices of two written words that correspond; None for a missing side."""

    reference: int | None
    prediction: int | None
    is_correct: bool


class _ScoredPairs(NamedTuple):
    pairs: list[_Pair]
    errors: int


def align(reference: str, prediction: str) -> Alignment:
    """Aligns two texts with the fewest edits. A word without letters or digits stays with the word before it."""
    reference_written, prediction_written = reference.split(), prediction.split()
    reference_scored, prediction_scored = _scored_words(reference_written), _scored_words(prediction_written)
    pairs, errors = _align_scored(reference_scored, prediction_scored)
    groups = _group_pairs(pairs)
    reference_texts = _group_texts(reference_written, [[pair.reference for pair in group] for group in groups])
    prediction_texts = _group_texts(prediction_written, [[pair.prediction for pair in group] for group in groups])
    correct = [all(pair.is_correct for pair in group) for group in groups] or [True]
    words = tuple(
        AlignedWords(reference_text, prediction_text, is_correct)
        for reference_text, prediction_text, is_correct in zip(reference_texts, prediction_texts, correct, strict=True)
        if reference_text or prediction_text
    )
    return Alignment(words, errors, len(reference_scored))


def _scored_words(written: Sequence[str]) -> list[_ScoredWord]:
    return [_ScoredWord(text, i) for i, word in enumerate(written) for text in normalise_basic(word).split()]


def _align_scored(reference: list[_ScoredWord], prediction: list[_ScoredWord]) -> _ScoredPairs:
    """Aligns normalised words; `errors` is the number of edits."""
    if not reference or not prediction:
        deletions = [_Pair(word.written, None, False) for word in reference]
        insertions = [_Pair(None, word.written, False) for word in prediction]
        return _ScoredPairs(deletions + insertions, len(reference) + len(prediction))
    output = jiwer.process_words(" ".join(w.text for w in reference), " ".join(w.text for w in prediction))
    pairs: list[_Pair] = []
    for chunk in output.alignments[0]:
        left = [word.written for word in reference[chunk.ref_start_idx : chunk.ref_end_idx]]
        right = [word.written for word in prediction[chunk.hyp_start_idx : chunk.hyp_end_idx]]
        length = max(len(left), len(right))  # one of them is empty for deletions and insertions
        indices = zip(left or [None] * length, right or [None] * length, strict=True)
        pairs += [_Pair(i, j, chunk.type == "equal") for i, j in indices]
    return _ScoredPairs(pairs, output.substitutions + output.deletions + output.insertions)


def _group_pairs(pairs: Sequence[_Pair]) -> list[list[_Pair]]:
    """Splits the pairs into the shortest groups of which no two contain the same written word."""
    groups: list[list[_Pair]] = []
    for pair in pairs:
        groups.append([pair])
        while len(groups) > 1 and _share_word(groups[-2], groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def _share_word(a: Sequence[_Pair], b: Sequence[_Pair]) -> bool:
    references = {pair.reference for pair in a} & {pair.reference for pair in b}
    predictions = {pair.prediction for pair in a} & {pair.prediction for pair in b}
    return bool((references | predictions) - {None})


def _group_texts(written: Sequence[str], groups: Sequence[Sequence[int | None]]) -> list[str]:
    """Returns the text of each group; words that are not scored are added to the group before, or to the first."""
    group_of_word = {i: group for group, indices in enumerate(groups) for i in indices if i is not None}
    texts: list[list[str]] = [[] for _ in groups] or [[]]
    group = min(group_of_word.values(), default=0)
    for i, word in enumerate(written):
        group = group_of_word.get(i, group)
        texts[group].append(word)
    return [" ".join(text) for text in texts]
