"""Word times on recordings with known times, and the alignment heads that they are computed from."""

from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.evaluation.scoring import SpokenReference, load_references
from qal.export.alignment_heads import choose_heads
from qal.export.from_ctranslate2 import cached_transformers
from qal.export.gate.word_times import (
    MIN_PIECES,
    JoinedRecording,
    TimeErrors,
    check_word_times,
    join_pieces,
    known_heads,
    mean_rise,
    read_heads,
    speech_bounds,
    word_time_errors,
    write_heads,
)
from tests.export.gate.spoiled_models import linked_copy, with_heads

WRONG_HEADS = [[0, 0], [0, 1], [1, 1]]  # heads of tiny.en that do not follow the audio


@pytest.fixture(scope="module")
def recordings(english_corpus: Corpus) -> list[JoinedRecording]:
    rows = [row for row in english_corpus.rows if row.duration_s < 2.5 and len(row.text.split()) == 1][:40]
    return join_pieces(load_references(english_corpus, rows))[:2]


def tone(before_s: float, tone_s: float, after_s: float) -> np.ndarray:
    quiet = [np.zeros(int(seconds * SAMPLE_RATE), np.float32) for seconds in (before_s, after_s)]
    loud = np.sin(np.arange(int(tone_s * SAMPLE_RATE)) * 0.3).astype(np.float32)
    return np.concatenate([quiet[0], loud, quiet[1]])


def test_speech_is_cut_at_its_bounds_and_joined_with_known_pauses():
    first, last = speech_bounds(tone(0.3, 0.5, 0.2))
    assert first / SAMPLE_RATE == pytest.approx(0.3, abs=0.011)
    assert last / SAMPLE_RATE == pytest.approx(0.8, abs=0.011)
    pieces = [SpokenReference(tone(0.1 * (i % 3), 0.5, 0.1), f"word{i}", "en") for i in range(MIN_PIECES)]
    (joined,) = join_pieces(pieces)
    for start_s, end_s in zip(joined.starts_s, joined.ends_s, strict=True):
        inside = joined.samples[int((start_s + 0.02) * SAMPLE_RATE) : int((end_s - 0.02) * SAMPLE_RATE)]
        before = joined.samples[int((start_s - 0.4) * SAMPLE_RATE) : int((start_s - 0.02) * SAMPLE_RATE)]
        assert np.abs(inside).max() > 0.9
        assert np.abs(before).max() == 0


def test_too_few_short_examples_make_no_recording():
    pieces = [SpokenReference(tone(0, 0.5, 0), "word", "en")] * (MIN_PIECES - 1)
    assert join_pieces(pieces) == []
    assert join_pieces([SpokenReference(tone(0, 5, 0), "word", "en")] * 50) == []
    assert join_pieces([]) == []


def test_rise_of_errors_has_an_interval():
    rise = mean_rise(TimeErrors(np.full(50, 0.5)), TimeErrors(np.full(50, 0.2)))
    assert rise == pytest.approx((0.3, 0.3, 0.3))


def test_wrong_alignment_heads_fail_and_those_of_the_stock_model_pass(recordings, tmp_path):
    source = resolve("tiny.en")
    spoiled = Engine(with_heads(source, tmp_path / "spoiled", WRONG_HEADS), "cpu", "int8")
    found = check_word_times(spoiled, None, recordings)
    assert found.state == "failed"
    assert "with the alignment heads of the stock model" in found.detail
    assert check_word_times(spoiled, source, recordings).state == "failed"
    assert check_word_times(Engine(source, "cpu", "int8"), None, recordings).state == "passed"
    assert check_word_times(spoiled, None, []).state == "not checked"


def test_known_heads_are_those_of_the_base_or_of_the_stock_model(base_directory: Path, tmp_path: Path):
    assert known_heads(base_directory, None) == read_heads(base_directory)
    changed = with_heads(base_directory, tmp_path / "changed", [[5, 0]])
    assert known_heads(base_directory, changed) == [(5, 0)]
    assert known_heads(base_directory, resolve("tiny.en")) == read_heads(base_directory)  # another shape


@pytest.mark.long
def test_recomputed_heads_place_words_better_than_wrong_ones(english_corpus, tmp_path):
    source = resolve("tiny.en")
    directory = with_heads(source, tmp_path / "spoiled", WRONG_HEADS)
    rows = [row for row in english_corpus.rows if row.duration_s < 2.5]
    recordings = join_pieces(load_references(english_corpus, rows))
    weights = cached_transformers(source, tmp_path / "cache")
    choice = choose_heads(weights, Engine(directory, "cpu", "int8"), recordings)
    assert choice.is_better
    assert choice.old == [tuple(head) for head in WRONG_HEADS]
    write_heads(directory, choice.new)
    assert read_heads(directory) == choice.new
    assert word_time_errors(Engine(directory, "cpu", "int8"), recordings).mean < choice.old_errors.mean
    assert read_heads(linked_copy(directory, tmp_path / "again")) == choice.new
