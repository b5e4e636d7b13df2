from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from qal.audio.gate import Gate, GateOptions, Region
from qal.audio.vad import VAD_WINDOW_MS
from tests.fakes import vad_probabilities

# In windows: pre-roll 2, post-roll 1, minimum speech 2, hang-over 4.
OPTIONS = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)


def regions(probabilities: list[float], options: GateOptions = OPTIONS) -> list[Region]:
    gate = Gate(options)
    return gate.feed(probabilities) + gate.flush()


def test_region_is_speech_with_pre_roll_and_post_roll():
    assert regions(vad_probabilities((5, 0), (6, 0.9), (9, 0))) == [
        Region(index=0, start=3, speech_start=5, speech_end=11, end=12, peak_probability=0.9)
    ]


def test_pre_roll_ends_at_stream_start_and_at_previous_region():
    options = OPTIONS.model_copy(update={"pre_roll_ms": 320})
    first, second = regions(vad_probabilities((1, 0), (3, 0.9), (4, 0), (3, 0.9), (4, 0)), options)
    assert first.start == 0
    assert second.start == first.end


def test_hysteresis_keeps_the_state_between_the_thresholds():
    assert regions(vad_probabilities((20, 0.4))) == []
    (region,) = regions(vad_probabilities((3, 0.9), (20, 0.4), (6, 0)))
    assert region.speech_end == 23


def test_silence_shorter_than_hang_over_does_not_end_a_region():
    (region,) = regions(vad_probabilities((3, 0.9), (3, 0), (3, 0.9), (6, 0)))
    assert (region.speech_start, region.speech_end) == (0, 9)
    assert len(regions(vad_probabilities((3, 0.9), (4, 0), (3, 0.9), (6, 0)))) == 2


def test_speech_below_min_speech_is_ignored_but_counts_in_the_index():
    (region,) = regions(vad_probabilities((1, 0.9), (6, 0), (2, 0.9), (6, 0)))
    assert (region.index, region.speech_start) == (1, 7)


def test_flush_ends_the_open_region():
    gate = Gate(OPTIONS)
    assert gate.feed(vad_probabilities((5, 0.9))) == []
    assert gate.open_region == Region(index=0, start=0, speech_start=0, speech_end=5, end=5, peak_probability=0.9)
    assert gate.flush() == [Region(index=0, start=0, speech_start=0, speech_end=5, end=5, peak_probability=0.9)]
    assert gate.open_region is None


def test_forced_cut_is_at_the_quietest_window_and_loses_no_speech():
    options = OPTIONS.model_copy(update={"max_segment_s": 2.0})  # 62 windows
    # the first dip lies in the first half, where no cut is made
    speech = vad_probabilities((20, 0.95), (1, 0.5), (25, 0.95), (1, 0.6), (30, 0.95), (4, 0))
    first, second = regions(speech, options)
    assert first.end == second.start == first.speech_end == second.speech_start == 46
    assert second.speech_end == 77


@pytest.mark.parametrize("seed", range(20))
def test_regions_are_ordered_disjoint_and_below_max_segment(seed: int):
    options = OPTIONS.model_copy(update={"max_segment_s": 3.0})
    probabilities = np.random.default_rng(seed).beta(0.4, 0.3, 3000).tolist()
    found_regions = regions(probabilities, options)
    assert found_regions
    for region in found_regions:
        assert region.start <= region.speech_start < region.speech_end <= region.end
        assert (region.end - region.start) * VAD_WINDOW_MS <= 1000 * options.max_segment_s
    for previous, following in pairwise(found_regions):
        assert previous.end <= following.start
        assert previous.index < following.index


@pytest.mark.parametrize("seed", range(5))
def test_windows_above_start_threshold_lie_in_a_region(seed: int):
    options = OPTIONS.model_copy(update={"min_speech_ms": 0, "max_segment_s": 2.0})
    probabilities = np.random.default_rng(seed).beta(0.4, 0.3, 3000)
    covered = np.zeros(len(probabilities), bool)
    for region in regions(probabilities.tolist(), options):
        covered[region.speech_start : region.speech_end] = True
    assert covered[probabilities >= options.start_threshold].all()


def test_longest_allowed_pre_roll_still_permits_forced_cuts():
    options = GateOptions(pre_roll_ms=1000, min_speech_ms=0, max_segment_s=2)
    found_regions = regions(vad_probabilities((40, 0), (200, 0.9)), options)
    assert sum(region.speech_windows for region in found_regions) == 200


def test_windows_before_first_needed_window_are_never_needed_again():
    gate, needed = Gate(OPTIONS), [0]
    for probability in np.random.default_rng(3).beta(0.4, 0.3, 2000):
        assert all(region.start >= needed[-1] for region in gate.feed([probability]))
        assert gate.first_needed_window >= needed[-1]
        needed.append(gate.first_needed_window)


@pytest.mark.parametrize(
    "options",
    [
        {"end_threshold": 0.8},
        {"post_roll_ms": 500},
        {"max_segment_s": 29},
        {"max_segment_s": 2, "pre_roll_ms": 1000},
        {"hang_over": 3},
    ],
)
def test_contradictory_gate_options_are_refused(options: dict):
    with pytest.raises(ValidationError):
        GateOptions(**options)
