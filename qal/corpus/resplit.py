"""Splits an existing corpus anew: by speaker, by sentence, or by the recording that rows were cut out of.

The units are sorted by duration and dealt out so that short and long examples are in all splits alike. The hash of a
unit's name decides among units of like duration, so that the same rows always get the same splits."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from qal.corpus.lock import corpus_lock
from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.corpus.split import SHARES, SPLITS, Split, hash_position
from qal.corpus.split_assignment import missing_notes, overlap_notes
from qal.corpus.split_units import (
    MAX_TEST_SHARE,
    MIN_TRAIN_SHARE,
    SMALLEST_PART,
    by_sentence,
    connected,
    fill_small_splits,
    least_sizes,
    row_sentence,
    rows_by_key,
    speaker_names,
)
from qal.corpus.versions.history import write_version
from qal.errors import CorpusError
from qal.storage import storage_errors

SplitBy = Literal["speaker", "text", "recording"]

STRATA = 10  # groups of units of like duration
PIECE_TIME = re.compile(r"[\s,;#@:(\[]+(?:t=)?\d[\d.:,\s–s\-)\]]*$")  # as in "talk.wav 12.5-14.0", "talk.wav#t=3.2"
UNIT_NAMES: Mapping[SplitBy, tuple[str, str]] = {
    "speaker": ("speaker", "speakers"),
    "text": ("sentence", "different sentences"),
    "recording": ("recording", "recordings"),
}


def resplit(folder: Path, by: SplitBy) -> Corpus:
    """Splits all rows of a corpus anew and records it in corpus.json.

    Raises:
        CorpusError: the corpus is invalid, or all of its rows are of one speaker, sentence or recording.
        StorageError: the folder cannot be written to."""
    with storage_errors(f"the dataset {folder}"), corpus_lock(folder):
        corpus = read_corpus(folder, max_missing_share=1)
        splits = split_by(corpus.rows, by)
        rows = [row.model_copy(update={"split": split}) for row, split in zip(corpus.rows, splits, strict=True)]
        note = " ".join([*_size_notes(rows, by), *overlap_notes(rows), *missing_notes(rows, is_earlier=False)])
        origin = corpus.info.model_copy(update={"split_by": by, "split_note": note})
        return write_version(folder, origin, rows, f"split by {by}", corpus)


def split_by(rows: Sequence[Row], by: SplitBy) -> list[Split]:
    """Returns the split of each row. No unit is in two splits; sentences are kept together, too, where units allow it.

    Raises CorpusError if there are fewer than two units."""
    keys = _keys(rows, by)
    units = len({*keys} - {""})
    if units < 2:
        other = "text" if by != "text" else "speaker"
        one, _ = UNIT_NAMES[by]
        found = f"all examples are of one {one}" if units else f"no {one} is named"
        raise CorpusError(f"{found}, so the dataset cannot be split by {by}; use --by {other}, or add examples")
    splits = _dealt(rows, connected(rows, keys) if by != "text" else keys)
    if not _is_balanced(splits):
        splits = _dealt(rows, keys)
    if units == 2 and "validation" not in splits:  # two speakers: one is tested, the other trained on
        shares: Mapping[Split, float] = {split: SHARES[split] for split in ("validation", "train")}
        return by_sentence(rows, [None if split == "train" else split for split in splits], shares)
    return splits


def recording_of(row: Row) -> str:
    """Returns the recording that a row was cut out of; its own audio if it is a whole recording."""
    recording = PIECE_TIME.sub("", row.source)
    return recording if recording and recording != row.source else row.audio


def _keys(rows: Sequence[Row], by: SplitBy) -> list[str]:
    if by == "speaker":
        return speaker_names(rows)
    return [row_sentence(row) if by == "text" else recording_of(row) for row in rows]


def _dealt(rows: Sequence[Row], keys: Sequence[str]) -> list[Split]:
    """Deals units out to the splits, so that each has its share of the rows and of every range of durations.

    Rows without a key are trained on."""
    units = rows_by_key(keys)
    unnamed = len(units.pop("", []))
    mean_s = {key: float(np.mean([rows[i].duration_s for i in indices])) for key, indices in units.items()}
    by_duration = sorted(units, key=lambda key: (mean_s[key], hash_position(key)))
    strata = np.array_split(np.array(by_duration, dtype=object), min(STRATA, len(units)))
    sizes: Counter[Split] = Counter({"train": unnamed})
    splits: dict[str, Split] = {}
    for stratum in strata:
        for key in sorted(stratum, key=hash_position):
            splits[key] = _neediest(sizes, len(units[key]))
            sizes[splits[key]] += len(units[key])
    fill_small_splits(splits, list(units), units, least_sizes(SHARES, len(rows)))
    return [splits.get(key, "train") for key in keys]


def _neediest(sizes: Mapping[Split, int], added: int) -> Split:
    """Returns the split that lacks most of its share if `added` more rows are dealt out; train among equals."""
    total = sum(sizes.values()) + added
    return max(SPLITS, key=lambda split: SHARES[split] * total - sizes.get(split, 0))


def _is_balanced(splits: Sequence[Split]) -> bool:
    sizes, total = Counter(splits), len(splits)
    return (
        SMALLEST_PART * SHARES["test"] * total <= sizes["test"] <= MAX_TEST_SHARE * total
        and sizes["train"] >= MIN_TRAIN_SHARE * total
        and sizes["validation"] > 0
    )


def _size_notes(rows: Sequence[Row], by: SplitBy) -> list[str]:
    """Returns a sentence where the units are too few or too unequal for splits of the usual sizes."""
    splits: list[Split] = [row.split for row in rows]
    if _is_balanced(splits):
        return []
    sizes = Counter(splits)
    units = len({*_keys(rows, by)} - {""})
    counts = ", ".join(f"{sizes[split]} for {split}" for split in SPLITS)
    return [f"With {units} {UNIT_NAMES[by][1]} the splits are not of the usual sizes: {counts}."]
