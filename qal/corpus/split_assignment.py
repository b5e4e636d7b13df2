"""How the rows of a corpus are split: as its source gives it, else by speaker, else by sentence.

    given     a column or folders that name the split: kept. A missing validation or test split is taken from training
    speaker   where several speakers are named: no speaker of a test row is trained on
    text      otherwise: no sentence of a test row is trained on

Short and long rows are in all splits alike if the splits are stratified. A row that was in the corpus before keeps its
split, also when its text was corrected. Synthetic speech and texts of a
model are for training only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qal.corpus.machine_made import is_machine_made
from qal.corpus.manifest import Corpus, CorpusInfo, Row
from qal.corpus.speakers import speaker_key
from qal.corpus.split import SHARES, SPLITS, Split, SplitMethod
from qal.corpus.split_units import by_sentence, by_speaker, follow_speakers, row_sentence

DESCRIPTIONS: Mapping[SplitMethod, str] = {
    "given": "as the source gives it",
    "speaker": "by speaker: no speaker of a test example is trained on",
    "text": "by sentence: no sentence of a test example is trained on",
    "recording": "by recording: no recording that a test example was cut out of is trained on",
}


@dataclass(frozen=True)
class SplitAssignment:
    """The rows with their splits, how they were split, and what a user must know about it."""

    rows: list[Row]
    split_by: SplitMethod
    note: str = ""  # whole sentences; empty if there is nothing to say


def describe_split(info: CorpusInfo) -> str:
    """Returns how a corpus is split, with its note, in one line; "" if it is not recorded."""
    if info.split_by is None:
        return ""
    return " ".join(part for part in (f"{DESCRIPTIONS[info.split_by]}.", info.split_note) if part)


def assign_splits(
    rows: Sequence[Row],
    given: Mapping[str, Split] | None = None,
    earlier: Corpus | None = None,
    speakers_are_people: bool = True,
    stratified: bool = False,
) -> SplitAssignment:
    """Assigns the rows of a corpus to the splits. The same rows always get the same splits.

    Args:
        rows: the rows, whose own splits are ignored.
        given: the split that the source names, by the rows' audio paths.
        earlier: the corpus before the rows were added or imported again.
        speakers_are_people: False if the speakers of the source are chapters or characters.
        stratified: True if rows without a decided split are distributed so that durations are alike in all splits;
            False where published models and scores rely on the hash alone."""
    given = given or {}
    missing: list[Split] = [split for split in SPLITS if split not in given.values()]
    shares: dict[Split, float] = {split: share for split, share in SHARES.items() if split in {"train", *missing}}
    decided = _decided_splits(rows, given, missing, earlier)
    previous = earlier.info.split_by if earlier else None
    splits: list[Split] | None = None
    method: SplitMethod = "speaker"
    if previous == "speaker" and not given:
        splits = follow_speakers(rows, decided, shares)
    elif speakers_are_people and (earlier is None or given):
        splits = by_speaker(rows, decided, shares, stratified)
    if splits is None:
        splits, method = by_sentence(rows, decided, shares, stratified), "text"
    new_rows = [row.model_copy(update={"split": split}) for row, split in zip(rows, splits, strict=True)]
    taken: list[Split] = [split for split in missing if split != "train" and split in splits] if given else []
    notes = [*_taken_notes(taken, method), *overlap_notes(new_rows), *missing_notes(new_rows, bool(earlier))]
    return SplitAssignment(new_rows, "given" if given else previous or method, " ".join(notes))


def _decided_splits(
    rows: Sequence[Row], given: Mapping[str, Split], missing: Sequence[Split], earlier: Corpus | None
) -> list[Split | None]:
    """Returns the split of each row that is given or had one before; None for the others.

    A row that is given as "train" may be taken for a split that the source does not name."""
    by_path = {row.audio: row for row in earlier.rows} if earlier else {}
    by_audio = {row.sha256: row for row in earlier.rows} if earlier else {}
    held_out = [row for row in rows if given.get(row.audio, "train") != "train"]
    given_keys: dict[str, Split] = {row_sentence(row): given[row.audio] for row in held_out}
    may_keep: set[Split] = {"train", *missing}
    is_taken_from_train = bool(given) and {"validation", "test"} & set(missing)

    def decide(row: Row) -> Split | None:
        if is_machine_made(row):
            return "train"
        before = by_path.get(row.audio)
        if before is None or before.sha256 != row.sha256:  # a renamed recording, or a new one of the same name
            before = by_audio.get(row.sha256) or before
        split = given.get(row.audio)
        if split == "train" and is_taken_from_train:
            return before.split if before and before.split in may_keep else None
        if split is None and before:
            return before.split
        if split:
            return split
        return given_keys.get(row_sentence(row)) if given else None

    return [decide(row) for row in rows]


def _taken_notes(taken: Sequence[Split], method: SplitMethod) -> Iterator[str]:
    for split in taken:
        unit = "sentence" if method == "text" else "speaker"
        yield f"The source names no {split} split; it was taken from the training examples, by {unit}."


def overlap_notes(rows: Sequence[Row]) -> Iterator[str]:
    """Yields a sentence if sentences, and one if speakers, of test rows are trained on; a single speaker always is."""
    trained, tested = ([row for row in rows if row.split == split] for split in ("train", "test"))
    trained_sentences = {row_sentence(row) for row in trained}
    shared = sum(row_sentence(row) in trained_sentences for row in tested)
    if shared:
        yield f"{_examples(shared, len(tested))} a sentence that is also trained on."
    speakers = {row.audio: speaker_key(row.speaker) for row in rows}
    trained_speakers = {speakers[row.audio] for row in trained} - {""}
    heard = sum(speakers[row.audio] in trained_speakers for row in tested)
    if heard and len({*speakers.values()} - {""}) > 1:
        yield f"{_examples(heard, len(tested))} a speaker who is also trained on."
    if unnamed := sum(not speakers[row.audio] for row in trained if trained_speakers):
        yield f"Of {unnamed} training examples the speaker is not known."


def _examples(count: int, total: int) -> str:
    return f"{count} of {total} test examples {'has' if count == 1 else 'have'}"


def missing_notes(rows: Sequence[Row], is_earlier: bool) -> Iterator[str]:
    """Yields a sentence for the splits without rows, with what can be done."""
    missing = [split for split in SPLITS if all(row.split != split for row in rows)]
    if not missing:
        return
    names = " or ".join(missing)
    sentences = len({row_sentence(row) for row in rows})
    if sentences < len(SPLITS):
        plural = "sentence" if sentences == 1 else "different sentences"
        yield f"No example is for {names}, because there {_is(sentences)} only {sentences} {plural}; add more."
    elif is_earlier:
        yield f"No example is for {names}, because each keeps its earlier split; add examples or use a new --out."
    else:
        yield f"No example is for {names}, because the source gives its splits so; add examples to train on it."


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
