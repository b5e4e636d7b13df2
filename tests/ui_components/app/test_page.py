"""The page as a whole. Imports are checked in a new process, because imported modules stay imported."""

import json
import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

from qal.errors import OptionError
from tests.ui_components.conftest import PageRequest
from ui_components.app.page import studio_page
from ui_components.app.studio import MAX_CONCURRENT_JOBS, action

ROOT = Path(__file__).parents[3]
FORBIDDEN = ("torch", "transformers", "pytorch_lightning", "lightning", "peft")
SCRIPT = """
import json, sys
from pathlib import Path
import qal.cli.subcommands.studio, qal.cli.subcommands.live
from tests.run_folders import scripted_run
from tests.ui_components.conftest import PageRequest
from tests.ui_components.train.new_run.form import small_corpus
from ui_components.widgets import model_choice
from ui_components.transcribe.result import actions as result_actions, outputs, sound
from ui_components.transcribe.start import actions as start_actions
from ui_components.transcribe.start.form import ADVANCED, FileOptions
from ui_components.widgets.forms import component_values
from ui_components.train.compare import actions as compare_actions
from ui_components.train.new_run import actions as new_run_actions
from ui_components.train.new_run import learning_rate_finder
from ui_components.train.report import files as report_files
from ui_components.train.run import actions as run_actions
from ui_components.app.page import live_page, studio_page
from ui_components.app.studio import Studio
from ui_components.train.new_run.choices import form_values
folder = Path(sys.argv[1])
places = {"transcripts": folder / "transcripts", "import_from": (Path(sys.argv[2]).parent,)}
studio = Studio(folder / "runs", folder / "data", model="base", **places)
studio_page(studio), live_page(studio)
scripted_run(studio.runs, "a", "finished")
small_corpus(studio.data / "ru")
values = form_values(studio, new_run_actions.first_config(studio)).values
model_choice.update_model_choices(studio)
new_run_actions.update_choices(studio, PageRequest(), None, new_run_actions.NEW_FORM, None, "", *values)
learning_rate_finder.refresh_search(studio, "a")
run_actions.refresh(studio, None, None, "all", "", None, run_actions.SentState())
compare_actions.refresh(studio, '["a"]', compare_actions.SentState())
report_files.download_png(studio, "a"), report_files.download_html(studio, "a")
settings = component_values(ADVANCED, FileOptions())
form = ("server", None, sys.argv[2], None, "base", "en", "transcribe")
started = start_actions.start(studio, *form, PageRequest(), *settings)
assert studio.file_queue.wait(240)
transcript = result_actions.show_result(studio, started.opened, PageRequest()).editor
sound.open_sound(studio, started.opened, PageRequest(), lambda *_, **__: None)
outputs.download(studio, started.opened, ["srt", "docx"], PageRequest())
print(json.dumps([transcript, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_page_handlers_never_import_torch(tmp_path, english_corpus, base_directory):
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s)
    clip = english_corpus.audio_path(row)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(clip)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    transcript, loaded = json.loads(result.stdout.splitlines()[-1])
    assert transcript["segments"]
    assert not set(FORBIDDEN) & set(loaded)


def test_events_have_no_queue_limit_except_heavy_jobs_and_no_public_api(studio):
    events = [event for event in studio_page(studio).fns.values() if event.targets[0][1] != "unload"]
    limits = {event.concurrency_limit for event in events}
    assert limits <= {None, MAX_CONCURRENT_JOBS}
    assert {event.api_visibility for event in events} == {"private"}


def test_handler_error_of_a_user_is_a_message_and_a_bug_is_raised(studio):
    def refuse(studio, request: gr.Request):
        raise OptionError("choose <something>")

    def crash(studio):
        raise ZeroDivisionError

    with pytest.raises(gr.Error, match="Choose &lt;something&gt;"):
        action(refuse, studio)(PageRequest())
    with pytest.raises(ZeroDivisionError):
        action(crash, studio)()


def test_generator_error_of_a_user_is_a_message(studio):
    def refuse(studio):
        yield 1
        raise OptionError("no")

    steps = action(refuse, studio)()
    assert next(steps) == 1
    with pytest.raises(gr.Error):
        next(steps)


def test_unknown_model_is_reported_before_the_page_is_served():
    command = [sys.executable, "app.py", "--model", "bse-adaptive"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert "there is no model 'bse-adaptive'" in result.stderr
