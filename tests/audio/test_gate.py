from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError

from qal.audio.gate import Gate, GateOptions, Region
from qal.audio.vad import VAD_WINDOW_MS
from tests.fakes import windows

# In windows: pre-roll 2, post-roll 1, at least 2 of speech, closes after 4 of silence.
OPTIONS = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)


def regions(probabilities: list[float], options: GateOptions = OPTIONS) -> list[Region]:
    gate = Gate(options)
    return gate.feed(probabilities) + gate.flush()


def test_a_region_is_speech_with_its_rolls():
    assert regions(windows((5, 0), (6, 0.9), (9, 0))) == [
        Region(index=0, start=3, speech_start=5, speech_end=11, end=12, peak=0.9)
    ]


def test_pre_roll_stops_at_the_beginning_and_at_the_region_before():
    options = OPTIONS.model_copy(update={"pre_roll_ms": 320})
    first, second = regions(windows((1, 0), (3, 0.9), (4, 0), (3, 0.9), (4, 0)), options)
    assert first.start == 0
    assert second.start == first.end


def test_between_the_thresholds_an_open_gate_stays_open_and_a_closed_one_closed():
    assert regions(windows((20, 0.4))) == []
    (region,) = regions(windows((3, 0.9), (20, 0.4), (6, 0)))
    assert region.speech_end == 23


def test_silence_shorter_than_the_hang_over_does_not_close():
    (region,) = regions(windows((3, 0.9), (3, 0), (3, 0.9), (6, 0)))
    assert (region.speech_start, region.speech_end) == (0, 9)
    assert len(regions(windows((3, 0.9), (4, 0), (3, 0.9), (6, 0)))) == 2


def test_speech_shorter_than_the_minimum_is_a_noise_and_its_index_is_left_out():
    (region,) = regions(windows((1, 0.9), (6, 0), (2, 0.9), (6, 0)))
    assert (region.index, region.speech_start) == (1, 7)


def test_the_end_of_the_stream_ends_the_region():
    gate = Gate(OPTIONS)
    assert gate.feed(windows((5, 0.9))) == []
    assert gate.open == Region(index=0, start=0, speech_start=0, speech_end=5, end=5, peak=0.9)
    assert gate.flush() == [Region(index=0, start=0, speech_start=0, speech_end=5, end=5, peak=0.9)]
    assert gate.open is None


def test_long_speech_is_cut_at_its_quietest_window_and_nothing_is_lost():
    options = OPTIONS.model_copy(update={"max_segment_s": 2.0})  # 62 windows
    speech = windows((20, 0.95), (1, 0.5), (25, 0.95), (1, 0.6), (30, 0.95), (4, 0))  # the first dip is too early
    first, second = regions(speech, options)
    assert first.end == second.start == first.speech_end == second.speech_start == 46
    assert second.speech_end == 77


@pytest.mark.parametrize("seed", range(20))
def test_regions_are_in_order_apart_and_short_enough(seed: int):
    options = OPTIONS.model_copy(update={"max_segment_s": 3.0})
    probabilities = np.random.default_rng(seed).beta(0.4, 0.3, 3000).tolist()
    found = regions(probabilities, options)
    assert found
    for region in found:
        assert region.start <= region.speech_start < region.speech_end <= region.end
        assert (region.end - region.start) * VAD_WINDOW_MS <= 1000 * options.max_segment_s
    for before, after in pairwise(found):
        assert before.end <= after.start
        assert before.index < after.index


@pytest.mark.parametrize("seed", range(5))
def test_all_sure_speech_lies_in_a_region(seed: int):
    options = OPTIONS.model_copy(update={"min_speech_ms": 0, "max_segment_s": 2.0})
    probabilities = np.random.default_rng(seed).beta(0.4, 0.3, 3000)
    covered = np.zeros(len(probabilities), bool)
    for region in regions(probabilities.tolist(), options):
        covered[region.speech_start : region.speech_end] = True
    assert covered[probabilities >= options.start_threshold].all()


def test_a_pre_roll_of_half_the_longest_segment_leaves_room_for_the_cut():
    options = GateOptions(pre_roll_ms=1000, min_speech_ms=0, max_segment_s=2)
    found = regions(windows((40, 0), (200, 0.9)), options)
    assert sum(region.speech_windows for region in found) == 200


def test_an_earlier_window_than_needed_from_is_never_needed_again():
    gate, needed = Gate(OPTIONS), [0]
    for probability in np.random.default_rng(3).beta(0.4, 0.3, 2000):
        assert all(region.start >= needed[-1] for region in gate.feed([probability]))
        assert gate.needed_from >= needed[-1]
        needed.append(gate.needed_from)


@pytest.mark.parametrize(
    "wrong",
    [
        {"end_threshold": 0.8},
        {"post_roll_ms": 500},
        {"max_segment_s": 29},
        {"max_segment_s": 2, "pre_roll_ms": 1000},
        {"hang_over": 3},
    ],
)
def test_options_that_contradict_each_other_are_refused(wrong: dict):
    with pytest.raises(ValidationError):
        GateOptions(**wrong)
