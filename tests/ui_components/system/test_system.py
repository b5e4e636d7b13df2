"""The System tab and the notices: their content and the effects of the buttons."""

import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from qal.checks.findings import Finding
from qal.checks.storage import Space
from qal.engine.cache import CacheStatistics, LoadedEngine
from qal.engine.settings.cache_limits import CacheLimits
from qal.errors import OptionError, TrainingError
from qal.jobs import job
from tests.fakes import scripted_engine_cache
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import click_event, request_from
from ui_components.app import notices
from ui_components.system import actions
from ui_components.system.view import (
    InterruptedRun,
    cache_html,
    findings_html,
    interrupted_runs_html,
    loaded_models_html,
    model_title,
)
from ui_components.train.run.tensorboard import tensorboard_address, tensorboard_html

GB = 10**9
XSS = '<img src=x onerror="alert(1)">'
FINISHING_JOB = """
    import sys
    from pathlib import Path
    from qal.jobs.run import Run
    from qal.jobs.status import Status
    Run(Path(sys.argv[-1])).write_status(Status(state="finished"))
"""


@pytest.fixture
def finishing_job(tmp_path, monkeypatch) -> None:
    (tmp_path / "job.py").write_text(textwrap.dedent(FINISHING_JOB))
    command = [sys.executable, str(tmp_path / "job.py")]
    monkeypatch.setattr(job, "trainer_command", lambda run: [*command, str(run.folder)])


@pytest.fixture
def spaces(monkeypatch) -> dict[str, Space]:
    """The free disk space and memory, which a test may change."""
    values = {"disk": Space(100 * GB, 50 * GB), "memory": Space(16 * GB, 8 * GB)}
    monkeypatch.setattr(notices, "disk_space", lambda folder: values["disk"])
    monkeypatch.setattr(notices, "memory_space", lambda: values["memory"])
    return values


def test_fast_checks_show_device_memory_and_packages_without_torch(studio):
    page = actions.run_checks(studio)
    for text in ("CPU", "core", "decoders", "memory", "Package versions"):
        assert text in page
    assert "torch 2" not in page


def test_training_check_shows_the_torch_version(studio):
    first, last = actions.run_slow_check(studio, "training")
    assert "Checking torch" in first
    assert "torch 2" in last


def test_interrupted_runs_are_listed_with_checkpoint_sizes(studio):
    run = scripted_run(studio.runs, "stopped", "interrupted", step=7, reason="killed")
    run.checkpoints.mkdir(exist_ok=True)
    (run.checkpoints / "last.ckpt").write_bytes(bytes(2_000_000))
    scripted_run(studio.runs, "failed", "failed", step=3)
    scripted_run(studio.runs, "done", "finished")
    scripted_run(studio.runs, "busy", "running", step=2)
    runs = {run.id: run for run in actions.interrupted_runs(studio)}
    assert set(runs) == {"stopped", "failed"}
    assert (runs["stopped"].step, runs["stopped"].checkpoint_bytes) == (7, 2_000_000)
    page = actions.update(studio).interrupted_runs
    assert "2 MB of checkpoints" in page
    assert "no checkpoint" in page


def test_interrupted_run_with_broken_settings_is_listed(studio):
    run = scripted_run(studio.runs, "stopped", "interrupted")
    run.config_file.write_text("{")
    assert "cannot be read" in actions.update(studio).interrupted_runs


def test_resume_restarts_the_job(studio, finishing_job):
    run = scripted_run(studio.runs, "stopped", "interrupted", step=7)
    actions.resume(studio, click_event(resume="stopped"), request_from())
    deadline = time.monotonic() + 30
    while run.status().state != "finished" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.status().state == "finished"


@pytest.mark.parametrize("name", ["never", "../stopped", None, 1])
def test_unknown_run_is_not_resumed(studio, name):
    scripted_run(studio.runs, "stopped", "interrupted")
    with pytest.raises(TrainingError, match="no longer exists"):
        actions.resume(studio, click_event(resume=name), request_from())


def test_run_of_another_user_is_not_resumed(studio):
    scripted_run(studio.runs, "stopped", "interrupted").update_status(user="anna")
    studio = replace(studio, is_admin=lambda name: False)
    with pytest.raises(OptionError, match="anna"):
        actions.resume(studio, click_event(resume="stopped"), request_from("bob"))


def test_only_idle_models_are_unloaded(studio, tmp_path):
    studio = replace(studio, engines=scripted_engine_cache())
    for name in ("used", "idle"):
        model_directory(tmp_path / name)
    engine = studio.engines.get(str(tmp_path / "used"), studio.runs)
    studio.engines.get(str(tmp_path / "idle"), studio.runs)
    assert "idle for under a minute" in actions.update(studio).loaded_models
    actions.unload_idle_models(studio)
    page = actions.update(studio).loaded_models
    assert "in use" in page
    assert "idle" not in page
    assert engine


def test_limits_of_models_in_memory_and_what_was_counted_are_shown():
    page = cache_html(CacheLimits(max_models=3, idle_s=7200), CacheStatistics(hits=1200, loads=2, failed_loads=1))
    assert "At most 3 models, no memory limit, unloaded after 2 h" in page
    assert "1,200 requests found their model loaded" in page
    assert "2 loaded it and 1 failed to" in page
    assert "1,500 MB" in cache_html(CacheLimits(memory_limit_mb=1500, idle_s=0), CacheStatistics())
    assert "141 MB" in loaded_models_html([LoadedEngine(Path("/m/base"), "auto", True, 0.0, 141.2)])


@pytest.mark.parametrize(
    ("folder", "title"),
    [
        ("/m/base", "base"),
        ("/runs/mine/model", "mine"),
        ("/hub/models--Systran--faster-whisper-small/snapshots/0a1b", "faster-whisper-small"),
    ],
)
def test_loaded_model_has_the_name_of_its_run_or_repository(folder, title):
    assert model_title(Path(folder)) == title


def test_no_notice_with_enough_disk_and_memory(studio, spaces):
    assert notices.update_bar(studio, "") == ("", "")


def test_notice_of_a_low_disk_is_shown_until_dismissed(studio, spaces):
    spaces["disk"] = Space(100 * GB, GB)
    assert "1.0 GB are free on the disk of data, runs and models" in notices.update_bar(studio, "").html
    dismissed = notices.dismiss(studio).dismissed
    assert notices.update_bar(studio, dismissed) == ("", dismissed)


def test_dismissed_notice_is_shown_again_after_a_change(studio, spaces):
    spaces["disk"] = Space(100 * GB, GB)
    dismissed = notices.dismiss(studio).dismissed
    spaces["memory"] = Space(16 * GB, GB // 10)
    assert "memory" in notices.update_bar(studio, dismissed).html
    spaces.update(disk=Space(100 * GB, 50 * GB), memory=Space(16 * GB, 8 * GB))
    dismissed = notices.update_bar(studio, dismissed).dismissed
    spaces["disk"] = Space(100 * GB, GB)
    assert "disk" in notices.update_bar(studio, dismissed).html


def test_tensorboard_link_needs_a_run_with_tensorboard_logs(studio):
    assert "No run logs" in tensorboard_html(studio.runs)
    run = scripted_run(studio.runs, "a.b", "finished")
    (run.folder / "tensorboard").mkdir()
    assert 'href="qal/tensorboard/"' in tensorboard_html(studio.runs)
    assert "charts of 1 run<" in tensorboard_html(studio.runs)
    assert "runFilter=%5Ea%5C.b%2F" in tensorboard_address(run)


def test_text_of_findings_runs_models_and_notices_is_escaped():
    finding = Finding(XSS, XSS, "missing", XSS, XSS, True)
    run = InterruptedRun(XSS, XSS, "failed", XSS, 1, 2, 3, XSS)
    loaded = LoadedEngine(Path(f"/m/{XSS.replace('/', '')}"), "auto", False, 1.0)
    pages = [findings_html([finding]), interrupted_runs_html([run]), loaded_models_html([loaded])]
    pages += [notices.notice_html([notices.Notice("disk", XSS)])]
    assert not any("<img" in page for page in pages)
