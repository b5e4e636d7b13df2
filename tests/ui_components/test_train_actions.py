import os
import textwrap
import time

import pytest

from errors import OptionError, TrainingError
from tests.run_folders import STEPS, scripted_run, step_row
from training import job
from training.run import list_runs
from ui_components import train_actions
from ui_components.train_actions import Seen, show

SELECTOR, PROGRESS, LOSS, ERROR_RATES, REPORT, STOP, RESUME, SEEN = range(8)
STARTED = """
    import sys
    from pathlib import Path
    from training.run import Run, Status
    Run(Path(sys.argv[-1])).write_status(Status(state="finished"))
"""


def is_skip(update) -> bool:
    return update == {"__type__": "update"}


def test_an_empty_studio_says_what_to_do(studio):
    shown = show(studio, None, Seen())
    assert "press Start" in shown[PROGRESS]
    assert "python -m corpus import asterisk --language ru" in train_actions.no_corpus(studio)


def test_a_page_shows_the_running_run_else_the_newest(studio):
    scripted_run(studio.runs, "old", "finished")
    time.sleep(0.02)
    scripted_run(studio.runs, "new", "failed", step=5)
    assert show(studio, None, Seen())[SEEN].run == "new"
    scripted_run(studio.runs, "busy", "running", step=5)
    time.sleep(0.02)
    scripted_run(studio.runs, "newer", "failed", step=5)
    assert show(studio, None, Seen())[SEEN].run == "busy"


def test_charts_are_drawn_again_only_when_rows_were_added(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    first = show(studio, "a", Seen())
    again = show(studio, "a", first[SEEN])
    assert not is_skip(first[LOSS])
    assert is_skip(again[LOSS])
    assert is_skip(again[ERROR_RATES])
    run.append_metrics(step_row(6))
    later = show(studio, "a", again[SEEN])
    assert not is_skip(later[LOSS])


def test_a_run_that_is_over_costs_nothing_once_it_is_shown(studio):
    scripted_run(studio.runs, "a", "finished")
    first = show(studio, "a", Seen())
    assert all(is_skip(update) for update in show(studio, "a", first[SEEN]))


def test_a_new_page_shows_what_an_old_one_showed(studio):
    run = scripted_run(studio.runs, "a", "running", step=3)
    seen = show(studio, "a", Seen())[SEEN]
    run.append_metrics(step_row(4))
    old, new = show(studio, "a", seen), show(studio, None, Seen())
    assert old[LOSS].value == new[LOSS].value
    assert old[SEEN] == new[SEEN]


@pytest.mark.parametrize(
    ("state", "stop", "resume"),
    [("running", True, False), ("finished", False, False), ("failed", False, True), ("interrupted", False, True)],
)
def test_buttons_fit_the_state(studio, state, stop, resume):
    scripted_run(studio.runs, "a", state, step=5, reason="no space left" if state == "failed" else None)
    shown = show(studio, "a", Seen())
    assert (shown[STOP].visible, shown[RESUME].visible) == (stop, resume)


def test_a_finished_run_shows_its_report_and_a_failed_one_its_reason(studio):
    scripted_run(studio.runs, "good", "finished")
    scripted_run(studio.runs, "bad", "failed", reason="no space left on the disk")
    assert "19.0 %" in show(studio, "good", Seen())[REPORT]
    assert "No space left on the disk." not in show(studio, "good", Seen())[PROGRESS]
    assert "no space left on the disk" in show(studio, "bad", Seen())[PROGRESS].lower()


def test_stop_asks_the_run_and_the_page_says_so(studio):
    run = scripted_run(studio.runs, "a", "running", step=STEPS // 2)
    train_actions.stop(studio, "a")
    assert run.stop_file.exists()
    shown = show(studio, "a", Seen())
    assert "stopping" in shown[PROGRESS]
    assert not shown[STOP].interactive


def test_start_saves_the_choices_and_launches_the_job(studio, tmp_path, monkeypatch):
    script = tmp_path / "job.py"
    script.write_text(textwrap.dedent(STARTED))
    monkeypatch.setattr(job, "SCRIPT", script)
    monkeypatch.setenv("PYTHONPATH", str(job.Path(job.__file__).parent.parent))
    (studio.configs / "quick.yaml").write_text("# a short run\nepochs: 2\n")
    selector = train_actions.start(studio, "tiny.en", "data/asterisk-en", "quick")
    (run,) = list_runs(studio.runs)
    assert selector.value == run.id
    saved = train_actions.load_config(run.config_file)
    assert (saved.base, saved.corpus, saved.epochs) == ("tiny.en", [os.path.abspath("data/asterisk-en")], 2)
    deadline = time.monotonic() + 30
    while run.status().state != "finished" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.status().state == "finished"


def test_a_preset_brings_its_base_even_where_it_must_be_fetched_first(studio):
    (studio.configs / "demo.yaml").write_text("# small\nbase: tiny\nmax_utterances: 500\nepochs: 2\n")
    preset, base = train_actions.choose_preset(studio, "demo")
    assert preset.info == "small (2 epochs of LoRA of rank 32 on tiny, at most 500 utterances)"
    assert base.value == "tiny"
    assert "tiny" in {value for _, value in base.choices}


def test_start_names_what_was_not_chosen(studio):
    with pytest.raises(OptionError, match="corpus"):
        train_actions.start(studio, "base", None, "quick")


def test_a_second_run_waits_for_the_first(studio):
    (studio.configs / "quick.yaml").write_text("epochs: 2\n")
    scripted_run(studio.runs, "busy", "running", step=3)
    with pytest.raises(TrainingError, match="busy"):
        train_actions.start(studio, "base", "data/asterisk-en", "quick")


def test_acting_on_no_run_is_the_users_error(studio):
    for act in (train_actions.stop, train_actions.resume):
        with pytest.raises(TrainingError):
            act(studio, "never")
