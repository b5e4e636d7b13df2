import pytest

from tests.run_folders import REPORT, step_row
from training.config import TrainingConfig
from training.run import Status
from ui_components.run_view import SILENT_S, corpus_names, eta_s, in_words, progress_html, report_html

CONFIG = TrainingConfig(base="base", corpus=["data/asterisk-ru/"])
NOW = 1_000_000.0


def timed_rows(steps: range, seconds_a_step: float, attempt: int = 0) -> list[dict]:
    return [{**step_row(s, attempt), "time": NOW + s * seconds_a_step} for s in steps]


def test_the_time_left_is_the_pace_times_the_steps_left():
    assert eta_s(timed_rows(range(1, 11), 3.0), steps=30) == pytest.approx(60.0)


def test_the_time_left_counts_the_pace_of_the_last_attempt_only():
    rows = timed_rows(range(1, 5), 100.0) + timed_rows(range(5, 11), 2.0, attempt=1)
    assert eta_s(rows, steps=20) == pytest.approx(20.0)


@pytest.mark.parametrize("rows", [[], timed_rows(range(1, 2), 1.0), timed_rows(range(1, 31), 1.0)])
def test_nothing_is_said_about_the_time_left_while_it_cannot_be_known(rows):
    assert eta_s(rows, steps=30) is None


@pytest.mark.parametrize(("seconds", "words"), [(5, "under a minute"), (420, "7 min"), (7800, "2 h 10 min")])
def test_durations_are_words(seconds, words):
    assert in_words(seconds) == words


def test_a_silent_job_is_reported_and_a_lively_one_is_not():
    def shown(heartbeat):
        status = Status(state="running", stage="train", pid=1, step=3, steps=9, heartbeat=heartbeat)
        return progress_html(status, CONFIG, [], stopping=False, now=NOW)

    assert "no sign of life" in shown(NOW - SILENT_S - 1)
    assert "no sign of life" not in shown(NOW - 1)


def test_a_failed_run_says_why_and_its_words_are_escaped():
    status = Status(state="failed", reason="<b>no space</b> left")
    shown = progress_html(status, CONFIG, [], stopping=False, now=NOW)
    assert "&lt;b&gt;no space&lt;/b&gt; left." in shown
    assert "<b>no space" not in shown


def test_the_report_is_in_percent_and_the_best_row_stands_out():
    shown = report_html(REPORT)
    assert "25.0 % (20.0 – 31.0)" in shown
    best = next(row for row in shown.split("<tr") if 'class="best"' in row)
    assert "19.0 %" in best
    assert "5.5 %" in best
    assert "0.040" in best


def test_the_verdict_names_the_direction_and_doubts_an_interval_around_zero():
    assert "6.0 points fewer" in report_html(REPORT)
    worse = {**REPORT, "paired": {"difference": 0.01, "low": -0.02, "high": 0.04, "p": 0.4}}
    assert "1.0 points more" in report_html(worse)
    assert "may be chance" in report_html(worse)
    assert "may be chance" not in report_html(REPORT)


def test_there_is_no_table_without_a_report():
    assert report_html(None) == ""


def test_one_corpus_and_a_list_of_them_are_named_alike():
    assert corpus_names(TrainingConfig(corpus="data/asterisk-ru")) == ["asterisk-ru"]
    assert corpus_names(TrainingConfig(corpus=["data/asterisk-ru", "data/mine"])) == ["asterisk-ru", "mine"]


def test_what_a_run_bore_is_told_and_a_sound_run_says_nothing():
    def shown(**more):
        status = Status(state="running", stage="train", pid=1, step=3, steps=9, heartbeat=NOW, **more)
        return progress_html(status, CONFIG, [], stopping=False, now=NOW)

    assert "qal-note" not in shown()
    bore = shown(skipped_rows=3, skipped_steps=2, halvings=1, warning="the <disk> is nearly full")
    for words in ("used: 3", "finite: 2", "in parts", "&lt;disk&gt; is nearly full"):
        assert words in bore
    assert bore.count("qal-note problem") == 1  # the warning alone asks for somebody
    assert bore.count("qal-note") == 2


@pytest.mark.parametrize(("share", "told"), [(0.1, False), (0.4, True)])
def test_a_trainer_that_waits_for_its_audio_says_so_and_its_pace_is_shown(share: float, told: bool):
    rows = [{**row, "data_wait_fraction": share, "utterances_per_second": 2.5} for row in timed_rows(range(1, 9), 3.0)]
    status = Status(state="running", stage="train", pid=1, step=8, steps=9, heartbeat=NOW)
    shown = progress_html(status, CONFIG, rows, stopping=False, now=NOW)
    assert "2.5 utterances a second" in shown
    assert ("waits for its audio" in shown) == told
