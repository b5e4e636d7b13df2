"""The speed of models: clips, configurations, percentiles, processes, tables and the timeline of a file."""

import csv
import io
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import FULL_CONTEXT, Transcript, Utterance
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.regions import find_merged_regions
from qal.errors import EvaluationError, ModelError, OptionError
from qal.evaluation.speed.clips import Clip, clips_of_corpus, clips_of_sound, read_clips, write_clips
from qal.evaluation.speed.configurations import ALL_TYPES, Axes, configurations
from qal.evaluation.speed.files import read_speed, write_speed
from qal.evaluation.speed.measure import duration_figures, full_batches
from qal.evaluation.speed.process import KILLED, measure_in_process
from qal.evaluation.speed.records import Configuration, DurationFigures, Measurement, SpeedReport, percentile
from qal.evaluation.speed.report import speed_report
from qal.evaluation.speed.table import REAL_TIME_LINE, speed_csv, speed_table
from qal.evaluation.speed.timeline import Call, Place, place_of, stretches_of, timed_file
from tests.fakes import ScriptedEngine, noise, transcript
from tests.model_folders import model_directory
from tests.sounds import tones_corpus

RNG = np.random.default_rng


def clips(count: int, *durations_s: float) -> list[Clip]:
    return [Clip(noise(int(s * SAMPLE_RATE)), "en", s) for s in durations_s for _ in range(count)]


def measurement(name: str, rtf: float, problem: str = "", **settings: Any) -> Measurement:
    figures = DurationFigures(
        duration_s=10, calls=4, clips=4, wall_s=40 * rtf, p50_s=10 * rtf, p95_s=None, p99_s=None, max_s=11 * rtf
    )
    return Measurement(
        configuration=Configuration(model=name, compute_type="int8", **settings),
        durations=[] if problem else [figures],
        problem=problem,
    )


def report(*measurements: Measurement) -> SpeedReport:
    hardware: dict[str, str | int | float | None] = {"cpu": "fake", "cores": 2}
    return SpeedReport(sound="voices", clips=4, hardware=hardware, measurements=list(measurements))


@dataclass
class BusyEngine(ScriptedEngine):
    """Records how many calls run at the same time."""

    running: int = 0
    most_running: int = 0
    batches: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        with self.lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.batches.append(len(utterances))
        time.sleep(0.05)
        with self.lock:
            self.running -= 1
        return [transcript("some words were said here") for _ in utterances]


def test_clips_of_a_corpus_have_exact_durations_and_its_language(tmp_path: Path):
    corpus = tones_corpus(tmp_path / "tones", 6)
    found = clips_of_corpus(corpus, [0.2, 1.7, 30], 3, RNG(0))
    assert [len(clip.samples) / SAMPLE_RATE for clip in found] == [0.2] * 3 + [1.7] * 3 + [30] * 3
    assert {clip.language for clip in found} == {"en"}
    again = clips_of_corpus(corpus, [0.2, 1.7, 30], 3, RNG(0))
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(found, again, strict=True))


def test_clips_of_a_recording_are_cut_and_a_short_one_is_repeated():
    sound = noise(5 * SAMPLE_RATE)
    short, long = clips_of_sound(sound, [2, 12], 1, RNG(0))
    assert [len(short.samples), len(long.samples)] == [2 * SAMPLE_RATE, 12 * SAMPLE_RATE]
    assert np.array_equal(long.samples[: len(sound)], long.samples[len(sound) : 2 * len(sound)])
    with pytest.raises(OptionError, match="up to 30 s"):
        clips_of_sound(sound, [31], 1, RNG(0))


def test_clips_are_read_back(tmp_path: Path):
    written = [Clip(noise(800), "am", 0.05), Clip(noise(1600), None, 0.1)]
    write_clips(tmp_path / "clips.npz", written)
    for a, b in zip(written, read_clips(tmp_path / "clips.npz"), strict=True):
        assert (a.language, a.duration_s) == (b.language, b.duration_s)
        assert np.array_equal(a.samples, b.samples)


def test_configurations_combine_all_settings_in_each_way():
    axes = Axes(["a", "b"], beams=[1, 5], compute_types=["int8", "float32"], batches=[8], parallel=[2])
    found = configurations(axes, "cpu")
    assert len(found) == len(set(found)) == 2 * 2 * 2 * 3
    assert [c.way for c in found[:3]] == ["one by one", "batched", "parallel"]
    assert {c.batch_size * c.workers for c in found} == {1, 8, 2}


def test_all_precisions_are_those_that_ctranslate2_computes():
    found = configurations(Axes(["a"], compute_types=["auto", ALL_TYPES], batches=[]), "cpu")
    assert sorted(c.compute_type for c in found) == sorted(ctranslate2.get_supported_compute_types("cpu"))
    with pytest.raises(ModelError, match="does not run on cpu"):
        configurations(Axes(["a"], compute_types=["int3"]), "cpu")


def test_calls_at_the_same_time_share_the_threads(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("qal.evaluation.speed.configurations.usable_cores", lambda: 8)
    found = configurations(Axes(["a"], batches=[], parallel=[4, 16]), "cpu")
    assert [(c.workers, c.threads) for c in found] == [(1, 0), (4, 2), (16, 1)]
    given = configurations(Axes(["a"], threads=[3], batches=[], parallel=[4]), "cpu")
    assert [(c.workers, c.threads) for c in given] == [(1, 3), (4, 3)]


@pytest.mark.parametrize("axes", [{"batches": [0]}, {"parallel": [0]}, {"beams": [0]}, {"threads": [-1]}])
def test_impossible_settings_are_refused(axes: dict):
    with pytest.raises(OptionError, match="too small"):
        configurations(Axes(["a"], **axes), "cpu")


def test_percentiles_need_enough_calls():
    assert percentile([1.0, 3.0], 0.5) == 2.0
    assert percentile([1.0] * 19, 0.95) is None
    assert percentile([1.0] * 20, 0.95) == 1.0
    assert percentile([1.0] * 99, 0.99) is None
    assert percentile([1.0] * 100, 0.99) == 1.0


def test_one_by_one_batched_and_parallel_calls_are_what_they_say():
    some = clips(5, 0.1, 0.2)
    cases: list[tuple[dict[str, Any], set[int], int]] = [
        ({}, {1}, 1),
        ({"batch_size": 2}, {2}, 1),
        ({"workers": 3}, {1}, 3),
    ]
    for settings, batches, at_once in cases:
        engine = BusyEngine()
        found = duration_figures(engine, some, Configuration(model="a", **settings))
        assert set(engine.batches) == batches
        assert (engine.most_running > 1) == (at_once > 1)
        assert engine.most_running <= at_once
        assert [row.duration_s for row in found] == [0.1, 0.2]
        assert {row.clips for row in found} == {4 if batches == {2} else 5}


def test_progress_counts_the_audio_of_all_measured_calls():
    done: list[float] = []
    duration_figures(BusyEngine(), clips(3, 0.1, 0.2), Configuration(model="a"), done.append)
    assert sum(done) == pytest.approx(0.9)


def test_a_smaller_last_batch_is_left_out_unless_it_is_the_only_one():
    three = clips(3, 0.1)
    assert list(map(len, full_batches(three, 2))) == [2]
    assert list(map(len, full_batches(three, 8))) == [3]


def test_real_time_factor_and_throughput_are_reciprocal():
    found = measurement("a", rtf=0.25)
    assert found.rtf == pytest.approx(0.25)
    assert found.minutes_per_minute == pytest.approx(4)


def test_table_has_the_fastest_first_and_the_real_time_line_between():
    text = speed_table(report(measurement("slow", 2.0), measurement("fast", 0.1), measurement("gone", 0, "no memory")))
    lines = text.splitlines()
    places = [next(i for i, line in enumerate(lines) if word in line) for word in ("fast", REAL_TIME_LINE, "slow")]
    assert places == sorted(places)
    assert "gone int8: no memory" in text


def test_csv_has_a_line_for_each_duration_and_each_failure():
    rows = list(csv.DictReader(io.StringIO(speed_csv(report(measurement("a", 0.5), measurement("b", 0, "broken"))))))
    assert [(row["model"], row["duration_s"], row["rtf"], row["problem"]) for row in rows] == [
        ("a", "10.0", "0.5", ""),
        ("b", "", "", "broken"),
    ]


def test_report_is_read_back(tmp_path: Path):
    written = report(measurement("a", 0.5, beam_size=5))
    write_speed(tmp_path / "out", written)
    assert read_speed(tmp_path / "out") == written
    with pytest.raises(EvaluationError, match="measure the speed again"):
        read_speed(tmp_path)


def test_report_measures_each_configuration_until_it_is_stopped(tmp_path: Path):
    answers = iter([False, False, True])
    seen: list[tuple[str, float, float]] = []

    def fake(configuration: Configuration, directory: Path, clips_file: Path, done) -> Measurement:
        assert len(read_clips(clips_file)) == 2
        assert directory == tmp_path
        done(0.2)
        return measurement(configuration.model, 0.5)

    chosen = [Configuration(model=name, compute_type="int8", device="cpu") for name in "abc"]
    found = speed_report(
        chosen,
        dict.fromkeys("abc", tmp_path),
        clips(1, 0.1, 0.1),
        "voices",
        progress=lambda *event: seen.append(event),
        should_stop=lambda: next(answers),
        measure=fake,
    )
    assert [m.configuration.model for m in found.measurements] == ["a", "b"]
    assert [done for _, done, _ in seen] == pytest.approx([0, 0.2, 0.2, 0.4])
    assert [total for _, _, total in seen] == pytest.approx([0.6] * 4)


def test_an_error_in_the_process_becomes_a_sentence(tmp_path: Path):
    write_clips(tmp_path / "clips.npz", clips(1, 0.1))
    broken = model_directory(tmp_path / "broken")
    found = measure_in_process(Configuration(model="broken", device="cpu"), broken, tmp_path / "clips.npz")
    assert "broken" in found.problem
    assert found.minutes_per_minute == 0


def test_a_killed_process_is_reported_and_not_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    killer = tmp_path / "killer.py"
    killer.write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr("qal.evaluation.speed.process.MODULE", "killer")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert measure_in_process(Configuration(model="a"), tmp_path, tmp_path / "clips.npz").problem == KILLED


def test_place_of_a_view_is_found_and_a_copy_is_refused():
    whole = noise(1000)
    assert place_of(whole[100:300][50:], whole) == Place(150, 300)
    with pytest.raises(ValueError, match="a copy"):
        place_of(whole[100:300].copy(), whole)


def test_stretches_hold_their_parts_and_share_the_time_of_a_batch_by_duration():
    second = SAMPLE_RATE
    a, b = Place(0, 3 * second), Place(4 * second, 5 * second)
    half = Place(0, second)
    first, last = stretches_of([Call(0, 4, (a, b)), Call(4, 6, (half,))])
    assert (first.start_s, first.end_s, first.seconds, first.calls, first.began_s, first.ended_s) == (0, 3, 5, 2, 0, 6)
    assert (last.start_s, last.end_s, last.seconds, last.calls) == (4, 5, 1, 1)


def test_utterances_of_a_long_file_are_views_so_that_the_timeline_knows_their_places(english_corpus):
    from qal.audio.decode import decode

    rows = [row for row in english_corpus.rows if 2 < row.duration_s < 4][:4]
    pieces = [decode(english_corpus.audio_path(row)) for row in rows]
    pause = np.zeros(3 * SAMPLE_RATE, np.float32)
    samples = np.concatenate([part for piece in pieces for part in (piece, pause)])
    engine = ScriptedEngine(ability=FULL_CONTEXT)
    options = LongformOptions(batch_size=2)
    timeline = timed_file(engine, samples, "fake", "talk.wav", options=options)
    regions = find_merged_regions(samples, 28.0, options)
    assert [(s.start_s, s.end_s) for s in timeline.stretches] == [
        (region.start / SAMPLE_RATE, region.end / SAMPLE_RATE) for region in regions
    ]
    assert timeline.duration_s == len(samples) / SAMPLE_RATE
    assert sum(s.seconds for s in timeline.stretches) <= timeline.wall_s
