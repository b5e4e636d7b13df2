"""How rows are split: as given, by speaker or by sentence; rows of an earlier import keep their split."""

import hashlib
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from qal.corpus.manifest import Corpus, CorpusInfo, Row
from qal.corpus.split import SPLITS, TEST_SHARE, Split, split_of
from qal.corpus.split_assignment import SplitAssignment, assign_splits, describe_split


def row(name: str, text: str, speaker: str = "", split: Split = "train") -> Row:
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return Row(
        audio=f"audio/{name}.wav",
        text=text,
        language="en",
        speaker=speaker,
        duration_s=1.0,
        split=split,
        sha256=sha256,
    )


def sentences(count: int, speaker: str = "", first: int = 0) -> list[Row]:
    return [row(f"{speaker}{i}", f"sentence number {i} {speaker}", speaker) for i in range(first, first + count)]


def commands(speakers: int, texts: int = 9) -> list[Row]:
    """Makes rows of the same few sentences by every speaker."""
    return [row(f"{s}-{i}", f"command {i}", f"speaker {s}") for s in range(speakers) for i in range(texts)]


def corpus_of(assignment: SplitAssignment) -> Corpus:
    info = CorpusInfo(
        name="x",
        languages=("en",),
        utterances={},
        duration_s=1,
        version="",
        split_by=assignment.split_by,
        split_note=assignment.note,
    )
    return Corpus(Path("x"), info, tuple(assignment.rows))


def counts(assignment: SplitAssignment) -> dict[str, int]:
    return {split: sum(r.split == split for r in assignment.rows) for split in SPLITS}


def splits(rows: list[Row]) -> dict[str, str]:
    return {r.audio: r.split for r in rows}


def speakers_in(assignment: SplitAssignment, split: str) -> set[str]:
    return {r.speaker for r in assignment.rows if r.split == split}


@pytest.mark.parametrize("count", [3, 4, 10, 20, 50, 100])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("stratified", [False, True])
def test_small_corpus_has_three_splits_with_most_rows_in_train(count, seed, stratified):
    rows = [row(f"{seed}-{i}", f"phrase {seed * 1000 + i}") for i in range(count)]
    found = counts(assign_splits(rows, stratified=stratified))
    assert all(found.values())
    assert found["train"] >= count / 3
    assert found["test"] >= count // 8


def test_large_corpus_is_split_by_the_hash_of_its_sentences():
    rows = sentences(1000)
    assigned = assign_splits(rows)
    assert all(r.split == split_of(r.text, "en", r.sha256) for r in assigned.rows)
    assert (assigned.split_by, assigned.note) == ("text", "")


@pytest.mark.parametrize("rows", [sentences(60), commands(12), [*sentences(30, "anna"), *sentences(9, "ben")]])
def test_splits_do_not_depend_on_the_order_of_rows(rows):
    shuffled = random.Random(1).sample(rows, len(rows))
    assert splits(assign_splits(rows).rows) == splits(assign_splits(shuffled).rows)


@pytest.mark.parametrize("text", ["a wholly different text", "Sentence number 9.", ""])
def test_corrected_text_keeps_its_split_in_a_later_import(text):
    earlier = corpus_of(assign_splits(sentences(40)))
    for i in range(40):
        corrected = sentences(40)
        corrected[i] = corrected[i].model_copy(update={"text": text})
        assert splits(assign_splits(corrected, earlier=earlier).rows) == splits(list(earlier.rows))


def test_renamed_recording_keeps_its_split():
    earlier = corpus_of(assign_splits(sentences(40)))
    renamed = [r.model_copy(update={"audio": f"audio/new-{i}.wav", "text": "?"}) for i, r in enumerate(earlier.rows)]
    assert [r.split for r in assign_splits(renamed, earlier=earlier).rows] == [r.split for r in earlier.rows]


def test_recordings_that_exchanged_their_names_keep_their_splits():
    earlier = corpus_of(assign_splits(sentences(40)))
    names = [r.audio for r in earlier.rows]
    renamed = [
        r.model_copy(update={"audio": name}) for r, name in zip(earlier.rows, [*names[7:], *names[:7]], strict=True)
    ]
    assert [r.split for r in assign_splits(renamed, earlier=earlier).rows] == [r.split for r in earlier.rows]


@pytest.mark.parametrize("rows", [sentences(200), commands(20), sentences(12)])
def test_growing_corpus_keeps_the_splits_of_all_rows(rows):
    earlier = corpus_of(assign_splits(rows[: len(rows) // 2]))
    grown = assign_splits(rows, earlier=earlier)
    assert splits(grown.rows).items() >= splits(list(earlier.rows)).items()
    assert grown.split_by == earlier.info.split_by


def test_new_row_joins_the_split_of_its_sentence():
    earlier = corpus_of(assign_splits(sentences(40)))
    corrected = [r.model_copy(update={"text": f"corrected {r.text}"}) for r in earlier.rows]
    again = [r.model_copy(update={"audio": f"{r.audio}2", "sha256": f"{i}"}) for i, r in enumerate(corrected)]
    grown = splits(assign_splits([*corrected, *again], earlier=earlier).rows)
    assert all(grown[f"{r.audio}2"] == grown[r.audio] for r in corrected)


def test_new_rows_of_a_test_speaker_are_never_trained_on():
    earlier = corpus_of(assign_splits(commands(12)))
    assert earlier.info.split_by == "speaker"
    more = [row(f"more-{s}-{i}", f"new {i}", f"speaker {s}") for s in range(15) for i in range(5)]
    grown = assign_splits([*earlier.rows, *more], earlier=earlier)
    assert not speakers_in(grown, "train") & speakers_in(grown, "test")
    assert {f"speaker {s}" for s in (12, 13, 14)} <= {r.speaker for r in grown.rows}


def test_many_speakers_of_few_sentences_are_split_by_speaker():
    assigned = assign_splits(commands(12))
    assert assigned.split_by == "speaker"
    assert counts(assigned) == {"train": 72, "validation": 9, "test": 27}
    assert not speakers_in(assigned, "test") & (speakers_in(assigned, "train") | speakers_in(assigned, "validation"))
    assert "27 of 27 test examples have a sentence that is also trained on" in assigned.note


def test_neither_sentences_nor_speakers_of_the_test_are_trained_on_where_both_can_be():
    rows = [r for s in range(20) for r in sentences(5, f"speaker {s}")]
    rows += [row("shared-1", "hello", "speaker 3"), row("shared-2", "Hello!", "speaker 4")]
    assigned = assign_splits(rows)
    assert (assigned.split_by, assigned.note) == ("speaker", "")
    assert all(counts(assigned).values())
    assert len({r.split for r in assigned.rows if r.speaker in ("speaker 3", "speaker 4")}) == 1


def test_two_speakers_leave_one_for_the_test_and_validate_by_sentence():
    assigned = assign_splits([*sentences(70, "anna"), *sentences(30, "ben")])
    assert assigned.split_by == "speaker"
    assert speakers_in(assigned, "test") == {"ben"}
    assert speakers_in(assigned, "validation") == speakers_in(assigned, "train") == {"anna"}
    assert counts(assigned)["validation"] >= 5


@pytest.mark.parametrize(
    "rows",
    [
        [*sentences(50, "anna"), *sentences(50, "ben")],
        [*sentences(97, "anna"), *sentences(2, "ben"), *sentences(1, "eve")],
        [*sentences(10, "anna"), *sentences(10, "ben"), *sentences(80)],
    ],
    ids=["two of the same size", "one dominant", "mostly unknown"],
)
def test_too_few_or_too_unequal_speakers_are_split_by_sentence_and_it_is_said(rows):
    assigned = assign_splits(rows)
    assert assigned.split_by == "text"
    assert all(counts(assigned).values())
    assert "a speaker who is also trained on" in assigned.note


def test_rows_without_a_speaker_are_trained_on_and_counted():
    assigned = assign_splits([*(r for s in range(8) for r in sentences(10, f"speaker {s}")), *sentences(20)])
    assert assigned.split_by == "speaker"
    assert {r.split for r in assigned.rows if not r.speaker} == {"train"}
    assert "Of 20 training examples the speaker is not known." in assigned.note


def test_given_splits_are_kept_although_speakers_and_sentences_overlap():
    rows = commands(6, texts=4)
    given: dict[str, Split] = {r.audio: SPLITS[i % 3] for i, r in enumerate(rows)}
    assigned = assign_splits(rows, given)
    assert splits(assigned.rows) == given
    assert assigned.split_by == "given"
    assert "a sentence that is also trained on" in assigned.note


@pytest.mark.parametrize("missing", ["validation", "test"])
@pytest.mark.parametrize("rows", [sentences(40), commands(12)])
def test_missing_given_split_is_taken_from_the_training_rows(rows, missing):
    named: Split = "test" if missing == "validation" else "validation"
    given: dict[str, Split] = {r.audio: named if i % 4 == 0 else "train" for i, r in enumerate(rows)}
    assigned = assign_splits(rows, given)
    assert all(counts(assigned).values())
    assert all(given[audio] in (split, "train") for audio, split in splits(assigned.rows).items())
    assert {audio for audio, split in splits(assigned.rows).items() if split == named} == {
        audio for audio, split in given.items() if split == named
    }
    assert f"names no {missing} split" in assigned.note


def test_row_taken_from_given_training_rows_keeps_its_split_when_it_is_corrected():
    given: dict[str, Split] = {r.audio: "test" if i % 4 == 0 else "train" for i, r in enumerate(sentences(60))}
    earlier = corpus_of(assign_splits(sentences(60), given))
    corrected = [r.model_copy(update={"text": f"corrected {r.text}"}) for r in earlier.rows]
    assert splits(assign_splits(corrected, given, earlier).rows) == splits(list(earlier.rows))


def test_source_of_test_rows_alone_says_that_it_cannot_be_trained_on():
    rows = sentences(20)
    assigned = assign_splits(rows, dict.fromkeys((r.audio for r in rows), "test"))
    assert counts(assigned) == {"train": 0, "validation": 0, "test": 20}
    assert "No example is for train or validation" in assigned.note


@pytest.mark.parametrize("texts", [["one"], ["one", "two"], ["one"] * 9])
def test_split_that_must_stay_empty_is_explained(texts):
    assigned = assign_splits([row(str(i), text) for i, text in enumerate(texts)])
    assert not all(counts(assigned).values())
    assert "No example is for" in assigned.note


def skewed(count: int, seed: int, speakers: int = 0) -> list[Row]:
    """Makes rows of which most last a second or two, and a few almost half a minute."""
    rng = np.random.default_rng(seed)
    durations_s = np.minimum(29, rng.lognormal(0.5, 1.1, count)).round(2)
    names = [f"speaker {i % speakers}" if speakers else "" for i in range(count)]
    rows = [row(f"{seed}-{i}", f"phrase {seed * 10_000 + i}", name) for i, name in enumerate(names)]
    return [r.model_copy(update={"duration_s": float(d)}) for r, d in zip(rows, durations_s, strict=True)]


def rank_difference(rows: list[Row]) -> float:
    """Returns how far the quartiles of the test durations are from those of training, as ranks from 0 to 1."""
    trained, tested = (np.array([r.duration_s for r in rows if r.split == split]) for split in ("train", "test"))
    quartiles = np.quantile(tested, [0.25, 0.5, 0.75])
    return max(abs(float((trained <= q).mean()) - p) for q, p in zip(quartiles, (0.25, 0.5, 0.75), strict=True))


@pytest.mark.parametrize(("count", "limit"), [(100, 0.15), (300, 0.1), (2000, 0.06)])
@pytest.mark.parametrize("seed", range(8))
def test_durations_of_test_and_training_are_alike_although_they_are_skewed(count, limit, seed):
    rows = skewed(count, seed)
    assigned = assign_splits(rows, stratified=True)
    assert rank_difference(assigned.rows) < limit
    longest = sorted(assigned.rows, key=lambda r: r.duration_s)[-count // 5 :]
    found = sum(r.split == "test" for r in longest) / len(longest)
    assert 0.5 * TEST_SHARE < found < 1.5 * TEST_SHARE


@pytest.mark.parametrize("seed", range(4))
def test_speakers_of_short_and_of_long_utterances_are_tested_alike(seed):
    rows = [r.model_copy(update={"duration_s": 1.0 + int(r.speaker.split()[1]) // 10}) for r in skewed(400, seed, 40)]
    assigned = assign_splits(rows, stratified=True)
    assert assigned.split_by == "speaker"
    assert not speakers_in(assigned, "test") & speakers_in(assigned, "train")
    tested = Counter(r.duration_s for r in assigned.rows if r.split == "test")
    assert set(tested) == {1, 2, 3, 4}
    assert max(tested.values()) <= 2 * min(tested.values())


@pytest.mark.parametrize("rows", [skewed(60, 1), skewed(400, 2), skewed(400, 3, 40)], ids=["few", "many", "speakers"])
def test_stratified_rows_do_not_move_when_rows_are_added_or_a_text_is_corrected(rows):
    earlier = corpus_of(assign_splits(rows[: len(rows) // 2], stratified=True))
    corrected = [r.model_copy(update={"text": f"corrected {r.text}"}) for r in rows[:9]]
    grown = assign_splits([*corrected, *rows[9:]], earlier=earlier, stratified=True)
    assert splits(grown.rows).items() >= splits(list(earlier.rows)).items()
    assert splits(assign_splits(grown.rows[::-1], earlier=corpus_of(grown), stratified=True).rows) == splits(grown.rows)


def test_stratified_split_of_many_sentences_is_almost_that_of_their_hashes():
    rows = skewed(4000, 5)
    moved = [r for r in assign_splits(rows, stratified=True).rows if r.split != split_of(r.text, "en", r.sha256)]
    assert len(moved) < 0.02 * len(rows)


@pytest.mark.parametrize("rows", [sentences(60), commands(12), skewed(60, 1), skewed(200, 2, 20)])
def test_stratified_splits_do_not_depend_on_the_order_of_rows(rows):
    shuffled = random.Random(1).sample(rows, len(rows))
    assert splits(assign_splits(rows, stratified=True).rows) == splits(assign_splits(shuffled, stratified=True).rows)


def test_description_of_a_split_is_one_line_and_empty_if_not_recorded():
    info = corpus_of(assign_splits(commands(12))).info
    assert describe_split(info).startswith("by speaker: no speaker of a test example is trained on. 27 of 27")
    assert describe_split(info.model_copy(update={"split_by": None})) == ""
