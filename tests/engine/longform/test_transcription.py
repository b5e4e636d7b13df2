"""Transcription of files: regions of speech, progress, language detection, and `qal transcribe`."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.gate import Region
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.audio.vad import VAD_WINDOW
from qal.corpus.manifest import Corpus, Row
from qal.engine.engine import Engine
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.regions import MergedRegion, find_merged_regions, group_regions
from qal.engine.longform.transcription import transcribe_file
from qal.text.normalisation.basic import normalise_basic
from tests.fakes import ListeningEngine, ScriptedEngine, noise, transcript


def region(start: int, end: int) -> Region:
    return Region(0, start, start, end, end, peak_probability=0.9)


def concatenate(corpus: Corpus, rows: list[Row], pause_s: float) -> Samples:
    pause = 0.001 * noise(int(pause_s * SAMPLE_RATE))
    return np.concatenate([samples for row in rows for samples in (pause, decode(corpus.audio_path(row)))] + [pause])


def short_rows(corpus: Corpus, count: int) -> list[Row]:
    return [row for row in corpus.select("train") if 2 < row.duration_s < 5 and len(row.text.split()) > 3][:count]


@pytest.fixture(scope="module")
def russian_prompts(russian_corpus: Corpus) -> Samples:
    return concatenate(russian_corpus, short_rows(russian_corpus, 6), pause_s=1.0)


def test_regions_are_grouped_up_to_the_target_and_not_across_long_pauses():
    second = SAMPLE_RATE / VAD_WINDOW
    spans = [(0, 4), (5, 9), (10, 14), (15, 16), (30, 31)]
    regions = [region(round(a * second), round(b * second)) for a, b in spans]
    assert [len(group) for group in group_regions(regions, target_s=15, max_pause_s=2)] == [3, 1, 1]
    assert [len(group) for group in group_regions(regions, target_s=28, max_pause_s=2)] == [4, 1]
    assert [len(group) for group in group_regions(regions, target_s=28, max_pause_s=0.5)] == [1] * 5
    assert group_regions([], target_s=15, max_pause_s=2) == []


def test_pauses_that_are_left_out_do_not_count_for_the_length_of_a_group():
    second = SAMPLE_RATE / VAD_WINDOW
    regions = [region(round(a * second), round(b * second)) for a, b in [(0, 4), (5, 9), (10, 14)]]
    assert len(group_regions(regions, target_s=12.1, max_pause_s=2)) == 2
    assert len(group_regions(regions, target_s=12.1, max_pause_s=2, cuts_pauses=True)) == 1


def test_times_in_a_region_without_its_pauses_are_those_of_the_file():
    samples = np.arange(20 * SAMPLE_RATE, dtype=np.float32)
    pieces = tuple((a * SAMPLE_RATE, b * SAMPLE_RATE) for a, b in [(2, 5), (7, 8), (10, 14)])
    merged = MergedRegion(pieces[0][0], pieces[-1][1], pieces[0][0], pieces[-1][1], 0.99, pieces)
    cut = merged.cut(samples)
    assert seconds(cut) == 8
    for time_s in (0.0, 1.5, 3.0, 3.9, 4.0, 7.5):
        assert merged.file_time_s(time_s) * SAMPLE_RATE == cut[round(time_s * SAMPLE_RATE)]
    assert [merged.file_time_s(time_s, is_end=True) for time_s in (3.0, 4.0, 8.0)] == [5.0, 8.0, 14.0]


@pytest.mark.parametrize("target_s", [3.0, 8.0, 28.0])
def test_merged_regions_are_in_order_and_no_longer_than_the_target(russian_prompts: Samples, target_s: float):
    regions = find_merged_regions(russian_prompts, target_s, LongformOptions())
    assert all(s.start <= s.speech_start < s.speech_end <= s.end for s in regions)
    assert all(s.end - s.start <= target_s * SAMPLE_RATE for s in regions)
    assert all(before.end <= after.start for before, after in pairwise(regions))


def test_reported_progress_adds_up_to_the_whole_file(russian_prompts: Samples):
    done: list[float] = []
    options = LongformOptions(target_s=4, batch_size=2)
    transcribe_file(ScriptedEngine(), russian_prompts, options=options, progress=done.append)
    assert len(done) > 3
    assert sum(done) == pytest.approx(seconds(russian_prompts))


def test_regions_are_read_by_as_many_calls_at_once_as_the_engine_computes(russian_prompts: Samples):
    options = LongformOptions(target_s=4)
    alone = transcribe_file(ScriptedEngine(), russian_prompts, "ru", options=options)
    done: list[float] = []
    segments = transcribe_file(ScriptedEngine(workers=3), russian_prompts, "ru", options=options, progress=done.append)
    assert segments == alone
    assert len(done) >= 3


def test_language_of_a_file_is_held_for_all_its_regions(russian_prompts: Samples):
    engine = ScriptedEngine(detected_language="ru")
    segments = transcribe_file(engine, russian_prompts, options=LongformOptions(target_s=4))
    assert [u.detection.held for u in engine.utterances] == [None] + ["ru"] * len(segments)


def test_chosen_language_of_a_file_is_not_detected(russian_prompts: Samples):
    engine = ScriptedEngine(detected_language="ru")
    transcribe_file(engine, russian_prompts, "am", options=LongformOptions(target_s=4))
    assert {u.language for u in engine.utterances} == {"am"}


def test_languages_option_of_a_file_restricts_the_detection(russian_prompts: Samples):
    engine = ScriptedEngine(detected_language="ru")
    transcribe_file(engine, russian_prompts, options=LongformOptions(target_s=4, languages=("ru", "en")))
    assert {u.detection.among for u in engine.utterances} == {("ru", "en")}


def test_regions_that_follow_each_other_in_another_language_are_read_in_it(russian_prompts: Samples):
    options = LongformOptions(target_s=4, batch_size=1, cut_pauses=False)
    regions = find_merged_regions(russian_prompts, 4, options)
    assert len(regions) > 4
    english = regions[-2:]
    engine = ListeningEngine(spoken=["ru", *["en" if region in english else "ru" for region in regions]])
    segments = transcribe_file(engine, russian_prompts, options=options)
    assert [s.language for s in segments] == ["ru"] * (len(regions) - 2) + ["en"] * 2


def test_single_region_that_is_perhaps_in_another_language_is_in_that_of_the_file(russian_prompts: Samples):
    options = LongformOptions(target_s=4, batch_size=1, cut_pauses=False)
    regions = find_merged_regions(russian_prompts, 4, options)
    engine = ListeningEngine(spoken=["ru", *["en" if region == regions[2] else "ru" for region in regions]])
    assert {s.language for s in transcribe_file(engine, russian_prompts, options=options)} == {"ru"}


def test_region_that_was_read_in_halves_gives_a_segment_for_each_half(russian_prompts: Samples):
    (region, *_) = find_merged_regions(russian_prompts, 15, LongformOptions())
    cut = replace(transcript("Long"), is_cut=True, tokens=tuple(range(224)))
    halves = [transcript("First half."), transcript("Second half.")]
    engine = ScriptedEngine(script=[cut, *halves])
    options = LongformOptions(target_s=15, batch_size=1, cut_pauses=False)
    samples = russian_prompts[: region.end]
    first, second = transcribe_file(engine, samples, "ru", options=options)
    assert (first.text, second.text) == ("First half.", "Second half.")
    assert first.start_s == pytest.approx(region.speech_start / SAMPLE_RATE)
    assert second.end_s == pytest.approx(region.speech_end / SAMPLE_RATE)
    assert first.end_s == second.start_s
    assert first.end_s - region.start / SAMPLE_RATE == pytest.approx(seconds(engine.utterances[1].samples))


def test_segments_are_in_the_order_of_the_file(russian_prompts: Samples):
    options = LongformOptions(target_s=4, batch_size=2)
    segments = transcribe_file(ScriptedEngine(), russian_prompts, "ru", options=options)
    assert len(segments) > 3
    assert all(before.end_s <= after.start_s for before, after in pairwise(segments))
    assert segments[-1].end_s <= seconds(russian_prompts)


def test_hallucinations_are_dropped(russian_prompts: Samples):
    hallucination = transcript("Продолжение следует...", "ru", avg_logprob=-1.4, no_speech_prob=0.9)
    engine = ScriptedEngine(script=[hallucination])
    segments = transcribe_file(engine, russian_prompts, "ru", options=LongformOptions(target_s=4))
    assert len(segments) == len(engine.utterances) - 1
    assert hallucination.text not in [s.text for s in segments]


NO_SPEECH = [np.zeros(0, np.float32), np.zeros(40 * SAMPLE_RATE, np.float32), noise(10 * SAMPLE_RATE)]


@pytest.mark.parametrize("samples", NO_SPEECH)
def test_file_without_speech_gives_no_segments_and_calls_no_engine(samples: Samples):
    engine = ScriptedEngine()
    assert transcribe_file(engine, samples) == []
    assert engine.utterances == []


@pytest.fixture(scope="module")
def base(base_directory: Path) -> Engine:
    return Engine(base_directory)


@pytest.mark.timeout(300)
def test_prompts_with_pauses_are_transcribed_correctly(base: Engine, english_corpus: Corpus):
    rows = short_rows(english_corpus, 10)
    segments = transcribe_file(base, concatenate(english_corpus, rows, pause_s=1.2))
    reference = normalise_basic(" ".join(row.text for row in rows))
    assert jiwer.wer(reference, normalise_basic(" ".join(s.text for s in segments))) < 0.15
    assert {s.language for s in segments} == {"en"}
    assert len(segments) < len(rows)  # they were merged


@pytest.mark.timeout(300)
def test_transcribe_command_writes_one_file_per_recording(english_corpus: Corpus, base_directory: Path, tmp_path: Path):
    files = [str(english_corpus.audio_path(row)) for row in short_rows(english_corpus, 2)]
    command = [
        sys.executable,
        "-m",
        "qal",
        "transcribe",
        str(base_directory),
        *files,
        "--language",
        "en",
        "--format",
        "json",
    ]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    assert "real-time factor" in done.stderr
    assert "int8" in done.stderr
    for path in files:
        assert json.loads((tmp_path / f"{Path(path).stem}.json").read_text())["segments"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["base"], "give a file or a folder"),
        (["base", "a.wav", "--beam-size", "99"], "should be at most 16, not 99"),
        (["base", "a.wav", "b.wav", "--format", "srt"], "give --out DIR"),
        (["base", "a.wav", "--threads", "-1"], "threads: should be at least 0"),
        (["base-adaptive", "a.wav", "--language", ""], "no language ''"),
        (["no-such-model", "a.wav"], "there is no model 'no-such-model'"),
    ],
)
def test_invalid_transcribe_command_line_gives_one_sentence(arguments: list[str], sentence: str):
    done = subprocess.run([sys.executable, "-m", "qal", "transcribe", *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
