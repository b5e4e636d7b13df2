"""Splitting a corpus anew by speaker, sentence or recording, and leakage between training and test examples."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from qal.corpus.leakage import find_leakage, known_fingerprints
from qal.corpus.manifest import Origin, Row, read_corpus, write_corpus
from qal.corpus.quality.measures import QUALITY_FILE, AudioMeasures, append_measures
from qal.corpus.resplit import recording_of, resplit, split_by
from qal.corpus.split import SHARES, Split
from qal.corpus.split_units import row_sentence
from qal.errors import CorpusError

COMMANDS = ["on", "off", "up", "down", "left", "right", "stop", "go", "again"]


def row(
    number: int, text: str, speaker: str = "", duration_s: float = 1.0, source: str = "", split: Split = "train"
) -> Row:
    return Row(
        audio=f"{number:04}.wav",
        text=text,
        language="en",
        speaker=speaker,
        duration_s=duration_s,
        split=split,
        sha256=f"{number:064x}",
        source=source,
    )


def commands() -> list[Row]:
    return [row(9 * s + i, text, f"speaker {s}") for s in range(12) for i, text in enumerate(COMMANDS)]


def sides(rows: list[Row], splits: Sequence[str], key) -> dict[str, set]:
    found: dict[str, set] = {}
    for one, split in zip(rows, splits, strict=True):
        found.setdefault(split, set()).add(key(one))
    return found


def test_commands_of_twelve_speakers_are_split_by_speaker():
    rows = commands()
    splits = split_by(rows, "speaker")
    found = sides(rows, splits, lambda r: r.speaker)
    assert set(found) == {"train", "validation", "test"}
    assert not found["train"] & found["test"] | found["train"] & found["validation"]
    assert Counter(splits)["test"] == 27


def test_sentences_are_in_one_split_and_durations_in_all():
    rows = [row(i, f"sentence {i // 2}", duration_s=1 + i % 40) for i in range(400)]
    splits = split_by(rows, "text")
    found = sides(rows, splits, row_sentence)
    assert not found["train"] & found["test"]
    for split, share in SHARES.items():
        chosen = [r.duration_s for r, s in zip(rows, splits, strict=True) if s == split]
        assert len(chosen) == pytest.approx(share * len(rows), abs=3)
        assert sum(chosen) / len(chosen) == pytest.approx(20.5, abs=2)


def test_rows_cut_from_one_recording_stay_together():
    rows = [row(i, f"sentence {i}", source=f"talk {i // 10}.wav {i % 10}.5") for i in range(200)]
    splits = split_by(rows, "recording")
    found = sides(rows, splits, recording_of)
    assert set(found) == {"train", "validation", "test"}
    assert not found["train"] & found["test"]


@pytest.mark.parametrize(
    ("source", "recording"),
    [
        ("talk.wav 12.5", "talk.wav"),
        ("talk.wav, 0:01:02.5 – 0:01:05.0", "talk.wav"),
        ("talk.wav#t=3.2,5.1", "talk.wav"),
        ("talk 7.wav 12.5-14.0 s", "talk 7.wav"),
        ("captions", "0001.wav"),
        ("", "0001.wav"),
    ],
)
def test_recording_is_the_source_without_the_time(source: str, recording: str):
    assert recording_of(row(1, "a", source=source)) == recording


def test_same_rows_in_another_order_get_the_same_splits():
    rows = [row(i, f"sentence {i}", f"s{i % 7}", i % 9) for i in range(90)]
    for by in ("speaker", "text", "recording"):
        once = dict(zip([r.audio for r in rows], split_by(rows, by), strict=True))
        turned = dict(zip([r.audio for r in rows[::-1]], split_by(rows[::-1], by), strict=True))
        assert once == turned


@pytest.mark.parametrize(("by", "text"), [("speaker", "one speaker"), ("text", "one sentence")])
def test_one_speaker_or_sentence_is_an_error_that_names_another_way(by, text):
    with pytest.raises(CorpusError, match=f"{text}.*--by"):
        split_by([row(i, "the same", "anna") for i in range(20)], by)
    with pytest.raises(CorpusError, match="no speaker is named"):
        split_by([row(i, f"text {i}") for i in range(20)], "speaker")


def test_two_speakers_make_three_splits_and_a_note(tmp_path: Path):
    rows = [row(i, f"sentence {i}", "anna" if i % 2 else "bert") for i in range(40)]
    write_corpus(tmp_path, Origin(name="c"), rows)
    corpus = resplit(tmp_path, "speaker")
    assert all(corpus.info.utterances.values())
    assert corpus.info.split_by == "speaker"
    assert "With 2 speakers the splits are not of the usual sizes" in corpus.info.split_note
    assert read_corpus(tmp_path, 1) == corpus


def test_resplit_is_recorded_and_keeps_marks(tmp_path: Path):
    rows = [r.model_copy(update={"marks": ("noisy",)}) if i == 3 else r for i, r in enumerate(commands())]
    write_corpus(tmp_path, Origin(name="c", licence="CC0-1.0"), rows)
    corpus = resplit(tmp_path, "speaker")
    assert (corpus.info.split_by, corpus.info.licence, corpus.rows[3].marks) == ("speaker", "CC0-1.0", ("noisy",))
    assert "a sentence that is also trained on" in corpus.info.split_note


def test_leakage_counts_texts_audio_and_speakers():
    trained = [row(0, "Hello, world!", "Anna"), row(1, "other", "Bert")]
    tested = [row(2, "hello world", "anna "), row(1, "changed", "Cora"), row(3, "new", ""), row(4, "")]
    found = find_leakage(trained, tested)
    assert (found.text, found.audio, found.speakers, found.sound, found.tested) == (1, 1, 1, 0, 4)
    assert found.listed["text"] == ("0002.wav",)
    assert found.leaks
    assert "4 test examples" in found.describe()
    assert not find_leakage(trained, [row(9, "new")]).leaks
    assert "None of the 1 test examples" in find_leakage(trained, [row(9, "new")]).describe()


def test_leakage_finds_nearly_the_same_sounds_that_were_measured(tmp_path: Path):
    code, near = "ab" * 32, "ab" * 31 + "aa"
    trained, tested = [row(0, "a")], [row(1, "b"), row(2, "c")]
    corpus = write_corpus(tmp_path, Origin(name="c"), [*trained, *tested])
    codes = zip(corpus.rows, (code, near, "57" * 32), strict=True)
    append_measures(tmp_path / QUALITY_FILE, [AudioMeasures(sha256=r.sha256, fingerprint=c) for r, c in codes])
    found = find_leakage(trained, tested, known_fingerprints([corpus]))
    assert (found.sound, found.listed["sound"], found.sound_compared) == (1, ("0001.wav",), True)
    assert not find_leakage(trained, tested).sound_compared
