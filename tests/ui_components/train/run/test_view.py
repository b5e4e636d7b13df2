import pytest

from qal.evaluation.report import PairedDifference, Retention
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.status import Status
from tests.run_folders import REPORT, step_row
from ui_components.train.report.view import report_html
from ui_components.train.run.view import (
    SILENT_S,
    corpora_in_short,
    corpus_names,
    epoch_share,
    eta_s,
    in_words,
    progress_html,
    run_share,
    step_s,
)

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


def test_the_pace_is_that_of_the_last_attempt():
    rows = timed_rows(range(1, 5), 100.0) + timed_rows(range(5, 11), 2.0, attempt=1)
    assert step_s(rows) == pytest.approx(2.0)
    assert step_s(rows[:1]) is None


@pytest.mark.parametrize(
    ("state", "stage", "step", "epoch", "of_epoch", "of_run"),
    [
        ("running", "train", 0, 0, 0.0, 0.0),
        ("running", "train", 15, 1, 0.5, 0.375),
        ("running", "train", 40, 3, 1.0, 1.0),
        ("running", "check", 40, 4, None, 1.0),
        ("interrupted", "train", 15, 1, None, 0.375),
        ("finished", "retention", 30, 3, None, 1.0),  # stopped early
        ("queued", "waiting", 0, 0, None, 0.0),
    ],
)
def test_bars_are_shares_of_the_epoch_and_of_the_run(state, stage, step, epoch, of_epoch, of_run):
    status = Status(state=state, stage=stage, step=step, steps=40, epoch=epoch)
    config = CONFIG.model_copy(update={"epochs": 4})
    assert (epoch_share(status, config), run_share(status)) == (of_epoch, of_run)
    shown = progress_html(status, config, [], stopping=False, now=NOW)
    assert shown.count('role="progressbar"') == (1 if of_epoch is None else 2)


def test_a_run_whose_length_is_unknown_has_an_empty_bar():
    status = Status(state="running", stage="prepare")
    assert (epoch_share(status, CONFIG), run_share(status)) == (None, 0.0)
    assert epoch_share(Status(state="running", stage="train", step=3, steps=9), None) is None


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
    assert "WER 6.0 points lower" in report_html(REPORT)
    worse = REPORT.model_copy(update={"paired": PairedDifference(difference=0.01, low=-0.02, high=0.04, p=0.4)})
    assert "WER 1.0 points higher" in report_html(worse)
    assert "not statistically significant" in report_html(worse)
    assert "not statistically significant" not in report_html(REPORT)


def test_there_is_no_table_without_a_report():
    assert report_html(None) == ""


def test_what_was_lost_is_told_in_red():
    shown = report_html(REPORT.model_copy(update={"retention": Retention(failures=("English: <b>12</b> points",))}))
    assert (
        '<p class="qal-note problem lost">Worse than the original model: English: &lt;b&gt;12&lt;/b&gt; points</p>'
        in shown
    )
    assert "lost" not in report_html(REPORT.model_copy(update={"retention": Retention()}))


def test_one_corpus_and_a_list_of_them_are_named_alike():
    assert corpus_names(TrainingConfig(corpus="data/asterisk-ru")) == ["asterisk-ru"]
    assert corpus_names(TrainingConfig(corpus=["data/asterisk-ru", "data/mine"])) == ["asterisk-ru", "mine"]


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "no corpus"), (1, "c0"), (3, "c0, c1, c2"), (4, "c0, c1 and 2 more"), (21, "c0, c1 and 19 more")],
)
def test_many_corpora_are_named_in_short(count, told):
    assert corpora_in_short(TrainingConfig(corpus=[f"data/c{i}" for i in range(count)])) == told


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
