import json
import time

import pytest

from qal.evaluation.report import write_report
from qal.jobs.notes import Notes, write_notes
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from qal.jobs.status import Status
from tests.run_folders import REPORT, STEPS, epoch_row, samples_row, scripted_run, step_row, write_tone
from tests.ui_components.train.run.run_page import RunPage
from ui_components.train.run.actions import RunButtons, RunUpdate
from ui_components.train.run.controls import PendingAction
from ui_components.train.run.model_actions import ModelButtons

BUTTONS = {*RunButtons._fields, *ModelButtons._fields}
CHARTS = {"charts", "machine_charts", "machine_accordion"}
SAMPLES = {"epoch", "samples", "samples_accordion"}
LOG = {"log", "log_accordion"}


def chart_figures(board: str) -> dict[str, dict]:
    """The figures of a chart board by name."""
    return {chart["name"]: chart["figure"] for chart in json.loads(board)["charts"]}


def loss_steps(changes: dict) -> list[int]:
    """The steps of the loss chart."""
    return chart_figures(changes["charts"])["loss"]["data"][0]["x"]


def queued_run(studio, queue_position: int | None) -> Run:
    run = scripted_run(studio.runs, "a", "running", step=0)
    run.metrics_file.unlink()
    run.update_status(state="queued", queue_position=queue_position)
    return run


def test_studio_without_runs_says_how_to_start_one(studio):
    page = RunPage(studio)
    assert "press Start" in page.refresh()["progress"]
    assert page.refresh() == {}


def test_default_run_is_the_running_one_else_a_queued_one_else_the_newest(studio):
    scripted_run(studio.runs, "old", "finished")
    time.sleep(0.02)
    scripted_run(studio.runs, "new", "failed", step=5)
    assert RunPage(studio).refresh()["selector"].value == "new"
    scripted_run(studio.runs, "waiting", "running", step=0).update_status(state="queued", queue_position=1)
    assert RunPage(studio).refresh()["selector"].value == "waiting"
    scripted_run(studio.runs, "busy", "running", step=5)
    time.sleep(0.02)
    scripted_run(studio.runs, "newer", "failed", step=5)
    assert RunPage(studio).refresh()["selector"].value == "busy"
    assert RunPage(studio, "old").refresh()["selector"].value == "old"


def test_each_section_is_sent_once_until_its_files_change(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    page = RunPage(studio, "a")
    assert set(page.refresh()) == set(RunUpdate._fields) - {"sent"}
    assert page.refresh() == {}

    run.append_metrics(step_row(6))
    assert set(page.refresh()) - {"progress"} == CHARTS
    run.append_samples(samples_row(0, [studio.data / "a.wav"]))
    assert set(page.refresh()) == SAMPLES
    run.log_file.write_text("something\n")
    assert set(page.refresh()) == LOG
    page.query = "some"
    assert set(page.refresh()) == LOG
    write_notes(run, Notes(title="my run"))
    assert set(page.refresh()) == {"selector"}
    write_report(run.report_file, REPORT)
    assert set(page.refresh()) == CHARTS | {"report"}
    run.request_stop()
    assert set(page.refresh()) == BUTTONS | {"progress"}


def test_new_page_shows_the_same_as_a_page_that_was_updated_step_by_step(studio):
    run = scripted_run(studio.runs, "a", "running", step=3)
    old_page, shown = RunPage(studio, "a"), {}
    for step in range(4, 12):
        shown |= old_page.refresh()
        run.append_metrics(step_row(step))
        if step == 8:
            run.append_metrics(epoch_row(1))
        run.update_status(step=step)
    shown |= old_page.refresh()
    new_page = RunPage(studio).refresh()
    for name in ("progress", "charts", "machine_charts", "report"):
        assert shown[name] == new_page[name]


def test_steps_that_a_resumed_run_repeats_are_drawn_once(studio):
    run = scripted_run(studio.runs, "a", "running", step=8)
    page = RunPage(studio, "a")
    page.refresh()
    run.append_metrics(step_row(6, attempt=2))
    assert loss_steps(page.refresh()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("state", "visible"),
    [
        ("queued", {"stop", "new_run"}),
        ("running", {"stop", "new_run", "report_png", "report_html"}),
        ("stopping", {"stop", "kill", "new_run", "report_png", "report_html"}),
        ("finished", {"new_run", "delete", "report_png", "report_html"}),
        ("failed", {"resume", "new_run", "delete", "report_png", "report_html"}),
        ("interrupted", {"resume", "new_run", "delete", "report_png", "report_html"}),
    ],
)
def test_visible_buttons_depend_on_the_state_of_the_run(studio, state, visible):
    if state == "queued":
        queued_run(studio, 1)
    else:
        scripted_run(studio.runs, "a", state, step=5)
    assert {name for name, button in RunPage(studio, "a").buttons().items() if button.visible} == visible


def test_tensorboard_button_opens_the_run_if_it_has_logs(studio):
    run = scripted_run(studio.runs, "a.b", "finished")
    assert not RunPage(studio, run.id).buttons()["tensorboard"].visible
    (run.folder / "tensorboard").mkdir()
    button = RunPage(studio, run.id).buttons()["tensorboard"]
    assert (button.visible, button.link) == (True, "qal/tensorboard/?runFilter=%5Ea%5C.b%2F")


@pytest.mark.parametrize(
    ("queue_position", "label"),
    [
        (None, "Starting..."),
        (1, "Waiting: next in queue"),
        (2, "Waiting: 1 run ahead"),
        (3, "Waiting: 2 runs ahead"),
    ],
)
def test_queued_run_shows_its_place_in_the_queue(studio, queue_position, label):
    queued_run(studio, queue_position)
    assert f">{label}<" in RunPage(studio, "a").refresh()["progress"]


def test_kill_is_visible_after_a_stop_request(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    assert not RunPage(studio, "a").buttons()["kill"].visible
    run.request_stop()
    buttons = RunPage(studio, "a").buttons()
    assert buttons["kill"].visible
    assert not buttons["stop"].interactive
    assert "Stopping after this step..." in RunPage(studio, "a").refresh()["progress"]


def test_report_that_cannot_be_read_is_named(studio):
    run = scripted_run(studio.runs, "a", "finished")
    run.report_file.write_text('{"measure": "of a later version"}')
    assert "report.json of this run cannot be read" in RunPage(studio).refresh()["report"]


def test_finished_run_shows_its_report_and_failed_run_its_reason(studio):
    scripted_run(studio.runs, "good", "finished")
    scripted_run(studio.runs, "bad", "failed", reason="no space left on the disk")
    assert "19.0 %" in RunPage(studio, "good").refresh()["report"]
    assert "No space left on the disk." not in RunPage(studio, "good").refresh()["progress"]
    assert "No space left on the disk." in RunPage(studio, "bad").refresh()["progress"]


def test_question_is_closed_when_its_action_is_no_longer_possible(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    run.request_stop()
    pending = PendingAction("kill", "a")
    page = RunPage(studio, "a", pending=pending)
    changes = page.refresh()
    assert (changes["pending"], changes["question_row"].visible) == (pending, True)
    run.update_status(state="interrupted")
    changes = page.refresh()
    assert (changes["pending"], changes["question_row"].visible) == (None, False)


def test_samples_are_those_of_the_latest_epoch_unless_another_is_chosen(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    audio = [write_tone(studio.data / "c" / f"{i}.wav", 0.1) for i in range(2)]
    run.append_samples(samples_row(0, audio))
    page = RunPage(studio, "a")
    changes = page.refresh()
    assert (changes["epoch"].value, changes["samples_accordion"].visible) == ("latest", True)
    assert changes["samples"].count("<audio") == 2
    assert "words wrong" in changes["samples"]
    run.append_samples(samples_row(3, audio))
    changes = page.refresh()
    assert [value for _, value in changes["epoch"].choices] == ["latest", "3", "0"]
    assert "words wrong" not in changes["samples"].partition("</article>")[0]
    page.epoch = "0"
    assert "words wrong" in page.refresh()["samples"].partition("</article>")[0]


def test_only_audio_inside_the_data_and_runs_folders_has_a_player(studio, tmp_path):
    run = scripted_run(studio.runs, "a", "running", step=5)
    outside = write_tone(tmp_path / "elsewhere" / "a.wav", 0.1)
    (studio.data / "c").mkdir(parents=True)
    (studio.data / "c" / "link.wav").symlink_to(outside)
    run.append_samples(samples_row(0, [outside, studio.data / "c" / "link.wav", studio.data / "c" / "gone.wav"]))
    samples = RunPage(studio, "a").refresh()["samples"]
    assert samples.count("<article") == 3
    assert "<audio" not in samples


@pytest.mark.parametrize("file", ["config", "status", "metrics", "samples", "report", "log"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{", b"[[[[", b"null", b"- <b>\n"])
def test_page_shows_a_run_with_a_broken_file(studio, file, content):
    run = scripted_run(studio.runs, "a", "failed", step=STEPS)
    getattr(run, f"{file}_file").write_bytes(content)
    changes = RunPage(studio).refresh()
    assert changes["selector"].value == "a"
    assert "<b>" not in changes["progress"]


ODD_VALUES = [
    {"step": 10**20},
    {"grad_norm": []},
    {"loss": "x", "utterances_per_second": "x", "data_wait_fraction": {}},
    {"time": float("nan")},
    {"samples": [{"audio": "a" * 5000, "text": "x", "heard": "y"}]},
]


@pytest.mark.parametrize("values", ODD_VALUES)
@pytest.mark.parametrize("file", ["metrics", "samples"])
def test_page_shows_a_run_with_an_odd_row(studio, file, values):
    run = scripted_run(studio.runs, "a", "running", step=5)
    with getattr(run, f"{file}_file").open("a") as rows:
        rows.write(json.dumps({"step": 6, "epoch": 1, "attempt": 1, "time": 1e9, **values}) + "\n")
    assert RunPage(studio).refresh()["selector"].value == "a"


def test_page_shows_a_run_with_folders_in_place_of_files(studio):
    run = scripted_run(studio.runs, "a", "failed", step=STEPS)
    for file in (run.metrics_file, run.samples_file, run.report_file, run.log_file):
        file.unlink(missing_ok=True)
        file.mkdir()
    assert RunPage(studio).refresh()["selector"].value == "a"


def test_run_whose_process_ended_without_a_status_is_shown_as_stopped(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    page = RunPage(studio, "a")
    page.refresh()
    run.write_status(Status(state="running", pid=2**22 + 1, pid_started=1.0, stage="train", step=5, steps=STEPS))
    changes = page.refresh()
    assert ">Stopped<" in changes["progress"]
    assert changes["resume"].visible


def test_run_without_a_dataset_is_shown(studio):
    create_run(TrainingConfig(), studio.runs, "x")
    assert "no dataset" in RunPage(studio, "x").refresh()["progress"]
