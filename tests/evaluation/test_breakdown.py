"""Figures over groups of examples: every row is in one group, and the whole is the sum of the groups."""

import pytest

from qal.evaluation.breakdown import (
    GROUPINGS,
    MIN_SPEAKERS,
    ORDERS,
    UNKNOWN,
    breakdown,
    counted,
    figures,
    interval_by_speaker,
    interval_name,
    worst,
)
from qal.evaluation.records import ScoredRow
from qal.text.normalisation.registry import find_normaliser
from tests.evaluation.evaluated import scored_rows


@pytest.mark.parametrize("by", sorted(GROUPINGS))
def test_every_row_is_in_exactly_one_group_and_the_groups_add_up(by: str):
    rows = scored_rows(60, wrong_every=3, source="interview.mp3, 1.00-2.00 s")
    found = counted(rows)
    groups = breakdown(found, by)
    assert sorted(i for group in groups for i in group.indices) == list(range(60))
    assert sum(group.figures.words for group in groups) == figures(found).words
    errors = sum(group.figures.wer.rate * group.figures.words for group in groups)
    assert errors == pytest.approx(figures(found).wer.rate * figures(found).words)
    assert sum(group.figures.edits.substitutions for group in groups) == figures(found).edits.substitutions


def test_groups_of_numbers_are_in_their_order_and_those_of_names_the_worst_first():
    rows = [*scored_rows(20, speaker="good"), *scored_rows(20, wrong_every=1, speaker="bad")]
    assert [group.name for group in breakdown(counted(rows), "speaker")] == ["bad", "good"]
    names = [group.name for group in breakdown(counted(scored_rows(60)), "duration")]
    assert names == [name for name in ORDERS["duration"] if name in names]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.0, "below 2 s"),
        (1.99, "below 2 s"),
        (2, "2 to 5 s"),
        (19.9, "15 to 20 s"),
        (20, "20 s and more"),
        (None, UNKNOWN),
    ],
)
def test_a_bound_belongs_to_the_interval_above_it(value: float | None, name: str):
    assert interval_name(value, (2, 5, 10, 15, 20), "s") == name


def test_rows_without_a_speaker_a_language_or_an_snr_are_a_group_of_their_own():
    rows = scored_rows(4, speaker="", language="")
    for by in ("speaker", "language", "snr", "source"):
        assert [group.name for group in breakdown(counted(rows), by)] == [UNKNOWN]


def test_an_interval_by_speakers_needs_enough_speakers_and_the_name_of_each():
    rows = scored_rows(60, wrong_every=4)
    assert figures(counted(rows)).speakers == 6 >= MIN_SPEAKERS
    assert interval_by_speaker(counted(rows)) is not None
    assert interval_by_speaker(counted([*rows, *scored_rows(1, speaker="")])) is None
    assert interval_by_speaker(counted(scored_rows(60, wrong_every=4, speaker="one"))) is None


def test_an_interval_by_speakers_is_wider_where_speakers_differ():
    rows = [row for i in range(8) for row in scored_rows(30, wrong_every=i % 2, seed=i, speaker=f"s{i}")]
    by_utterance, by_speaker = figures(counted(rows)).wer, interval_by_speaker(counted(rows))
    assert by_speaker is not None
    assert by_speaker.high - by_speaker.low > 2 * (by_utterance.high - by_utterance.low)


def test_the_real_time_factor_rests_on_the_rows_whose_computation_was_timed():
    rows = [*scored_rows(10, duration_s=2.0, seconds=1.0), *scored_rows(10, duration_s=50.0)]
    assert figures(counted(rows)).rtf == pytest.approx(0.5)
    assert figures(counted(scored_rows(3))).rtf is None


def test_another_normaliser_needs_no_other_transcripts():
    row = ScoredRow(audio="a", reference="Mr. Smith's colour", hypothesis="mister smith's color", duration_s=1)
    rates = {
        name: figures(counted([row], find_normaliser(name))).wer.rate for name in ("none", "basic", "whisper-english")
    }
    assert rates["none"] > rates["basic"] > rates["whisper-english"] == 0


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="nothing to score"):
        figures(counted([]))


def test_the_worst_examples_have_errors_and_are_ordered_by_their_rate():
    rows = scored_rows(10, wrong_every=5)
    long = scored_rows(1, wrong_every=1, words=16)[0]
    assert worst(counted([*rows, long]), 5) == [0, 5, 10]
