"""What was heard beside what was said, word by word as they were written, with the errors as WER counts them."""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer

from qal.text.normalisation import normalise

Pair = tuple[int | None, int | None, bool]  # index of the written word said and heard; whether they are scored equal


@dataclass(frozen=True)
class Piece:
    """The same stretch on either side, "" where that side has nothing; one word, unless one is written as two."""

    said: str
    heard: str
    same: bool  # as it is scored: but for case and punctuation


@dataclass(frozen=True)
class Alignment:
    pieces: tuple[Piece, ...]  # each written word of either side is in one
    errors: int
    words: int  # of what was said, as they are scored


def align(said: str, heard: str) -> Alignment:
    """The fewest edits between the two. What has no letter stays with the word before it."""
    sides = said.split(), heard.split()
    scored = [_scored(words) for words in sides]
    pairs, errors = _pairs(scored[0], scored[1])
    stretches = _stretches(pairs)
    texts = [
        _texts(words, [[pair[side] for pair in stretch] for stretch in stretches]) for side, words in enumerate(sides)
    ]
    same = [all(pair[2] for pair in stretch) for stretch in stretches] or [True]
    pieces = [Piece(*piece) for piece in zip(*texts, same, strict=True) if any(piece[:2])]
    return Alignment(tuple(pieces), errors, len(scored[0]))


def _scored(words: Sequence[str]) -> list[tuple[str, int]]:
    """Scored words, each with the index of the written word that it comes from."""
    return [(scored, i) for i, written in enumerate(words) for scored in normalise(written).split()]


def _pairs(said: list[tuple[str, int]], heard: list[tuple[str, int]]) -> tuple[list[Pair], int]:
    """-> (scored words side by side, the number of edits)"""
    if not said or not heard:
        missed: list[Pair] = [(i, None, False) for _, i in said]
        return [*missed, *((None, j, False) for _, j in heard)], len(said) + len(heard)
    found = jiwer.process_words(" ".join(word for word, _ in said), " ".join(word for word, _ in heard))
    pairs: list[Pair] = []
    for chunk in found.alignments[0]:
        left = [i for _, i in said[chunk.ref_start_idx : chunk.ref_end_idx]]
        right = [j for _, j in heard[chunk.hyp_start_idx : chunk.hyp_end_idx]]
        length = max(len(left), len(right))  # equal, but where words are missing or added
        either = zip(left or [None] * length, right or [None] * length, strict=True)
        pairs += [(i, j, chunk.type == "equal") for i, j in either]
    return pairs, found.substitutions + found.deletions + found.insertions


def _stretches(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Cut wherever no written word is on both sides of the cut."""
    stretches: list[list[Pair]] = []
    for pair in pairs:
        stretches.append([pair])
        while len(stretches) > 1 and any(_shared(stretches[-2], stretches[-1], side) for side in (0, 1)):
            stretches[-2:] = [stretches[-2] + stretches[-1]]
    return stretches


def _shared(before: Sequence[Pair], after: Sequence[Pair], side: int) -> bool:
    return bool({pair[side] for pair in before} & {pair[side] for pair in after} - {None})


def _texts(words: Sequence[str], stretches: Sequence[Sequence[int | None]]) -> list[str]:
    """What each stretch says; words that are not scored go to the one before, or to the first."""
    stretch_of = {i: at for at, indices in enumerate(stretches) for i in indices if i is not None}
    texts: list[list[str]] = [[] for _ in stretches] or [[]]
    at = min(stretch_of.values(), default=0)
    for i, word in enumerate(words):
        at = stretch_of.get(i, at)
        texts[at].append(word)
    return [" ".join(text) for text in texts]
