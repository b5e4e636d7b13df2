"""Commands that outlive the page: seen by all, stopped when asked, their errors a sentence."""

import sys
from pathlib import Path

import psutil
import pytest

from qal.errors import OptionError
from tests.waiting import until
from ui_components.app.background_commands import Errands

BAR = r"""
import sys, time
sys.stderr.write("base:  10%|#    |\rbase:  42%|####  | 62M/145M")
sys.stderr.flush()
time.sleep(60)
"""
FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(1, flush=True)
time.sleep(60)
"""
FAILS = "import sys; sys.exit('error: there is no network; connect to it')"
CRASHES = "raise ZeroDivisionError"


@pytest.fixture
def errands():
    made = Errands()
    yield made
    for errand in made.all():
        made.stop(errand.key)


def start(errands: Errands, folder: Path, code: str, key: str = "fetch:base"):
    return errands.start(key, "Fetching base", [sys.executable, "-c", code], folder)


def test_progress_is_read_from_the_bar_that_redraws_itself(errands, tmp_path):
    errand = start(errands, tmp_path, BAR)
    until(lambda: errand.share() == 0.42)
    assert errand.last_line().startswith("base:  42%")
    assert errands.any_running()


def test_the_same_is_not_begun_twice_but_something_else_is(errands, tmp_path):
    start(errands, tmp_path, BAR)
    with pytest.raises(OptionError, match="under way"):
        start(errands, tmp_path, BAR)
    start(errands, tmp_path, BAR, key="fetch:tiny")


def test_one_that_is_stopped_ends_with_all_that_it_has_started(errands, tmp_path):
    errand = start(errands, tmp_path, FAMILY)
    until(lambda: errand.last_line() == "1")
    (child,) = psutil.Process(errand.process.pid).children()
    errands.stop(errand.key)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert (errand.failed, errand.reason()) == (True, "it was stopped")


@pytest.mark.parametrize(
    ("code", "reason"), [(FAILS, "there is no network; connect to it"), (CRASHES, "it ended unexpectedly")]
)
def test_why_it_failed_is_a_sentence(errands, tmp_path, code, reason):
    errand = start(errands, tmp_path, code)
    until(lambda: errand.failed)
    assert errand.reason().startswith(reason)


def test_only_what_has_ended_is_forgotten(errands, tmp_path):
    errand = start(errands, tmp_path, BAR)
    errands.forget(errand.key)
    assert errands.all() == [errand]
    errands.stop(errand.key)
    errands.forget(errand.key)
    assert errands.all() == []


def test_a_key_is_never_a_path(errands, tmp_path):
    errand = start(errands, tmp_path / "logs", "print(1)", key="export:int8:/../../etc/passwd")
    assert errand.log.parent == tmp_path / "logs"


def test_a_command_has_our_models_wherever_the_server_was_started(errands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHISPER_MODEL_DIR", "models")
    errand = start(errands, tmp_path, "from qal.engine.catalogue import models_folder; print(models_folder())")
    until(lambda: not errand.is_running)
    assert errand.last_line() == str(tmp_path / "models")


def test_one_under_way_is_joined_where_that_is_wanted(errands, tmp_path):
    errand = start(errands, tmp_path, BAR)
    joined = errands.start(errand.key, "the same", [sys.executable, "-c", BAR], tmp_path, or_join=True)
    assert joined is errand
    assert errands.any_running("fetch:")
    assert not errands.any_running("export:", "corpus:")
