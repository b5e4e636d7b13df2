import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VAD_WINDOW
from qal.captions.segmenter import SampleBuffer, Segmenter, SpeechSegment
from tests.fakes import ScriptedVad, noise, windows

OPTIONS = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
SCRIPT = windows((5, 0), (6, 0.9), (9, 0), (1, 0.9), (7, 0), (4, 0.6), (3, 0.1), (8, 0.7))
SOUND = noise(len(SCRIPT) * VAD_WINDOW + 100)


def segments(chunk: int) -> list[SpeechSegment]:
    vad, segmenter, found = ScriptedVad(SCRIPT), Segmenter(OPTIONS), []
    for i in range(0, len(SOUND), chunk):
        samples = SOUND[i : i + chunk]
        found += segmenter.feed(samples, vad.feed(samples))
    return found + segmenter.flush()


@pytest.mark.parametrize("chunk", [1, 160, 512, 4096])
def test_segments_do_not_depend_on_chunk_size(chunk: int):
    whole, parts = segments(len(SOUND)), segments(chunk)
    assert [s.index for s in parts] == [s.index for s in whole] == [0, 2]
    for part, expected in zip(parts, whole, strict=True):
        assert part.start_sample == expected.start_sample
        assert (part.start_s, part.end_s) == (expected.start_s, expected.end_s)
        np.testing.assert_array_equal(part.samples, expected.samples)


def test_a_segment_holds_the_samples_of_its_place_in_the_stream():
    for segment in segments(333):
        place = slice(segment.start_sample, segment.start_sample + len(segment.samples))
        np.testing.assert_array_equal(segment.samples, SOUND[place])


def test_the_last_segment_holds_the_very_last_samples():
    last = segments(160)[-1]
    assert last.start_sample + len(last.samples) == len(SOUND)


def test_the_open_segment_grows_into_the_one_that_ends():
    segmenter = Segmenter(OPTIONS)
    assert segmenter.open_segment() is None
    segmenter.feed(SOUND[: 8 * VAD_WINDOW], SCRIPT[:8])
    opened = segmenter.open_segment()
    assert opened
    assert segmenter.open_speech_samples() == (0, 3 * VAD_WINDOW)
    (ended,) = segmenter.feed(SOUND[8 * VAD_WINDOW : 18 * VAD_WINDOW], SCRIPT[8:18])
    assert (ended.index, ended.start_sample) == (opened.index, opened.start_sample)
    np.testing.assert_array_equal(ended.samples[: len(opened.samples)], opened.samples)


def test_speech_too_short_to_be_sure_of_is_not_offered():
    segmenter = Segmenter(OPTIONS)
    segmenter.feed(SOUND[: 6 * VAD_WINDOW], SCRIPT[:6])
    assert segmenter.is_open
    assert segmenter.open_speech_samples() is None


def test_the_caller_may_use_its_array_again():
    segmenter, packet = Segmenter(OPTIONS), np.full(VAD_WINDOW, 0.5, np.float32)
    for probability in windows((4, 0.9)):
        segmenter.feed(packet, [probability])
    packet[:] = 0
    (segment,) = segmenter.flush()
    assert (segment.samples == 0.5).all()


def test_silence_takes_no_memory():
    buffer_limit = SAMPLE_RATE
    segmenter = Segmenter(OPTIONS)
    for _ in range(600):
        segmenter.feed(np.zeros(VAD_WINDOW, np.float32), [0.0])
    assert sum(len(part) for part in segmenter._buffer._parts) < buffer_limit  # pyright: ignore[reportPrivateUsage]


def test_a_buffer_reads_what_it_still_has():
    buffer = SampleBuffer()
    for i in range(0, 1000, 100):
        buffer.append(SOUND[i : i + 100])
    buffer.forget_before(250)
    np.testing.assert_array_equal(buffer.read(250, 990), SOUND[250:990])
    assert buffer.end == 1000
