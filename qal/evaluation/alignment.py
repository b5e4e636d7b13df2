"""Alignment of a prediction with its reference, word by word; scripts without spaces character by character."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jiwer

from qal.text.error_measure import Measure, deciding_measure
from qal.text.normalisation.registry import SCORING, Normaliser
from qal.text.scripts import split_words


@dataclass(frozen=True)
class AlignedWords:
    """Words that correspond; one word on each side unless one side writes it as two; "" for a missing side."""

    reference: str
    prediction: str
    is_correct: bool  # after normalisation, that is without case and punctuation
    is_joined: bool = False  # no space before it: a character of a script without spaces


@dataclass(frozen=True)
class Alignment:
    """The alignment in order; it contains every written word of both sides exactly once."""

    words: tuple[AlignedWords, ...]
    errors: int
    reference_words: int  # after normalisation
    measure: Measure = "WER"  # CER: most words are single characters

    @property
    def unit(self) -> str:
        """The name of the units that are counted."""
        return "words" if self.measure == "WER" else "characters"


class _WrittenWord(NamedTuple):
    text: str
    is_joined: bool


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


def align(reference: str, prediction: str, language: str | None = None, normaliser: Normaliser = SCORING) -> Alignment:
    """Aligns two texts with the fewest edits. A word without letters or digits stays with the word before it.

    Args:
        reference: the reference.
        prediction: the transcript.
        language: language code of both; None: unknown.
        normaliser: removes what does not count as an error; it is applied to each written word."""
    reference_written, prediction_written = _written_words(reference), _written_words(prediction)
    reference_scored = _scored_words(reference_written, language, normaliser)
    prediction_scored = _scored_words(prediction_written, language, normaliser)
    pairs, errors = _align_scored(reference_scored, prediction_scored)
    groups = _group_pairs(pairs)
    reference_texts = _group_texts(reference_written, [[pair.reference for pair in group] for group in groups])
    prediction_texts = _group_texts(prediction_written, [[pair.prediction for pair in group] for group in groups])
    correct = [all(pair.is_correct for pair in group) for group in groups] or [True]
    if normaliser.apply(reference, language) == normaliser.apply(prediction, language):  # words are cut otherwise
        errors, correct = 0, [True] * len(correct)
    words = tuple(
        AlignedWords(left.text, right.text, is_correct, left.is_joined or right.is_joined)
        for left, right, is_correct in zip(reference_texts, prediction_texts, correct, strict=True)
        if left.text or right.text
    )
    return Alignment(words, errors, len(reference_scored), deciding_measure([language], [reference]))


def _written_words(text: str) -> list[_WrittenWord]:
    return [_WrittenWord(part, i > 0) for word in text.split() for i, part in enumerate(split_words(word))]


def _scored_words(written: Sequence[_WrittenWord], language: str | None, normaliser: Normaliser) -> list[_ScoredWord]:
    scored = ((i, normaliser.apply(word.text, language).split()) for i, word in enumerate(written))
    return [_ScoredWord(text, i) for i, texts in scored for text in texts]


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


def _group_texts(written: Sequence[_WrittenWord], groups: Sequence[Sequence[int | None]]) -> list[_WrittenWord]:
    """Returns the text of each group; words that are not scored are added to the group before, or to the first."""
    group_of_word = {i: group for group, indices in enumerate(groups) for i in indices if i is not None}
    texts: list[list[_WrittenWord]] = [[] for _ in groups] or [[]]
    group = min(group_of_word.values(), default=0)
    for i, word in enumerate(written):
        group = group_of_word.get(i, group)
        texts[group].append(word)
    return [_joined(words) for words in texts]


def _joined(words: Sequence[_WrittenWord]) -> _WrittenWord:
    """Joins neighbouring words into one text; "" for no words."""
    text = "".join(word.text if word.is_joined else f" {word.text}" for word in words).strip()
    return _WrittenWord(text, bool(words) and words[0].is_joined)
