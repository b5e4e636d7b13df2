"""The train, validation or test split of an utterance: a hash of its text, independent of chance and order.

All utterances of the same sentence, however it is written, are in one split, so that no test sentence is trained on.
When a corpus grows, every existing row keeps its split."""

import hashlib
from collections.abc import Sequence
from typing import Literal, TypeVar

from qal.text.normalisation.split_key import split_key

Split = Literal["train", "validation", "test"]
Item = TypeVar("Item")
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

# The conversion check needs 100 held-out rows; a quarter gives that many from 450 rows, variation included
TEST_SHARE = 0.25
VALIDATION_SHARE = 0.10
TRAIN_SHARE = 1 - TEST_SHARE - VALIDATION_SHARE

POSITION_BYTES = 8  # of the hash


def split_of(text: str, language: str, sha256: str) -> Split:
    """Returns the split of an utterance. The `sha256` of its audio is used only if the text has no words."""
    position = _hash_position(f"{language}\n{split_key(text) or sha256}")
    if position < TEST_SHARE:
        return "test"
    return "validation" if position < TEST_SHARE + VALIDATION_SHARE else "train"


def evenly_spaced(items: Sequence[Item], count: int | None) -> list[Item]:
    """Selects `count` items (None: all) at even distances over the whole sequence."""
    if count is None or len(items) <= count:
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def _hash_position(key: str) -> float:
    """Maps a key to a uniformly distributed number in [0, 1), the same on every machine."""
    digest = hashlib.sha256(key.encode()).digest()[:POSITION_BYTES]
    return int.from_bytes(digest, "big") / 256**POSITION_BYTES
