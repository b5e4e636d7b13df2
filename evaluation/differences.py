"""Which words of a reference were missed, and which were heard in their place."""

from dataclasses import dataclass

import jiwer

from text.normalisation import normalise


@dataclass(frozen=True)
class Difference:
    """Two texts, word by word as they were written, each with whether it counts as an error."""

    reference: tuple[tuple[str, bool], ...]
    hypothesis: tuple[tuple[str, bool], ...]
    errors: int
    words: int  # of the reference, as they are scored


def word_difference(reference: str, hypothesis: str) -> Difference:
    """Aligned as for WER: case and punctuation are no errors, and a written word may be scored as several."""
    said, heard = _scored(reference), _scored(hypothesis)
    wrong_said, wrong_heard, errors = _wrong([w for w, _ in said], [w for w, _ in heard])
    missed, added = {said[i][1] for i in wrong_said}, {heard[i][1] for i in wrong_heard}
    return Difference(_marked(reference, missed), _marked(hypothesis, added), errors, len(said))


def _scored(text: str) -> list[tuple[str, int]]:
    """Scored words, each with the index of the written word that it comes from."""
    return [(scored, i) for i, written in enumerate(text.split()) for scored in normalise(written).split()]


def _marked(text: str, wrong: set[int]) -> tuple[tuple[str, bool], ...]:
    return tuple((word, i in wrong) for i, word in enumerate(text.split()))


def _wrong(said: list[str], heard: list[str]) -> tuple[set[int], set[int], int]:
    """Indices of what was missed and of what was added, and the number of edits."""
    if not said or not heard:
        return set(range(len(said))), set(range(len(heard))), max(len(said), len(heard))
    found = jiwer.process_words(" ".join(said), " ".join(heard))
    edits = [chunk for chunk in found.alignments[0] if chunk.type != "equal"]
    missed = {i for c in edits for i in range(c.ref_start_idx, c.ref_end_idx)}
    added = {i for c in edits for i in range(c.hyp_start_idx, c.hyp_end_idx)}
    return missed, added, found.substitutions + found.deletions + found.insertions
