"""Sections of a stream: each sample once, whatever the size of the blocks; cut in pauses; independent of each other."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW
from qal.engine.longform.regions import group_regions
from qal.engine.longform.sample_buffer import SampleBuffer
from qal.engine.longform.sections import SECTION_S, Section, stream_sections
from tests.fakes import noise

GATE = GateOptions(max_segment_s=15, post_roll_ms=96)


def blocks_of(samples: Samples, size: int) -> list[Samples]:
    return [samples[first : first + size] for first in range(0, len(samples), size)]


def places(sections: list[Section]) -> list[tuple[object, ...]]:
    return [(section.start, section.end, section.regions) for section in sections]


@pytest.mark.parametrize("size", [1_000, 80_000, 1_234_567])
def test_sections_do_not_depend_on_the_size_of_the_blocks(long_speech: Samples, size: int):
    whole = list(stream_sections([long_speech], GATE))
    sections = list(stream_sections(blocks_of(long_speech, size), GATE))
    assert places(sections) == places(whole)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(sections, whole, strict=True))


def test_sections_hold_each_sample_once_and_end_in_pauses(long_speech: Samples):
    sections = list(stream_sections([long_speech], GATE))
    assert len(sections) > 2
    assert np.array_equal(np.concatenate([section.samples for section in sections]), long_speech)
    assert all(before.end == after.start for before, after in pairwise(sections))
    assert all(SECTION_S <= (s.end - s.start) / SAMPLE_RATE < SECTION_S + 20 for s in sections[:-1])
    assert all(s.regions[-1].speech_end * VAD_WINDOW < s.end - s.start for s in sections[:-1])


def test_sections_after_a_settled_time_are_those_of_the_whole_stream(long_speech: Samples):
    first, *others = stream_sections([long_speech], GATE)
    assert places(list(stream_sections([long_speech[first.end :]], GATE, first.end))) == places(others)


def test_sections_of_speech_without_a_pause_end_where_the_gate_cuts(long_speech: Samples):
    spoken = [
        section.samples[region.speech_start * VAD_WINDOW : region.speech_end * VAD_WINDOW]
        for section in stream_sections([long_speech], GATE)
        for region in section.regions
    ]
    without_pauses = np.concatenate(spoken)
    never = GATE.model_copy(update={"end_threshold": 0.0})
    sections = list(stream_sections([without_pauses], never))
    assert len(sections) > 1
    assert all((s.end - s.start) / SAMPLE_RATE < 2 * SECTION_S + 20 for s in sections)


def test_sections_of_silence_are_bounded_and_have_no_regions():
    sections = list(stream_sections(blocks_of(0.01 * noise(200 * SAMPLE_RATE), 50_000), GATE))
    assert len(sections) == 4
    assert not any(section.regions for section in sections)


def test_samples_that_are_not_finite_count_as_zero(long_speech: Samples):
    damaged = long_speech[: 20 * SAMPLE_RATE].copy()
    damaged[5000:5003] = (np.nan, np.inf, -np.inf)
    as_zero = damaged.copy()
    as_zero[5000:5003] = 0
    assert places(list(stream_sections([damaged], GATE))) == places(list(stream_sections([as_zero], GATE)))


def test_stream_without_samples_has_no_sections():
    assert list(stream_sections([], GATE)) == []
    assert list(stream_sections([np.zeros(0, np.float32)], GATE)) == []


def test_buffer_returns_views_of_a_block_and_joins_blocks():
    buffer = SampleBuffer(start=100)
    first, second = noise(50), noise(50, seed=1)
    buffer.append(first)
    buffer.append(second)
    assert np.shares_memory(buffer.cut(110, 120), first)
    assert np.array_equal(buffer.cut(140, 160), np.concatenate([first[40:], second[:10]]))
    buffer.drop_before(130)
    assert np.array_equal(buffer.cut(130, 200), np.concatenate([first[30:], second]))
    with pytest.raises(ValueError, match="not in the buffer"):
        buffer.cut(129, 140)


@pytest.mark.parametrize("cuts_pauses", [False, True])
def test_sections_end_where_a_stretch_is_full(long_speech: Samples, cuts_pauses: bool):
    group = partial(group_regions, target_s=28, max_pause_s=2, cuts_pauses=cuts_pauses)
    sections = list(stream_sections([long_speech], GATE, group=group))
    assert np.array_equal(np.concatenate([section.samples for section in sections]), long_speech)
    following = [section.regions[0] for section in sections[1:]]
    for section, region in zip(sections[:-1], following, strict=True):
        offset = (section.end - section.start) // VAD_WINDOW
        moved = replace(
            region,
            start=offset + region.start,
            speech_start=offset + region.speech_start,
            speech_end=offset + region.speech_end,
            end=offset + region.end,
        )
        *_, last = group([*section.regions, moved])
        assert len(last) == 1
