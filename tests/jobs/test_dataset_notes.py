"""Examples that a run leaves out are counted by one rule, and a dataset that is gone is named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from qal.corpus.left_out import describe_left_out
from qal.corpus.manifest import Corpus, Origin, Row, write_corpus
from qal.corpus.split import Split
from qal.errors import CorpusError, TrainingError
from qal.jobs.dataset_notes import left_out_of_run
from qal.jobs.example_selection import (
    held_out_examples,
    held_out_references,
    read_retention_corpora,
    require_examples,
    training_examples,
    usable_references,
)
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import create_run
from qal.jobs.skipped_audio import SkippedAudio, UnusableAudio, count_skipped, load_if_usable
from tests.sounds import sine, write_audio, write_float_audio


def row(name: str, split: Split, duration_s: float = 3, text: str = "words", translation: str = "") -> Row:
    return Row(
        audio=f"{name}.wav",
        text=text,
        language="en",
        duration_s=duration_s,
        split=split,
        sha256="",
        translation=translation,
    )


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """A corpus with two usable rows in each split, and others."""
    usable = [row(f"{split}{i}", split) for split in ("train", "validation", "test") for i in range(2)]
    others = [
        row("long", "train", 24.5),
        row("long2", "test", 24.5),
        row("short", "train", 0.1),
        row("short2", "test", 0.1),
        row("silent", "validation", text="..."),
        row("translated", "train", text="", translation="words"),
    ]
    return write_corpus(tmp_path / "corpus", Origin(name="mine"), [*usable, *others])


CONFIG = TrainingConfig(corpus="x")
TRANSLATING = TrainingConfig.model_validate({"corpus": "x", "targets": {"translate_share": 0.5}})
DISTILLING = TrainingConfig(corpus="x", method="distill")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (CONFIG, {"longer than 20 s": 2, "without text": 2, "shorter than 0.4 s": 1}),
        (TRANSLATING, {"longer than 20 s": 2, "without text": 1, "shorter than 0.4 s": 1}),
        (DISTILLING, {"longer than 20 s": 2, "shorter than 0.4 s": 1}),
    ],
)
def test_every_row_is_used_or_counted_as_left_out(corpus, config, expected):
    counts = left_out_of_run([corpus], config)
    assert counts == expected
    validation = [r for r in held_out_examples([corpus], config, ("validation",)) if r.row.duration_s >= 0.4]
    used = [*training_examples([corpus], config), *validation, *held_out_examples([corpus], config, ("test",))]
    assert len(used) + sum(counts.values()) == len(corpus.rows)


def test_text_beyond_the_decoder_is_counted(corpus, base_directory):
    from qal.engine.decoding import Tokenizer

    rows = [*corpus.rows, row("epic", "train", text="unverständlich " * 200), row("fine", "train", text="a " * 200)]
    counts = left_out_of_run([Corpus(corpus.folder, corpus.info, tuple(rows))], CONFIG, Tokenizer(base_directory))
    assert counts["with a text of 440 tokens or more"] == 1


def test_sentence_of_left_out_examples():
    assert describe_left_out({}) == ""
    assert describe_left_out({"without text": 1}) == "1 example left out: 1 without text"
    counts = {"longer than 20 s": 1200, "without text": 1}
    assert describe_left_out(counts) == "1,201 examples left out: 1,200 longer than 20 s, 1 without text"


def test_error_of_an_empty_split_says_what_was_left_out(tmp_path):
    rows = [row("a", "train", 24.5), row("b", "validation"), row("c", "test")]
    with pytest.raises(CorpusError, match=r"in split 'train' \(1 example left out: 1 longer than 20 s\); import more"):
        require_examples([write_corpus(tmp_path, Origin(name="x"), rows)], CONFIG)


def test_unusable_audio_is_counted_by_kind_and_old_lists_are_read(tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    write_audio(tmp_path / "silent.wav", np.zeros(16_000, np.float32))
    write_float_audio(tmp_path / "nan.wav", np.full(16_000, np.nan, np.float32))
    write_audio(tmp_path / "fine.wav", sine(440, 1))
    file = tmp_path / "skipped.jsonl"
    file.write_text(json.dumps({"audio": "old.wav", "reason": "old"}) + "\n")
    skipped = SkippedAudio(file, 4, max_share=1)
    for name in ("text", "silent", "nan", "fine"):
        audio = load_if_usable(tmp_path / f"{name}.wav", 1.0)
        skipped.add([audio] if isinstance(audio, UnusableAudio) else [])
    assert count_skipped(file) == {
        "with unreadable audio": 2,
        "with silent audio": 1,
        "with audio that is not numbers": 1,
    }


@pytest.mark.parametrize("what", ["folder", "manifest"])
def test_dataset_deleted_while_a_run_trains_is_named_at_its_end(corpus, tmp_path, what):
    run = create_run(CONFIG, tmp_path / "runs", "r")
    shutil.rmtree(corpus.folder) if what == "folder" else (corpus.folder / "manifest.jsonl").unlink()
    with pytest.raises(CorpusError, match=r"the dataset mine is gone: it was deleted or moved from .*put it back"):
        held_out_references(run, [corpus], CONFIG, ("test",), 5)
    config = TrainingConfig.model_validate({"corpus": "x", "retention": {"corpora": [str(corpus.folder)]}})
    with pytest.raises(CorpusError, match="the dataset corpus is gone"):
        read_retention_corpora(config)


def test_dataset_deleted_in_training_is_named_by_the_error_of_unusable_audio(corpus, tmp_path):
    run = create_run(CONFIG, tmp_path / "runs", "r")
    shutil.rmtree(corpus.folder)
    assert usable_references(run, training_examples([corpus], CONFIG), None) == []
    audio = load_if_usable(corpus.folder / "train0.wav")
    assert isinstance(audio, UnusableAudio)
    assert f"the folder {corpus.folder} is gone" in audio.reason
    with pytest.raises(TrainingError, match="the dataset is gone: there is no folder"):
        SkippedAudio(tmp_path / "s.jsonl", 2, max_share=0.05).add([audio])
