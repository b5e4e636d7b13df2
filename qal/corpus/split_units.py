"""Distributes rows over the splits in units that stay together: sentences, speakers, or speakers with their sentences.

A unit that has rows with a decided split follows them. The other units go where the hash of their name puts them. If
the splits are to be stratified, the hash decides among units of like duration (`qal.corpus.strata`)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from qal.corpus.manifest import Row
from qal.corpus.speakers import speaker_key
from qal.corpus.split import SPLITS, Split, hash_position, sentence_key, split_at
from qal.corpus.strata import balanced_by_duration, order_by_strata

SMALLEST_PART = 0.5  # of its share: the least that a split of a new corpus holds
MAX_TEST_SHARE = 0.4  # of the rows; speakers with more than that are too few to split by
MIN_TRAIN_SHARE = 0.5
MIN_NAMED_SHARE = 0.5  # of the rows, whose speaker must be known to split by speaker

Decided = Sequence[Split | None]  # one per row; None: not decided yet
Units = Mapping[str, list[int]]  # the rows of each unit, by its key
Sizes = Mapping[Split, int]  # rows


def row_sentence(row: Row) -> str:
    return sentence_key(row.text, row.language, row.sha256)


def by_sentence(
    rows: Sequence[Row], decided: Decided, shares: Mapping[Split, float], stratified: bool = False
) -> list[Split]:
    """Splits the rows so that a sentence is in one split only, with the splits of `shares`.

    No split stays empty as long as there are enough sentences. Decided rows keep their split. `stratified`: short and
    long sentences are in all splits alike."""
    keys = [row_sentence(row) for row in rows]
    units = rows_by_key(keys)
    splits: dict[str, Split | None] = {key: _decided_split(indices, decided, shares) for key, indices in units.items()}
    movable = [key for key, split in splits.items() if split is None]
    result: dict[str, Split] = {key: split or split_at(hash_position(key), shares) for key, split in splits.items()}
    if stratified and movable:
        sizes = {key: len(units[key]) for key in movable}
        result.update(balanced_by_duration(mean_durations(rows, units, movable), sizes, shares))
    any_decided = any(split in shares for split in decided)
    total = sum(decided[i] is None or decided[i] in shares for i in range(len(rows)))
    fill_small_splits(result, movable, units, least_sizes(shares, 0 if any_decided else total))
    return [decided[i] or result[key] for i, key in enumerate(keys)]


def by_speaker(
    rows: Sequence[Row], decided: Decided, shares: Mapping[Split, float], stratified: bool = False
) -> list[Split] | None:
    """Splits the rows so that no speaker of a test row is trained on, with the splits of `shares`.

    Rows without a speaker are trained on. Where the speakers suffice for the test split only, the validation split is
    taken by sentence. Sentences are kept together, too, where speakers and sentences allow both. `stratified`: speakers
    of short and of long utterances are in all splits alike, as far as their number allows.

    Returns:
        the splits; None if the speakers are unknown, too few, or too unequal."""
    speakers = speaker_names(rows)
    named = [speaker for speaker in speakers if speaker]
    if len(named) < MIN_NAMED_SHARE * len(rows) or len(set(named)) < 2:
        return None
    total = sum(split is None or split in shares for split in decided)
    for keys in (connected(rows, speakers), speakers):
        splits = _by_unit(keys, decided, shares, total, rows if stratified else None)
        sizes: Counter[Split] = Counter(split for split in splits if split in shares)
        if not _is_balanced(sizes, shares, total):
            continue
        if "validation" not in shares or sizes["validation"] >= SMALLEST_PART * shares["validation"] * total:
            return splits
        if "test" in shares:
            return _with_validation_by_sentence(rows, splits, decided, shares, stratified)
    return None


def follow_speakers(rows: Sequence[Row], decided: Decided, shares: Mapping[Split, float]) -> list[Split]:
    """Splits the rows that were added to a corpus: known speakers keep their split, new ones are distributed."""
    return _by_unit(speaker_names(rows), decided, shares, len(rows))


def _by_unit(
    keys: Sequence[str],
    decided: Decided,
    shares: Mapping[Split, float],
    total: int,
    stratified_rows: Sequence[Row] | None = None,
) -> list[Split]:
    """Splits the rows by the unit of each row ("": trained on).

    Args:
        keys: the unit of each row.
        decided: the split of each row that has one.
        shares: the splits.
        total: number of rows to distribute.
        stratified_rows: the rows, if units of all durations are to be in each split."""
    units = rows_by_key(keys)
    units.pop("", None)
    order: Mapping[str, float] = {key: hash_position(key) for key in units}
    if stratified_rows is not None:
        order = order_by_strata(mean_durations(stratified_rows, units, units))
    splits: dict[str, Split | None] = {k: _decided_split(rows, decided, shares) for k, rows in units.items()}
    sizes: Counter[Split] = Counter(split for split in decided if split is not None)
    for split in ("test", "validation"):
        if split in shares:
            target = shares[split] / sum(shares.values()) * total
            _add_units(split, target, sorted(units, key=order.__getitem__), units, splits, sizes)
    return [decided[i] or splits.get(key) or "train" for i, key in enumerate(keys)]


def _is_balanced(sizes: Sizes, shares: Mapping[Split, float], total: int) -> bool:
    """True if the training split and, where it is to be made, the test split have a fair size."""
    test_fits = SMALLEST_PART * shares.get("test", 0) * total <= sizes["test"] <= MAX_TEST_SHARE * total
    return test_fits and sizes["train"] >= MIN_TRAIN_SHARE * total


def _with_validation_by_sentence(
    rows: Sequence[Row], splits: Sequence[Split], decided: Decided, shares: Mapping[Split, float], stratified: bool
) -> list[Split]:
    still_open: list[Split | None] = [
        None if split == "train" and decided[i] is None else split for i, split in enumerate(splits)
    ]
    return by_sentence(rows, still_open, {split: shares[split] for split in ("validation", "train")}, stratified)


def _add_units(
    split: Split,
    target: float,
    ordered: Sequence[str],
    units: Units,
    splits: dict[str, Split | None],
    sizes: Counter[Split],
) -> None:
    """Gives open units to a split, in their order, where that brings its size closer to `target`."""
    for key in ordered:
        if splits[key] is None and abs(sizes[split] + len(units[key]) - target) < abs(sizes[split] - target):
            splits[key] = split
            sizes[split] += len(units[key])


def speaker_names(rows: Sequence[Row]) -> list[str]:
    """Returns the speaker of each row, in the first of the spellings of a name; "" if it is not known."""
    keys = [speaker_key(row.speaker) for row in rows]
    names: dict[str, str] = {"": ""}
    for key, name in sorted(zip(keys, (row.speaker for row in rows), strict=True)):
        names.setdefault(key, name)
    return [names[key] for key in keys]


def connected(rows: Sequence[Row], keys: Sequence[str]) -> list[str]:
    """Returns a unit for each row so that rows of the same key (a speaker or a recording) or sentence are together.

    A unit without a key is ""."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = key = parents[parents[key]]
        return key

    sentences = [f"sentence {row_sentence(row)}" for row in rows]
    for key, sentence in zip(keys, sentences, strict=True):
        if key:
            first, second = root(f"speaker {key}"), root(sentence)
            parents[max(first, second)] = min(first, second)
    return [root(key) if key in parents else "" for key in sentences]


def mean_durations(rows: Sequence[Row], units: Units, keys: Iterable[str]) -> dict[str, float]:
    """Returns the mean duration of the rows of each unit, in seconds."""
    return {key: sum(rows[i].duration_s for i in units[key]) / len(units[key]) for key in keys}


def rows_by_key(keys: Sequence[str]) -> dict[str, list[int]]:
    units: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        units[key].append(i)
    return units


def _decided_split(indices: Iterable[int], decided: Decided, shares: Mapping[Split, float]) -> Split | None:
    """The split of a unit's decided rows, as far as `shares` names it: train before the others, None without any."""
    found = {decided[i] for i in indices}
    return next((split for split in SPLITS if split in found and split in shares), None)


def least_sizes(shares: Mapping[Split, float], total: int) -> dict[Split, int]:
    """The least rows of each split: half of its share of `total`, at least one."""
    return {split: max(1, int(SMALLEST_PART * share / sum(shares.values()) * total)) for split, share in shares.items()}


def fill_small_splits(splits: dict[str, Split], movable: Sequence[str], units: Units, least: Sizes) -> None:
    """Moves units to splits that are too small, as long as the split that they leave stays large enough."""
    movable = sorted(movable, key=lambda key: (len(units[key]), hash_position(key)))
    sizes = Counter({split: sum(len(units[k]) for k, s in splits.items() if s == split) for split in SPLITS})
    for smallest in (least, dict.fromkeys(least, 1)):  # first to a fair size; where there is too little, to one row
        for split in smallest:
            for key in movable:
                if sizes[split] >= smallest[split]:
                    break
                if splits[key] != split and sizes[splits[key]] - len(units[key]) >= smallest.get(splits[key], 1):
                    sizes[splits[key]] -= len(units[key])
                    sizes[split] += len(units[key])
                    splits[key] = split
