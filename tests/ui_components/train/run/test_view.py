import pytest

from qal.evaluation.check_result import GateSummary
from qal.evaluation.report import PairedDifference, Retention
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.stages import StageStatus
from qal.jobs.status import KILLED_BY_USER, LEFT_QUEUE, STOPPED_BY_SIGNAL, STOPPED_BY_USER, Status, run_share
from tests.run_folders import REPORT, step_row
from ui_components.train.report.view import report_html
from ui_components.train.run.view import (
    STALE_HEARTBEAT_S,
    corpus_names,
    epoch_share,
    eta_s,
    format_duration,
    progress_html,
    short_corpus_names,
    state_label,
    step_s,
)

CONFIG = TrainingConfig(base="base", corpus=["data/asterisk-ru/"])
NOW = 1_000_000.0  # seconds since 1970


def timed_rows(steps: range, seconds_per_step: float, attempt: int = 0) -> list[dict]:
    """Metrics rows of steps at an even pace."""
    return [{**step_row(s, attempt), "time": NOW + s * seconds_per_step} for s in steps]


def training_status(**changes) -> Status:
    """A running run in training, with a heartbeat at NOW."""
    fields = {"state": "running", "stage": "train", "pid": 1, "step": 3, "steps": 9, "heartbeat": NOW, **changes}
    return Status(**fields)


def progress(status: Status, rows=()) -> str:
    return progress_html("run", status, CONFIG, list(rows), stopping=False, now=NOW)


def test_eta_is_the_pace_times_the_remaining_steps():
    assert eta_s(timed_rows(range(1, 11), 3.0), steps=30) == pytest.approx(60.0)


def test_eta_uses_the_pace_of_the_last_attempt():
    rows = timed_rows(range(1, 5), 100.0) + timed_rows(range(5, 11), 2.0, attempt=1)
    assert eta_s(rows, steps=20) == pytest.approx(20.0)


@pytest.mark.parametrize("rows", [[], timed_rows(range(1, 2), 1.0), timed_rows(range(1, 31), 1.0)])
def test_eta_is_none_while_the_pace_is_unknown_and_after_the_last_step(rows):
    assert eta_s(rows, steps=30) is None


def test_seconds_per_step_are_those_of_the_last_attempt():
    rows = timed_rows(range(1, 5), 100.0) + timed_rows(range(5, 11), 2.0, attempt=1)
    assert step_s(rows) == pytest.approx(2.0)
    assert step_s(rows[:1]) is None


@pytest.mark.parametrize(
    ("state", "stage", "step", "epoch", "of_epoch", "of_run"),
    [
        ("running", "train", 0, 0, 0.0, 0.0),
        ("running", "train", 15, 1, 0.5, 0.375),
        ("running", "train", 40, 3, 1.0, 0.99),
        ("running", "check", 40, 4, None, 0.99),
        ("interrupted", "train", 15, 1, None, 0.375),
        ("finished", "retention", 30, 3, None, 1.0),  # early stopping
        ("queued", "waiting", 0, 0, None, 0.0),
    ],
)
def test_progress_bars_show_the_share_of_the_epoch_and_of_the_run(state, stage, step, epoch, of_epoch, of_run):
    status = Status(state=state, stage=stage, step=step, steps=40, epoch=epoch)
    config = CONFIG.model_copy(update={"epochs": 4})
    assert (epoch_share(status, config), run_share(status)) == (of_epoch, of_run)
    shown = progress_html("run", status, config, [], stopping=False, now=NOW)
    assert shown.count('role="progressbar"') == (1 if of_epoch is None else 2)


def test_run_without_a_known_number_of_steps_has_an_empty_progress_bar():
    status = Status(state="running", stage="prepare")
    assert (epoch_share(status, CONFIG), run_share(status)) == (None, 0.0)
    assert epoch_share(Status(state="running", stage="train", step=3, steps=9), None) is None


@pytest.mark.parametrize(("seconds", "text"), [(5, "under a minute"), (420, "7 min"), (7800, "2 h 10 min")])
def test_durations_are_formatted_to_the_minute(seconds, text):
    assert format_duration(seconds) == text


def test_stale_heartbeat_is_reported_as_no_update():
    stale = progress(training_status(heartbeat=NOW - 420))
    assert "No update for 7 min (still running)" in stale
    assert "No update for" in progress(training_status(heartbeat=NOW - STALE_HEARTBEAT_S - 1))
    assert "No update for" not in progress(training_status(heartbeat=NOW - 1))


def test_retention_stage_is_named_by_its_purpose():
    assert ">Checking for forgetting on other datasets<" in progress(training_status(stage="retention"))


def test_failed_run_shows_its_reason_escaped():
    shown = progress(Status(state="failed", reason="<b>no space</b> left"))
    assert "&lt;b&gt;no space&lt;/b&gt; left." in shown
    assert "<b>no space" not in shown


def test_report_table_is_in_percent_and_marks_the_lowest_wer():
    shown = report_html(REPORT)
    assert "Original base model, 30 s windows" in shown
    assert "25.0 % (20.0 – 31.0)" in shown
    best = next(row for row in shown.split("<tr") if 'class="best"' in row)
    assert "19.0 %" in best
    assert "5.5 %" in best
    assert "0.040" in best


def test_report_states_the_wer_difference_and_whether_it_is_significant():
    assert "WER 6.0 points lower" in report_html(REPORT)
    worse = REPORT.model_copy(update={"paired": PairedDifference(difference=0.01, low=-0.02, high=0.04, p=0.4)})
    assert "WER 1.0 points higher" in report_html(worse)
    assert "not statistically significant" in report_html(worse)
    assert "not statistically significant" not in report_html(REPORT)


def test_wide_tables_of_a_report_can_be_scrolled_by_keyboard():
    report = REPORT.model_copy(update={"gate": GateSummary()})
    assert report_html(report).count('<div class="qal-table" tabindex="0"') == 2


def test_run_without_a_report_has_no_report_table():
    assert report_html(None) == ""


def test_forgetting_is_shown_as_a_warning():
    shown = report_html(REPORT.model_copy(update={"retention": Retention(failures=("English: <b>12</b> points",))}))
    assert (
        '<p class="qal-note problem forgetting">Worse than the original model: '
        "English: &lt;b&gt;12&lt;/b&gt; points</p>" in shown
    )
    assert "forgetting" not in report_html(REPORT.model_copy(update={"retention": Retention()}))


def test_corpus_names_are_folder_names_for_one_corpus_and_for_several():
    assert corpus_names(TrainingConfig(corpus="data/asterisk-ru")) == ["asterisk-ru"]
    assert corpus_names(TrainingConfig(corpus=["data/asterisk-ru", "data/mine"])) == ["asterisk-ru", "mine"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "no dataset"), (1, "c0"), (3, "c0, c1, c2"), (4, "c0, c1 and 2 more"), (21, "c0, c1 and 19 more")],
)
def test_names_of_many_corpora_are_shortened(count, text):
    assert short_corpus_names(TrainingConfig(corpus=[f"data/c{i}" for i in range(count)])) == text


def test_skipped_examples_skipped_steps_micro_batches_and_warnings_are_reported():
    assert "qal-note" not in progress(training_status())
    shown = progress(
        training_status(
            skipped_rows=3,
            left_out={"longer than 20 s": 2},
            leakage="Of 9 test examples, as many share with the training examples: 3 a sentence.",
            skipped_steps=2,
            halvings=1,
            warning="the <disk> is nearly full",
        )
    )
    for text in (
        "2 examples left out: 2 longer than 20 s",
        "3 a sentence",
        "3 examples left out: 3 with unusable audio",
        "not finite: 2",
        "micro-batches",
        "&lt;disk&gt; is nearly full",
    ):
        assert text in shown
    assert shown.count("qal-note problem") == 1  # only the warning is shown as a problem
    assert shown.count("qal-note") == 2


@pytest.mark.parametrize(("share", "is_reported"), [(0.1, False), (0.4, True)])
def test_pace_is_shown_and_a_long_wait_for_audio_is_reported(share: float, is_reported: bool):
    rows = [{**row, "data_wait_fraction": share, "utterances_per_second": 2.5} for row in timed_rows(range(1, 9), 3.0)]
    shown = progress(training_status(step=8), rows)
    assert "2.5 examples per second" in shown
    assert ("training waits for audio" in shown.lower()) == is_reported


STAGES = (
    StageStatus(name="prepare", expected_s=20, done=4, total=4, over=True),
    StageStatus(name="train", expected_s=100, done=9, total=9, seconds=100, over=True),
    StageStatus(name="validate", expected_s=20, done=8, total=8, seconds=20, over=True),
    StageStatus(name="report", expected_s=60, done=10, total=10, seconds=60, over=True),
    StageStatus(name="retention", expected_s=300, done=120, total=300, seconds=120),
)


def test_every_stage_has_its_own_bar_with_its_number_and_the_time_left():
    shown = progress(training_status(stage="retention", step=9, stages=STAGES))
    assert 'aria-label="Step 4 of 4: Checking for forgetting on other datasets"' in shown
    assert "40 %, about 3 min left" in shown
    assert 'aria-valuenow="64"' in shown  # 320 of 500 expected seconds
    assert "100 %" not in shown


def test_steps_of_the_run_are_listed_with_what_is_done_and_what_is_current():
    shown = progress(training_status(stage="retention", step=9, stages=STAGES))
    assert shown.count('<li class="done">') == 3
    assert '<li class="current" aria-current="step">Checking for forgetting on other datasets 40 %</li>' in shown


def test_validation_counts_as_a_part_of_the_training_step():
    stages = (STAGES[0], STAGES[1].model_copy(update={"over": False, "done": 3}), StageStatus(name="validate"))
    shown = progress(training_status(stage="validate", stages=stages))
    assert "Step 2 of 2: Validating" in shown
    assert shown.count("<li") == 2


def test_finished_run_is_complete_even_if_a_stage_was_left_out():
    shown = progress(Status(state="finished", stage="report", stages=STAGES, step=9, steps=9))
    assert "100 %" in shown
    assert "left" not in shown


def test_running_process_without_progress_is_reported_as_such():
    hung = progress(training_status(progressed=NOW - 600))
    assert "No progress for 10 min (the process is running)" in hung
    assert "No progress" not in progress(training_status(progressed=NOW - 100))
    assert "No progress" not in progress(training_status(progressed=0.0))  # a run of an old version


@pytest.mark.parametrize("reason", [STOPPED_BY_USER, KILLED_BY_USER, LEFT_QUEUE, STOPPED_BY_SIGNAL])
def test_run_that_the_user_stopped_is_not_shown_as_a_problem(reason):
    shown = progress(Status(state="interrupted", reason=reason))
    assert "Press Resume to continue." in shown
    assert '<span class="qal-badge">Stopped</span>' in shown
    assert "problem" not in shown
    assert "qal-badge bad" not in shown


def test_failed_run_and_killed_process_are_shown_as_problems():
    assert "qal-badge bad" in progress(Status(state="failed", reason="no space left"))
    assert "qal-note problem" in progress(Status(state="failed", reason="no space left"))
    assert "qal-note problem" in progress(Status(state="interrupted", reason="The process ended without an error."))


def test_lists_of_runs_show_how_far_a_run_in_progress_is():
    assert state_label(training_status(stage="retention", stages=STAGES)) == "Running 64 %"
    assert state_label(Status(state="interrupted", stages=STAGES)) == "Stopped"


@pytest.mark.parametrize(
    ("state", "is_polled_often"), [("queued", True), ("running", True), ("finished", False), ("interrupted", False)]
)
def test_tab_is_updated_often_only_while_the_run_is_in_progress(state, is_polled_often):
    """poll.js looks for the attribute."""
    assert ("data-in-progress" in progress(Status(state=state))) == is_polled_often
