"""Texts and sounds that are nearly the same, found without comparing every pair.

Pairs are compared only if they share a rare part: three neighbouring characters of a text, or 16 bits of a
fingerprint. A part that many rows share is not followed, which bounds the time."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Indel

from qal.audio.fingerprint import BITS, differing_bits

MAX_GROUP = 40  # rows that share a part; more are not compared with each other
PARTS_PER_TEXT = 6  # the rarest ones are followed
PART_CHARACTERS = 3
MIN_CHARACTERS = 10  # of a text: shorter ones, such as numbers, are alike by chance
MIN_SIMILARITY = 0.9  # of texts: 1 minus insertions and deletions per character of both
MAX_DIFFERING_BITS = 36  # of 256; different sounds differ in 50 or more
MAX_DURATION_RATIO = 1.25


class Pair(NamedTuple):
    """Two rows, by their positions, and how alike they are, 0 to 1."""

    first: int
    second: int
    similarity: float


def near_texts(texts: Sequence[str], others: Sequence[str] | None = None) -> Iterator[Pair]:
    """Yields pairs of texts that are nearly, but not exactly, the same.

    Args:
        texts: normalised texts.
        others: compares each of `texts` with these, and not with each other; None: among themselves."""
    everything = [*texts, *(others or ())]
    parts = [_parts(text) for text in everything]
    counts = Counter(part for found in parts for part in found)
    groups: dict[str, list[int]] = defaultdict(list)
    for i, found in enumerate(parts):
        for part in sorted(found, key=lambda part: (counts[part], part))[:PARTS_PER_TEXT]:
            groups[part].append(i)
    found_pairs: set[tuple[int, int]] = set()
    for first, second in _candidates(groups.values(), len(texts), others is not None):
        a, b = everything[first], everything[second]
        if a != b and (first, second) not in found_pairs:
            similarity = Indel.normalized_similarity(a, b, score_cutoff=MIN_SIMILARITY)
            if similarity:
                found_pairs.add((first, second))
                yield Pair(first, second - (len(texts) if others is not None else 0), similarity)


def near_sounds(
    fingerprints: Sequence[str],
    durations_s: Sequence[float],
    others: Sequence[str] | None = None,
    other_durations_s: Sequence[float] = (),
) -> Iterator[Pair]:
    """Yields pairs of sounds whose fingerprints differ in few bits; arguments as for `near_texts`.

    A fingerprint "" is like no other."""
    everything = [*fingerprints, *(others or ())]
    lengths = [*durations_s, *other_durations_s]
    known = np.array([i for i, code in enumerate(everything) if code], dtype=np.int64)
    if not len(known):
        return
    codes = np.frombuffer(bytes.fromhex("".join(everything[i] for i in known)), np.uint8).reshape(len(known), -1)
    found_pairs: set[tuple[int, int]] = set()
    for first, second in _candidates(_groups_of_bits(codes, known), len(fingerprints), others is not None):
        shorter, longer = sorted((lengths[first], lengths[second]))
        if longer <= MAX_DURATION_RATIO * shorter + 1:
            rows = np.searchsorted(known, [first, second])
            bits = int(differing_bits(codes[rows[0]], codes[rows[1]]))
            if bits <= MAX_DIFFERING_BITS and (first, second) not in found_pairs:
                found_pairs.add((first, second))
                yield Pair(first, second - (len(fingerprints) if others is not None else 0), 1 - bits / BITS)


def _groups_of_bits(codes: NDArray[np.uint8], positions: NDArray[np.int64]) -> Iterator[Sequence[int]]:
    """Yields the positions whose codes, (n, 32) bytes, have 16 neighbouring bits in common."""
    for chunk in codes.view(np.uint16).T:
        order = np.argsort(chunk, kind="stable")
        borders = np.flatnonzero(np.diff(chunk[order])) + 1
        starts, ends = np.concatenate([[0], borders]), np.concatenate([borders, [len(order)]])
        for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
            yield positions[order[start:end]].tolist()


def _candidates(groups: Iterable[Sequence[int]], count: int, is_between: bool) -> Iterator[tuple[int, int]]:
    """Yields the pairs of positions that share a group, the smaller first, once for each group that they share.

    With `is_between` the first is below `count` and the second is not."""
    for group in groups:
        if not 1 < len(group) <= MAX_GROUP:
            continue
        for j, second in enumerate(group):
            for first in group[:j]:
                if not is_between or first < count <= second:
                    yield first, second


def _parts(text: str) -> set[str]:
    if len(text) < MIN_CHARACTERS:
        return set()
    text = unicodedata.normalize("NFC", text)
    return {text[i : i + PART_CHARACTERS] for i in range(len(text) - PART_CHARACTERS + 1)}


def similar_rows(pairs: Iterable[Pair]) -> Mapping[int, tuple[int, float]]:
    """Returns for the later row of each pair the most similar earlier one and the similarity."""
    best: dict[int, tuple[int, float]] = {}
    for first, second, similarity in pairs:
        if similarity > best.get(second, (0, 0.0))[1]:
            best[second] = (first, similarity)
    return best
