import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VAD_WINDOW
from qal.captions.segmenter import SampleBuffer, Segmenter, SpeechSegment
from tests.fakes import ScriptedVad, noise, vad_probabilities

OPTIONS = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
PROBABILITIES = vad_probabilities((5, 0), (6, 0.9), (9, 0), (1, 0.9), (7, 0), (4, 0.6), (3, 0.1), (8, 0.7))
SAMPLES = noise(len(PROBABILITIES) * VAD_WINDOW + 100)


def segment_stream(chunk: int) -> list[SpeechSegment]:
    vad, segmenter, segments = ScriptedVad(PROBABILITIES), Segmenter(OPTIONS), []
    for i in range(0, len(SAMPLES), chunk):
        samples = SAMPLES[i : i + chunk]
        segments += segmenter.feed(samples, vad.feed(samples))
    return segments + segmenter.flush()


@pytest.mark.parametrize("chunk", [1, 160, 512, 4096])
def test_segments_do_not_depend_on_chunk_size(chunk: int):
    at_once, in_chunks = segment_stream(len(SAMPLES)), segment_stream(chunk)
    assert [s.index for s in in_chunks] == [s.index for s in at_once] == [0, 2]
    for segment, expected in zip(in_chunks, at_once, strict=True):
        assert segment.start_sample == expected.start_sample
        assert (segment.start_s, segment.end_s) == (expected.start_s, expected.end_s)
        np.testing.assert_array_equal(segment.samples, expected.samples)


def test_segment_samples_match_their_position_in_the_stream():
    for segment in segment_stream(333):
        position = slice(segment.start_sample, segment.start_sample + len(segment.samples))
        np.testing.assert_array_equal(segment.samples, SAMPLES[position])


def test_last_segment_includes_the_last_samples_of_the_stream():
    last = segment_stream(160)[-1]
    assert last.start_sample + len(last.samples) == len(SAMPLES)


def test_open_segment_is_the_beginning_of_the_segment_that_ends():
    segmenter = Segmenter(OPTIONS)
    assert segmenter.open_segment() is None
    segmenter.feed(SAMPLES[: 8 * VAD_WINDOW], PROBABILITIES[:8])
    opened = segmenter.open_segment()
    assert opened
    assert segmenter.open_speech() == (0, 3 * VAD_WINDOW)
    (ended,) = segmenter.feed(SAMPLES[8 * VAD_WINDOW : 18 * VAD_WINDOW], PROBABILITIES[8:18])
    assert (ended.index, ended.start_sample) == (opened.index, opened.start_sample)
    np.testing.assert_array_equal(ended.samples[: len(opened.samples)], opened.samples)


def test_open_speech_below_the_minimum_duration_is_none():
    segmenter = Segmenter(OPTIONS)
    segmenter.feed(SAMPLES[: 6 * VAD_WINDOW], PROBABILITIES[:6])
    assert segmenter.is_open
    assert segmenter.open_speech() is None


def test_segmenter_copies_its_input_array():
    segmenter, packet = Segmenter(OPTIONS), np.full(VAD_WINDOW, 0.5, np.float32)
    for probability in vad_probabilities((4, 0.9)):
        segmenter.feed(packet, [probability])
    packet[:] = 0
    (segment,) = segmenter.flush()
    assert (segment.samples == 0.5).all()


def test_memory_stays_bounded_during_silence():
    max_buffer_samples = SAMPLE_RATE
    segmenter = Segmenter(OPTIONS)
    for _ in range(600):
        segmenter.feed(np.zeros(VAD_WINDOW, np.float32), [0.0])
    blocks = segmenter._buffer._blocks  # pyright: ignore[reportPrivateUsage]
    assert sum(len(block) for block in blocks) < max_buffer_samples


def test_sample_buffer_reads_the_samples_after_a_discard():
    buffer = SampleBuffer()
    for i in range(0, 1000, 100):
        buffer.append(SAMPLES[i : i + 100])
    buffer.discard_before(250)
    np.testing.assert_array_equal(buffer.read(250, 990), SAMPLES[250:990])
    assert buffer.end == 1000
