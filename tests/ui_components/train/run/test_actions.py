import json
import time

import pytest

from qal.evaluation.report import write_report
from qal.jobs.notes import Notes, write_notes
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from qal.jobs.status import Status
from tests.run_folders import REPORT, STEPS, epoch_row, samples_row, scripted_run, step_row, write_tone
from tests.ui_components.train.run.watching import PARTS, Page
from ui_components.train.run.controls import Asked


def figures(board: str) -> dict[str, dict]:
    return {chart["name"]: chart["figure"] for chart in json.loads(board)["charts"]}


def losses(told: dict) -> list[int]:
    return figures(told["charts"][0])["loss"]["data"][0]["x"]


def test_an_empty_studio_says_what_to_do(studio):
    page = Page(studio)
    assert "press Start" in page.look()["progress"][0]
    assert page.look() == {}


def test_a_page_shows_the_running_run_else_one_that_waits_else_the_newest(studio):
    scripted_run(studio.runs, "old", "finished")
    time.sleep(0.02)
    scripted_run(studio.runs, "new", "failed", step=5)
    assert Page(studio).look()["selector"][0].value == "new"
    scripted_run(studio.runs, "waiting", "running", step=0).update_status(state="queued", queue_position=1)
    assert Page(studio).look()["selector"][0].value == "waiting"
    scripted_run(studio.runs, "busy", "running", step=5)
    time.sleep(0.02)
    scripted_run(studio.runs, "newer", "failed", step=5)
    assert Page(studio).look()["selector"][0].value == "busy"
    assert Page(studio, "old").look()["selector"][0].value == "old"


def test_each_part_is_told_once_until_its_files_change(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    page = Page(studio, "a")
    assert set(page.look()) == set(PARTS)
    assert page.look() == {}

    run.append_metrics(step_row(6))
    assert {"charts"} <= set(page.look()) <= {"charts", "progress"}
    run.append_samples(samples_row(0, [studio.data / "a.wav"]))
    assert set(page.look()) == {"samples"}
    run.log_file.write_text("something\n")
    assert set(page.look()) == {"log"}
    page.words = "some"
    assert set(page.look()) == {"log"}
    write_notes(run, Notes(title="my run"))
    assert set(page.look()) == {"selector"}
    write_report(run.report_file, REPORT)
    assert {"charts", "report"} == set(page.look())
    run.request_stop()
    assert {"buttons", "progress"} == set(page.look())


def test_a_new_page_shows_what_an_old_one_was_told_bit_by_bit(studio):
    run = scripted_run(studio.runs, "a", "running", step=3)
    old, shown = Page(studio, "a"), {}
    for step in range(4, 12):
        shown |= old.look()
        run.append_metrics(step_row(step))
        if step == 8:
            run.append_metrics(epoch_row(1))
        run.update_status(step=step)
    shown |= old.look()
    new = Page(studio).look()
    for part in ("progress", "charts", "report"):
        assert [str(v) for v in shown[part][:2]] == [str(v) for v in new[part][:2]]


def test_steps_that_a_resumed_run_did_again_are_drawn_once(studio):
    run = scripted_run(studio.runs, "a", "running", step=8)
    page = Page(studio, "a")
    page.look()
    run.append_metrics(step_row(6, attempt=2))
    assert losses(page.look()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("state", "visible"),
    [
        ("queued", {"stop", "settings"}),
        ("running", {"stop", "settings", "png", "html"}),
        ("stopping", {"stop", "kill", "settings", "png", "html"}),
        ("finished", {"settings", "delete", "png", "html"}),
        ("failed", {"resume", "settings", "delete", "png", "html"}),
        ("interrupted", {"resume", "settings", "delete", "png", "html"}),
    ],
)
def test_buttons_fit_the_state(studio, state, visible):
    if state == "queued":
        create_run_waiting(studio, 1)
    else:
        scripted_run(studio.runs, "a", state, step=5)
    assert {name for name, button in Page(studio, "a").buttons().items() if button.visible} == visible


def test_tensorboard_opens_at_the_run_where_it_logs_to_it(studio):
    run = scripted_run(studio.runs, "a.b", "finished")
    assert not Page(studio, run.id).buttons()["tensorboard"].visible
    (run.folder / "tensorboard").mkdir()
    button = Page(studio, run.id).buttons()["tensorboard"]
    assert (button.visible, button.link) == (True, "qal/tensorboard/?runFilter=%5Ea%5C.b%2F")


def create_run_waiting(studio, place: int | None) -> Run:
    run = scripted_run(studio.runs, "a", "running", step=0)
    run.metrics_file.unlink()
    run.update_status(state="queued", queue_position=place)
    return run


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (None, "waiting to start"),
        (1, "waiting: it is the next"),
        (2, "waiting: 1 run before it"),
        (3, "waiting: 2 runs before it"),
    ],
)
def test_a_run_that_waits_tells_its_place(studio, place, words):
    create_run_waiting(studio, place)
    assert f">{words}<" in Page(studio, "a").look()["progress"][0]


def test_kill_is_there_once_somebody_asked_the_run_to_stop(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    assert not Page(studio, "a").buttons()["kill"].visible
    run.request_stop()
    buttons = Page(studio, "a").buttons()
    assert buttons["kill"].visible
    assert not buttons["stop"].interactive
    assert "stopping after this step" in Page(studio, "a").look()["progress"][0]


def test_a_finished_run_shows_its_report_and_a_failed_one_its_reason(studio):
    scripted_run(studio.runs, "good", "finished")
    scripted_run(studio.runs, "bad", "failed", reason="no space left on the disk")
    assert "19.0 %" in Page(studio, "good").look()["report"][0]
    assert "No space left on the disk." not in Page(studio, "good").look()["progress"][0]
    assert "No space left on the disk." in Page(studio, "bad").look()["progress"][0]


def test_a_question_goes_when_it_can_no_longer_be_answered(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    run.request_stop()
    page = Page(studio, "a", asked=Asked("kill", "a"))
    asked, row = page.look()["question"]
    assert (asked, row.visible) == (Asked("kill", "a"), True)
    run.update_status(state="interrupted")
    asked, row = page.look()["question"]
    assert (asked, row.visible) == (None, False)


def test_what_was_heard_is_that_of_the_newest_epoch_or_of_the_one_that_was_chosen(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    audio = [write_tone(studio.data / "c" / f"{i}.wav", 0.1) for i in range(2)]
    run.append_samples(samples_row(0, audio))
    page = Page(studio, "a")
    epoch, shown, part = page.look()["samples"]
    assert (epoch.value, part.visible, shown.count("<audio")) == ("newest", True, 2)
    assert "words wrong" in shown
    run.append_samples(samples_row(3, audio))
    epoch, shown, _ = page.look()["samples"]
    assert [value for _, value in epoch.choices] == ["newest", "3", "0"]
    assert "words wrong" not in shown.partition("</article>")[0]
    page.epoch = "0"
    assert "words wrong" in page.look()["samples"][1].partition("</article>")[0]


def test_only_sound_that_the_server_gives_away_can_be_played(studio, tmp_path):
    run = scripted_run(studio.runs, "a", "running", step=5)
    outside = write_tone(tmp_path / "elsewhere" / "a.wav", 0.1)
    (studio.data / "c").mkdir(parents=True)
    (studio.data / "c" / "link.wav").symlink_to(outside)
    run.append_samples(samples_row(0, [outside, studio.data / "c" / "link.wav", studio.data / "c" / "gone.wav"]))
    shown = Page(studio, "a").look()["samples"][1]
    assert shown.count("<article") == 3
    assert "<audio" not in shown


@pytest.mark.parametrize("file", ["config", "status", "metrics", "samples", "report", "log"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"{", b"[[[[", b"null", b"- <b>\n"])
def test_a_broken_file_breaks_no_page(studio, file, content):
    run = scripted_run(studio.runs, "a", "failed", step=STEPS)
    getattr(run, f"{file}_file").write_bytes(content)
    told = Page(studio).look()
    assert told["selector"][0].value == "a"
    assert "<b>" not in told["progress"][0]


ODD = [
    {"step": 10**20},
    {"grad_norm": []},
    {"loss": "x", "utterances_per_second": "x", "data_wait_fraction": {}},
    {"time": float("nan")},
    {"samples": [{"audio": "a" * 5000, "text": "x", "heard": "y"}]},
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("file", ["metrics", "samples"])
def test_an_odd_row_breaks_no_page(studio, file, odd):
    run = scripted_run(studio.runs, "a", "running", step=5)
    with getattr(run, f"{file}_file").open("a") as rows:
        rows.write(json.dumps({"step": 6, "epoch": 1, "attempt": 1, "time": 1e9, **odd}) + "\n")
    assert Page(studio).look()["selector"][0].value == "a"


def test_a_folder_where_a_file_should_be_breaks_no_page(studio):
    run = scripted_run(studio.runs, "a", "failed", step=STEPS)
    for file in (run.metrics_file, run.samples_file, run.report_file, run.log_file):
        file.unlink(missing_ok=True)
        file.mkdir()
    assert Page(studio).look()["selector"][0].value == "a"


def test_a_job_that_died_without_a_word_is_interrupted_on_the_page(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    page = Page(studio, "a")
    page.look()
    run.write_status(Status(state="running", pid=2**22 + 1, pid_started=1.0, stage="train", step=5, steps=STEPS))
    told = page.look()
    assert ">interrupted<" in told["progress"][0]
    assert told["buttons"][2].visible


def test_a_run_without_a_corpus_can_be_looked_at(studio):
    create_run(TrainingConfig(), studio.runs, "x")
    assert "no corpus" in Page(studio, "x").look()["progress"][0]
