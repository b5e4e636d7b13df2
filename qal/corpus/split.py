"""The splits of a corpus (train, validation, test), and where the hash of a sentence puts it.

The hash depends neither on chance nor on order: every way to write a sentence has the same position. How the rows of a
corpus are split, by it or otherwise, stands in `split_assignment`."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from qal.text.normalisation.split_key import split_key

Split = Literal["train", "validation", "test"]
SplitMethod = Literal["given", "speaker", "text", "recording"]
Item = TypeVar("Item")
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

# The conversion check needs 100 held-out rows; a quarter gives that many from 450 rows, variation included
TEST_SHARE = 0.25
VALIDATION_SHARE = 0.10
TRAIN_SHARE = 1 - TEST_SHARE - VALIDATION_SHARE
SHARES: Mapping[Split, float] = {"test": TEST_SHARE, "validation": VALIDATION_SHARE, "train": TRAIN_SHARE}

POSITION_BYTES = 8  # of the hash
SPELLINGS: Mapping[Split, tuple[str, ...]] = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "validate", "valid", "val", "dev", "devel", "development"),
    "test": ("test", "testing", "tst"),
}
EVALUATION_SPELLINGS = ("eval", "evaluation")  # the test set of some, the validation set of others
AFFIXES = re.compile(
    r"^\d+[-_. ]+|^cv-valid-|(?<=[a-z])[-_. ]?(?:set|data|split|part)$"
)  # as in `01_train_data`, `testset`, `cv-valid-dev`
VARIANT = re.compile(r"[-_.](?:clean|other|\d+).*")  # as in `train-clean-100`


def split_of(text: str, language: str, sha256: str) -> Split:
    """Returns the split of an utterance by its hash. The `sha256` of its audio counts only if its text has no words."""
    return split_at(hash_position(sentence_key(text, language, sha256)), SHARES)


def sentence_key(text: str, language: str, sha256: str) -> str:
    """Returns the key that all ways to write a sentence have in common; that of the audio if there are no words."""
    return f"{language}\n{split_key(text) or sha256}"


def split_at(position: float, shares: Mapping[Split, float]) -> Split:
    """Returns the split at a position, 0 to 1, for the shares of the splits, which are scaled to a sum of 1."""
    upper, total = 0.0, sum(shares.values())
    for split in ("test", "validation"):
        upper += shares.get(split, 0) / total
        if position < upper and split in shares:
            return split
    return "train"


def parse_split(name: str) -> Split | Literal["evaluation"] | None:
    """Returns the split that a name stands for in any usual spelling ("evaluation" for eval), None for other names."""
    word = AFFIXES.sub("", VARIANT.sub("", AFFIXES.sub("", name.strip().casefold())))
    if word in EVALUATION_SPELLINGS:
        return "evaluation"
    return next((split for split, spellings in SPELLINGS.items() if word in spellings), None)


def evenly_spaced(items: Sequence[Item], count: int | None) -> list[Item]:
    """Selects `count` items (None: all) at even distances over the whole sequence."""
    if count is None or len(items) <= count:
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def hash_position(key: str) -> float:
    """Maps a key to a uniformly distributed number in [0, 1), the same on every machine."""
    digest = hashlib.sha256(key.encode()).digest()[:POSITION_BYTES]
    return int.from_bytes(digest, "big") / 256**POSITION_BYTES
