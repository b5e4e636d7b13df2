"""Handlers of the New run tab: update, check and fill the form, and start a run."""

import json
import os
import sys
import textwrap
import time
from typing import Any

import gradio as gr
import pytest

from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.notes import read_notes
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from qal.resources import CONFIGS
from tests.run_folders import scripted_run
from tests.ui_components.conftest import request_from
from tests.ui_components.train.new_run.form import values_of
from tests.ui_components.train.run.run_page import is_unchanged
from ui_components.train.new_run import actions as new_run_actions
from ui_components.train.new_run.actions import (
    CHOOSE_FIRST,
    FIX_FIRST,
    NEW_FORM,
    check,
    choose_preset,
    first_config,
    form_feedback,
    load_preset,
    load_run,
    load_yaml,
    load_yaml_file,
    press_start,
    update_choices,
)
from ui_components.train.new_run.choices import by_name
from ui_components.train.new_run.form_state import FormState, visit_key
from ui_components.train.new_run.outputs import FormChoices, FormFeedback, FormUpdate, LoadedRun, flattened
from ui_components.train.new_run.starting import start

FINISHED_JOB = """
    import os, sys
    from pathlib import Path
    from qal.jobs.run import Run
    from qal.jobs.status import Status
    Run(Path(sys.argv[-1])).write_status(Status(state="finished", user=os.environ.get("QAL_RUN")))
"""


VISIT = visit_key(request_from().session_hash)
RESTORED = FormState(visit=VISIT)


@pytest.fixture
def short_jobs(tmp_path, monkeypatch):
    """Jobs that finish at once."""
    script = tmp_path / "job.py"
    script.write_text(textwrap.dedent(FINISHED_JOB))
    monkeypatch.setattr(job, "trainer_command", lambda run: [sys.executable, str(script), str(run.folder)])


def quick_values(studio, **changes) -> list[Any]:
    """The form with the preset quick and a corpus."""
    chosen = {"base": "small", "corpus": [str(studio.data / "ru")]}
    return values_of(studio, load_config(CONFIGS / "quick.yaml"), **(chosen | changes))


def opened_form(studio, **changes) -> FormState:
    """The state of a form with the preset quick before any input."""
    return form_feedback(studio, "quick", quick_values(studio, **changes)).state.filled("quick")


def updated(values, settings) -> dict[str, Any]:
    """The values of the form after an update, by name of the setting."""
    return by_name([old if is_unchanged(new) else new for old, new in zip(values, settings, strict=True)])


def test_empty_studio_shows_how_to_get_a_dataset(studio):
    choices = update_choices(studio, request_from(), None, NEW_FORM, None, "", *values_of(studio, first_config(studio)))
    assert "qal corpus import asterisk --language ru" in choices.note
    assert (by_name(choices.settings)["corpus"].choices, choices.fetch.visible) == ([], True)


def test_presets_models_and_datasets_are_offered_and_available_choices_stay_selected(studio_with_corpora):
    choices = update_of_new_page(studio_with_corpora, None)
    assert choices.preset.value == "quick"
    assert "a few hundred examples" in choices.preset.info
    settings = by_name(choices.settings)
    assert "small" in {value for _, value in settings["base"].choices}
    assert [name for name, _ in settings["corpus"].choices] == ["en · 2 min · English", "ru · 2 min · Russian"]
    assert (len(settings["corpus"].value), settings["retention.corpora"].value) == (1, [])
    assert (choices.note, choices.fetch.visible) == ("", False)
    assert choices.feedback.start.interactive
    chosen = [str(studio_with_corpora.data / "ru")]
    values = quick_values(studio_with_corpora, corpus=chosen, epochs=9)
    again = update_choices(studio_with_corpora, request_from(), {"visit": VISIT}, RESTORED, "balanced", "", *values)
    assert (again.preset.value, by_name(again.settings)["corpus"].value) == ("balanced", chosen)
    assert "<code>epochs</code>" in again.feedback.differences


def test_form_with_a_problem_cannot_be_started(studio_with_corpora, short_jobs):
    values = quick_values(studio_with_corpora, lora__rank=0)
    feedback = check(studio_with_corpora, opened_form(studio_with_corpora), "quick", "", *values)
    assert "lora.rank" in feedback.problems
    assert (feedback.start.interactive, feedback.find_learning_rate.interactive) == (False, False)
    assert feedback.estimate == ""
    assert feedback.command_line == feedback.yaml == FIX_FIRST
    with pytest.raises(OptionError, match=r"lora.rank: should be at least 1, not 0"):
        start(studio_with_corpora, request_from(), "quick", "", *values)
    assert list_runs(studio_with_corpora.runs) == []


def test_valid_form_shows_estimate_command_line_and_yaml(studio_with_corpora):
    feedback = form_feedback(studio_with_corpora, "quick", quick_values(studio_with_corpora, epochs=2))
    assert feedback.start.interactive
    assert "Examples" in feedback.estimate
    assert feedback.command_line.endswith(f"--base small --corpus {studio_with_corpora.data / 'ru'} --epochs 2")
    assert "epochs: 2\n" in feedback.yaml


def test_changes_from_the_preset_are_counted_named_and_can_be_reset(studio_with_corpora):
    unchanged_form = form_feedback(studio_with_corpora, "quick", quick_values(studio_with_corpora))
    assert not unchanged_form.problems.startswith("<div")
    values = quick_values(studio_with_corpora, epochs=2, lora__rank=8)
    feedback = form_feedback(studio_with_corpora, "quick", values)
    for name in ("base", "epochs", "lora.rank"):
        assert f"<code>{name}</code>" in feedback.differences
    assert '3 changes from preset "quick": ' in feedback.differences
    assert "#set-lora-rank" in feedback.problems
    assert feedback.reset.visible
    assert feedback.reset.value == "Reset to preset"
    settings = updated(values, load_preset(studio_with_corpora, NEW_FORM, "quick", "", *values).settings)
    assert (settings["epochs"], settings["lora.rank"]) == (4, 32)
    assert settings["corpus"] == [str(studio_with_corpora.data / "ru")]


def test_preset_fills_the_form_with_its_base_model_even_if_it_is_not_installed(studio_with_corpora):
    values = quick_values(studio_with_corpora)
    update = load_preset(studio_with_corpora, NEW_FORM, "demo", "", *values)
    assert "(2 epochs of LoRA of rank 32 on tiny, at most 500 examples)" in update.preset.info
    settings = updated(values, update.settings)
    assert (settings["base"], settings["max_utterances"], settings["epochs"]) == ("tiny", "500", 2)
    assert 'No changes from preset "demo".' in update.feedback.differences
    assert sum(not is_unchanged(value) for value in update.settings) < 6


def test_augmentation_preset_fills_the_transforms(studio_with_corpora):
    values = quick_values(studio_with_corpora, augmentation__preset="telephone", lora__rank=8)
    update = new_run_actions.apply_augmentation_preset(studio_with_corpora, NEW_FORM, "quick", "", *values)
    settings = updated(values, update.settings)
    assert (settings["augmentation.codec.probability"], settings["lora.rank"]) == (0.7, 8)
    assert "--augmentation.preset telephone" in update.feedback.command_line
    assert "--augmentation.codec" not in update.feedback.command_line


def test_loaded_run_fills_the_form_and_becomes_its_baseline(studio_with_corpora):
    run = scripted_run(studio_with_corpora.runs, "mine", "finished")
    corpus = [os.path.abspath(studio_with_corpora.data / "en")]
    changes = {"base": "small", "epochs": 7, "corpus": corpus}
    config = load_config(run.config_file).model_copy(update=changes)
    job.create_run(config, studio_with_corpora.runs, "other")
    values = quick_values(studio_with_corpora)
    loaded = load_run(studio_with_corpora, "other", NEW_FORM, "quick", "", *values)
    settings = updated(values, loaded.form.settings)
    assert (loaded.copied_run, loaded.tabs.selected, loaded.form.preset.value) == (None, "new", "run/other")
    assert (settings["epochs"], settings["corpus"]) == (7, [str(studio_with_corpora.data / "en")])
    assert 'No changes from run "other".' in loaded.form.feedback.differences
    assert loaded.form.feedback.reset.value == "Reset to run"
    assert "other/config.yaml" in loaded.form.feedback.command_line
    assert "--epochs" not in loaded.form.feedback.command_line


def test_load_run_without_a_run_changes_nothing_and_a_missing_run_is_an_error(studio_with_corpora):
    values = quick_values(studio_with_corpora)
    outputs = list(flattened(load_run(studio_with_corpora, None, NEW_FORM, "quick", "", *values)))
    assert len(outputs) == len(list(flattened(numbered_outputs(values))))
    assert all(map(is_unchanged, outputs))
    with pytest.raises(OptionError, match="run never does not exist any more"):
        load_run(studio_with_corpora, "never", NEW_FORM, "quick", "", *values)


def numbered_outputs(values) -> LoadedRun:
    """Outputs of `load_run` with a number in place of each value."""
    feedback = FormFeedback(*range(len(FormFeedback._fields)))
    return LoadedRun(0, 0, FormUpdate(0, tuple(range(len(values))), feedback))


def test_yaml_with_unavailable_datasets_and_models_is_loaded_without_them(studio_with_corpora):
    values = quick_values(studio_with_corpora)
    text = "corpus: [/srv/elsewhere]\nbase: /srv/model\nepochs: 3\n"
    update = load_yaml(studio_with_corpora, text, NEW_FORM, "quick", "", *values)
    settings = updated(values, update.settings)
    assert (settings["corpus"], settings["base"], settings["epochs"]) == ([], "small", 3)
    assert "Choose a dataset." in update.feedback.problems


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "paste a YAML first"),
        ("epochs: 0", "the YAML: epochs"),
        ("a: [", "the YAML: line 1"),
        ("nonsense: 1", "nonsense"),
        ("a: &x [1]\nb: [*x, *x]", "an alias"),
        ("[" * 250, "the YAML"),
        ("[" * 5000, "nested too deeply"),
        ("- " * 24_999, "nested too deeply"),
        ("? " * 24_999, "nested too deeply"),
        ("epochs: 9999-99-99", "not valid YAML"),
        ("epochs: " + "9" * 5000, "the YAML"),
        ('base: "\\ud800"', "the YAML"),
        ("base: \ud800", "the YAML"),
        ("# " + "x" * 200_000, "characters"),
    ],
)
def test_invalid_yaml_is_a_one_line_error(studio_with_corpora, text, message):
    with pytest.raises(OptionError) as refused:
        load_yaml(studio_with_corpora, text, NEW_FORM, "quick", "", *quick_values(studio_with_corpora))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_yaml_file_is_loaded_like_pasted_yaml(studio_with_corpora, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("language: no\n", encoding="utf-8")
    values = quick_values(studio_with_corpora)
    update = load_yaml_file(studio_with_corpora, str(file), NEW_FORM, "quick", "", *values)
    assert by_name(update.settings)["language"] == "no"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OptionError, match="not a text file"):
        load_yaml_file(studio_with_corpora, str(file), NEW_FORM, "quick", "", *values)


def test_start_saves_the_form_as_config_and_launches_the_job(studio_with_corpora, short_jobs):
    started = start(studio_with_corpora, request_from(), "quick", "", *quick_values(studio_with_corpora, epochs=2))
    (run,) = list_runs(studio_with_corpora.runs)
    assert (started.run, started.name) == (run.id, "")
    saved = load_config(run.config_file)
    corpus = [os.path.abspath(studio_with_corpora.data / "ru")]
    assert (saved.base, saved.corpus, saved.epochs) == ("small", corpus, 2)
    deadline = time.monotonic() + 30
    while run.status().state != "finished" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert run.status().state == "finished"


def test_queued_run_shows_its_position_in_a_message(studio_with_corpora, short_jobs, monkeypatch):
    scripted_run(studio_with_corpora.runs, "busy", "running", step=3)
    messages = []
    monkeypatch.setattr(gr, "Info", messages.append)
    start(studio_with_corpora, request_from(), "quick", "", *quick_values(studio_with_corpora))
    assert messages == ["Run busy is in progress: this run is number 1 in the queue and starts automatically."]


def test_missing_preset_is_a_problem_and_disables_start(studio):
    feedback = form_feedback(studio, None, values_of(studio, first_config(studio)))
    assert "choose a preset first" in feedback.problems.lower()
    assert not feedback.start.interactive


def test_nothing_is_red_before_it_was_touched_or_start_was_pressed(studio_with_corpora):
    untouched = opened_form(studio_with_corpora, corpus=[])
    values = quick_values(studio_with_corpora, corpus=[], epochs=2)
    feedback = check(studio_with_corpora, untouched, "quick", "", *values)
    assert 'class="qal-note problem"' not in feedback.problems
    assert "#set-corpus" not in feedback.problems
    assert "Choose a dataset." in feedback.problems
    assert (feedback.start.interactive, feedback.command_line) == (True, CHOOSE_FIRST)
    pressed = press_start(studio_with_corpora, feedback.state, "quick", "", *values)
    assert 'class="qal-note problem"' in pressed.problems
    assert "#set-corpus" in pressed.problems
    assert not pressed.start.interactive


def test_setting_that_was_emptied_is_red(studio_with_corpora):
    values = quick_values(studio_with_corpora, corpus=[])
    feedback = check(studio_with_corpora, opened_form(studio_with_corpora), "quick", "", *values)
    assert "#set-corpus" in feedback.problems
    assert not feedback.start.interactive


def test_preset_that_was_chosen_again_keeps_the_changes(studio_with_corpora):
    """Gradio sends the event of a choice when the focus leaves the drop-down, too."""
    values = quick_values(studio_with_corpora, epochs=9)
    kept = choose_preset(studio_with_corpora, opened_form(studio_with_corpora), "quick", "", *values)
    assert all(map(is_unchanged, flattened(kept)))
    chosen = choose_preset(studio_with_corpora, opened_form(studio_with_corpora), "balanced", "", *values)
    assert chosen.preset.value == "balanced"


def test_run_gets_the_name_of_the_form_or_the_suggested_one(studio_with_corpora, short_jobs):
    values = quick_values(studio_with_corpora)
    suggestion = f"ru-quick-{time.strftime('%Y-%m-%d')}"
    assert form_feedback(studio_with_corpora, "quick", values).name.placeholder == suggestion
    names = ["  My\nfirst  run ", "", ""]
    started = [start(studio_with_corpora, request_from(), "quick", name, *values).run for name in names]
    titles = [read_notes(Run(studio_with_corpora.runs / run_id)).title for run_id in started]
    assert titles == ["My first run", suggestion, f"{suggestion}-2"]


@pytest.mark.parametrize(("name", "message"), [("mine", "another run is named 'mine'"), ("x" * 99, "at most 80")])
def test_name_that_is_taken_or_too_long_is_a_problem(studio_with_corpora, short_jobs, name, message):
    scripted_run(studio_with_corpora.runs, "Mine", "finished")
    values = quick_values(studio_with_corpora)
    feedback = check(studio_with_corpora, opened_form(studio_with_corpora), "quick", name, *values)
    assert message in feedback.problems.replace("&#x27;", "'").replace("Another", "another")
    assert not feedback.start.interactive
    with pytest.raises(OptionError, match=message):
        start(studio_with_corpora, request_from(), "quick", name, *values)


def test_form_is_restored_once_from_the_browsers_storage(studio_with_corpora):
    chosen = [str(studio_with_corpora.data / "ru")]
    values = quick_values(studio_with_corpora, epochs=9, corpus=chosen, lora__rank=0)
    stored = form_feedback(studio_with_corpora, "balanced", values, "My run").stored
    assert update_of_new_page(studio_with_corpora, stored).preset.value == "quick"  # rank 0 is not valid
    values = quick_values(studio_with_corpora, epochs=9, corpus=chosen)
    stored = json.loads(json.dumps(form_feedback(studio_with_corpora, "balanced", values, "My run").stored))
    update = update_of_new_page(studio_with_corpora, stored)
    settings = by_name(update.settings)
    assert (update.preset.value, update.feedback.name.value) == ("balanced", "My run")
    assert (settings["epochs"], settings["corpus"].value) == (9, chosen)
    state = update.feedback.state
    late = update_choices(studio_with_corpora, request_from(), stored, state, "quick", "", *values)
    assert all(map(is_unchanged, flattened(late)))  # sent before the browser had the restored form
    kept = update.feedback.stored
    again = update_choices(studio_with_corpora, request_from(), kept, state, "quick", "", *values)
    assert again.preset.value == "quick"


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {"preset": "gone", "name": "", "values": {}, "visit": ""},
        {"preset": "quick", "name": "", "values": {"nonsense": 1}, "visit": ""},
        {"preset": "quick", "name": "", "values": {"epochs": {"a": 1}}, "visit": ""},
        {"preset": "quick", "name": 5, "values": {}, "visit": ""},
        {"preset": "quick", "name": "", "values": {"corpus": 7}, "visit": ""},
    ],
)
def test_stored_form_that_is_not_valid_is_ignored(studio_with_corpora, stored):
    update = update_of_new_page(studio_with_corpora, stored)
    assert (update.preset.value, is_unchanged(by_name(update.settings)["epochs"])) == ("quick", True)
    assert 'class="qal-note problem"' not in update.feedback.problems


def update_of_new_page(studio, stored) -> FormChoices:
    """The first update of a page whose browser has a stored form."""
    return update_choices(studio, request_from(), stored, NEW_FORM, None, "", *quick_values(studio, corpus=[]))
