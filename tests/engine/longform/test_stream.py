"""Transcription as a stream: settled sections in order, resume, and texts that depend on no other utterance."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Engine, Transcript, Utterance
from qal.engine.longform.options import LONGFORM_DECODING, LongformOptions
from qal.engine.longform.settled import Settled
from qal.engine.longform.stream import transcribe_stream
from qal.engine.longform.transcription import transcribe_file
from qal.engine.model_directory import ContextAbility
from tests.fakes import ScriptedEngine, transcript

STRATEGIES = ["packed", "overlap", "sequential"]


def options(strategy: str, **others: object) -> LongformOptions:
    return LongformOptions.model_validate({"strategy": strategy, **others})


def settled(samples: Samples, strategy: str, size: int = 80_000, start: int = 0) -> list[Settled]:
    blocks = (samples[first : first + size] for first in range(start, len(samples), size))
    return list(
        transcribe_stream(ScriptedEngine(), blocks, "ru", options=options(strategy), resume_at_s=start / SAMPLE_RATE)
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_settled_sections_are_in_order_of_time_and_cover_the_stream(long_speech: Samples, strategy: str):
    found = settled(long_speech, strategy)
    assert len(found) > 2
    assert [s.settled_s for s in found] == sorted(s.settled_s for s in found)
    assert found[-1].settled_s == pytest.approx(seconds(long_speech))
    segments = [segment for s in found for segment in s.segments]
    assert all(before.start_s < after.start_s for before, after in pairwise(segments))
    for before, after in pairwise(found):
        assert all(before.settled_s <= segment.start_s < after.settled_s for segment in after.segments)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_stream_gives_the_segments_of_the_whole_file_whatever_the_size_of_its_blocks(
    long_speech: Samples, strategy: str
):
    whole = transcribe_file(ScriptedEngine(), long_speech, "ru", options=options(strategy))
    for size in (16_000, 700_001):
        assert [segment for s in settled(long_speech, strategy, size) for segment in s.segments] == whole


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_resume_at_a_settled_time_gives_the_segments_of_a_transcription_without_a_stop(
    long_speech: Samples, strategy: str
):
    whole = settled(long_speech, strategy)
    stopped = whole[1].settled_s
    resumed = settled(long_speech, strategy, start=round(stopped * SAMPLE_RATE))
    assert [s.segments for s in [*whole[:2], *resumed]] == [s.segments for s in whole]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 16])
def test_segments_do_not_depend_on_batch_size_and_workers(long_speech: Samples, batch_size: int, workers: int):
    expected = transcribe_file(ScriptedEngine(), long_speech, "ru")
    engine = ScriptedEngine(workers=workers)
    assert transcribe_file(engine, long_speech, "ru", options=options("packed", batch_size=batch_size)) == expected


def test_text_of_the_first_section_comes_before_the_stream_is_read_to_its_end(long_speech: Samples):
    read_s = 0.0

    def blocks():
        nonlocal read_s
        for _ in range(20):
            for first in range(0, len(long_speech), SAMPLE_RATE):
                read_s += 1
                yield long_speech[first : first + SAMPLE_RATE]

    first = next(transcribe_stream(ScriptedEngine(), blocks(), "ru"))
    assert first.segments
    assert read_s < 200


def test_stream_that_is_closed_early_reads_no_further(long_speech: Samples):
    engine = ScriptedEngine()
    stream = transcribe_stream(engine, [long_speech] * 20, "ru")
    next(stream)
    stream.close()
    assert len(engine.utterances) < 2 * len(transcribe_file(ScriptedEngine(), long_speech, "ru"))


class LengthsEngine(ScriptedEngine):
    """Records the durations of the utterances of each call, rounded up to the grid."""

    def __init__(self):
        super().__init__(ability=ContextAbility(adaptive=True, margin_s=1, min_s=1))
        self.calls: list[list[float]] = []

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        self.calls.append([np.ceil(seconds(u.samples) / 2) for u in utterances])
        return [transcript("text", "ru") for _ in utterances]


def test_batches_hold_utterances_of_like_length(long_speech: Samples):
    engine = LengthsEngine()
    transcribe_file(engine, long_speech, "ru")
    assert all(len(set(lengths)) == 1 for lengths in engine.calls)


@pytest.fixture(scope="module")
def base(base_directory: Path) -> Engine:
    engine = Engine(base_directory, compute_type="float32", threads=1)
    return engine.with_context(ContextAbility(adaptive=True, margin_s=1, min_s=1))


def test_text_on_the_grid_does_not_depend_on_the_other_utterances_of_its_batch(base: Engine, long_speech: Samples):
    cuts = [long_speech[first : first + n] for first, n in ((0, 30_000), (90_000, 70_000), (200_000, 66_000))]
    utterances = [Utterance(cut, "ru", on_grid=True) for cut in cuts]
    decoding = GREEDY.model_copy(update={"max_tokens": 20})
    together = base.transcribe(utterances, decoding)
    alone = [base.transcribe([utterance], decoding)[0] for utterance in utterances]
    assert [t.tokens for t in together] == [t.tokens for t in alone]
    assert [t.context_frames for t in together] == [t.context_frames for t in alone] == [300, 700, 700]


def test_drawn_text_with_a_seed_is_the_same_every_time(base: Engine, long_speech: Samples):
    utterances = [Utterance(long_speech[first : first + 32_000], "ru") for first in (0, 40_000)]
    drawing = LONGFORM_DECODING.model_copy(update={"temperature": 1.0, "seed": 7, "max_tokens": 12})
    first = [t.tokens for t in base.transcribe(utterances, drawing)]
    assert [t.tokens for t in base.transcribe(utterances[::-1], drawing)] == first[::-1]


def test_files_are_transcribed_with_a_seed():
    assert LONGFORM_DECODING.seed is not None
