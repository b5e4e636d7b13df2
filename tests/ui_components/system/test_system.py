"""The System tab: what it says, and what its buttons do."""

import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from qal.checks.findings import Finding
from qal.checks.storage import Space
from qal.engine.cache import Loaded
from qal.errors import OptionError, TrainingError
from qal.jobs import job
from tests.fakes import scripted_engines
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import asked_by, pressed
from ui_components.app import notices
from ui_components.system import actions
from ui_components.system.view import Resumable, findings_html, loaded_html, resumable_html, title_of
from ui_components.train.run.tensorboard import tensorboard_address, tensorboard_html

GB = 10**9
EVIL = '<img src=x onerror="alert(1)">'
FINISHES = """
    import sys
    from pathlib import Path
    from qal.jobs.run import Run, Status
    Run(Path(sys.argv[-1])).write_status(Status(state="finished"))
"""


@pytest.fixture
def finishing_job(tmp_path, monkeypatch) -> None:
    (tmp_path / "job.py").write_text(textwrap.dedent(FINISHES))
    command = [sys.executable, str(tmp_path / "job.py")]
    monkeypatch.setattr(job, "trainer_command", lambda run: [*command, str(run.folder)])


@pytest.fixture
def spaces(monkeypatch) -> dict[str, Space]:
    """Disk and memory as a test wants them."""
    found = {"disk": Space(100 * GB, 50 * GB), "memory": Space(16 * GB, 8 * GB)}
    monkeypatch.setattr(notices, "disk_of", lambda folder: found["disk"])
    monkeypatch.setattr(notices, "memory", lambda: found["memory"])
    return found


def test_the_page_says_what_computes_here_at_once(studio):
    shown = actions.look(studio)
    for told in ("CPU", "core", "Decoders".lower(), "memory", "as pinned"):
        assert told in shown
    assert "torch 2" not in shown


def test_looked_at_closer_it_says_what_training_computes_on(studio):
    first, last = actions.look_closer(studio, "training")
    assert "Asking torch" in first
    assert "torch 2" in last


def test_runs_that_can_go_on_are_found_with_what_they_keep(studio):
    run = scripted_run(studio.runs, "stopped", "interrupted", step=7, reason="killed")
    run.checkpoints.mkdir(exist_ok=True)
    (run.checkpoints / "last.ckpt").write_bytes(bytes(2_000_000))
    scripted_run(studio.runs, "failed", "failed", step=3)
    scripted_run(studio.runs, "done", "finished")
    scripted_run(studio.runs, "busy", "running", step=2)
    found = {r.id: r for r in actions.resumable(studio)}
    assert set(found) == {"stopped", "failed"}
    assert (found["stopped"].step, found["stopped"].checkpoints) == (7, 2_000_000)
    shown, *_ = actions.show(studio)
    assert "2 MB of checkpoints" in shown
    assert "no checkpoint" in shown


def test_a_run_whose_settings_are_broken_is_still_told(studio):
    run = scripted_run(studio.runs, "stopped", "interrupted")
    run.config_file.write_text("{")
    assert "cannot be read" in actions.show(studio)[0]


def test_resume_starts_the_job_again(studio, finishing_job):
    run = scripted_run(studio.runs, "stopped", "interrupted", step=7)
    actions.resume(studio, pressed(resume="stopped"), asked_by())
    deadline = time.monotonic() + 30
    while run.status().state != "finished" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.status().state == "finished"


@pytest.mark.parametrize("name", ["never", "../stopped", None, 1])
def test_a_run_that_is_not_there_is_not_resumed(studio, name):
    scripted_run(studio.runs, "stopped", "interrupted")
    with pytest.raises(TrainingError, match="not there"):
        actions.resume(studio, pressed(resume=name), asked_by())


def test_another_users_run_is_not_resumed(studio):
    scripted_run(studio.runs, "stopped", "interrupted").update_status(user="anna")
    studio = replace(studio, is_admin=lambda name: False)
    with pytest.raises(OptionError, match="anna"):
        actions.resume(studio, pressed(resume="stopped"), asked_by("bob"))


def test_memory_is_freed_of_what_nobody_uses(studio, tmp_path):
    studio = replace(studio, engines=scripted_engines())
    for name in ("used", "idle"):
        model_directory(tmp_path / name)
    held = studio.engines.get(str(tmp_path / "used"), studio.runs)
    studio.engines.get(str(tmp_path / "idle"), studio.runs)
    assert "idle for under a minute" in actions.show(studio)[1]
    actions.free(studio)
    shown = actions.show(studio)[1]
    assert "in use" in shown
    assert "idle" not in shown
    assert held


@pytest.mark.parametrize(
    ("folder", "title"),
    [
        ("/m/base", "base"),
        ("/runs/mine/model", "mine"),
        ("/hub/models--Systran--faster-whisper-small/snapshots/0a1b", "faster-whisper-small"),
    ],
)
def test_a_model_in_memory_is_called_as_people_call_it(folder, title):
    assert title_of(Path(folder)) == title


def test_nothing_is_said_while_there_is_room(studio, spaces):
    assert notices.show(studio, "") == ("", "")


def test_what_runs_low_is_told_on_every_tab_until_it_is_dismissed(studio, spaces):
    spaces["disk"] = Space(100 * GB, GB)
    bar, dismissed = notices.show(studio, "")
    assert "1.0 GB are free on the disk of data, runs and models" in bar
    _, dismissed = notices.dismiss(studio)
    assert notices.show(studio, dismissed) == ("", dismissed)


def test_what_was_dismissed_is_told_again_when_something_else_runs_low_or_it_does_again(studio, spaces):
    spaces["disk"] = Space(100 * GB, GB)
    _, dismissed = notices.dismiss(studio)
    spaces["memory"] = Space(16 * GB, GB // 10)
    assert "memory" in notices.show(studio, dismissed)[0]
    spaces.update(disk=Space(100 * GB, 50 * GB), memory=Space(16 * GB, 8 * GB))
    _, dismissed = notices.show(studio, dismissed)
    spaces["disk"] = Space(100 * GB, GB)
    assert "disk" in notices.show(studio, dismissed)[0]


def test_tensorboard_is_offered_where_a_run_logs_to_it(studio):
    assert "No run logs" in tensorboard_html(studio.runs)
    run = scripted_run(studio.runs, "a.b", "finished")
    (run.folder / "tensorboard").mkdir()
    assert 'href="qal/tensorboard/"' in tensorboard_html(studio.runs)
    assert "charts of 1 run<" in tensorboard_html(studio.runs)
    assert "runFilter=%5Ea%5C.b%2F" in tensorboard_address(run)


def test_nothing_that_was_found_is_shown_as_html():
    finding = Finding(EVIL, EVIL, "missing", EVIL, EVIL, True)
    run = Resumable(EVIL, "failed", EVIL, 1, 2, 3, EVIL)
    loaded = Loaded(Path(f"/m/{EVIL.replace('/', '')}"), "auto", False, 1.0)
    pages = [findings_html([finding]), resumable_html([run]), loaded_html([loaded]), notices.notice_html([("x", EVIL)])]
    assert not any("<img" in page for page in pages)
