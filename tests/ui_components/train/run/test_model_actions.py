"""The buttons that use a run's model or name the run."""

import pytest

from qal.errors import ModelError, OptionError
from qal.jobs.notes import Notes, read_notes, write_notes
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import request_from
from tests.ui_components.train.run.run_page import RunPage
from ui_components.models.exports import UNCHANGED, find_download
from ui_components.train.run.actions import run_choices
from ui_components.train.run.model_actions import DOWNLOAD_JS, ModelButtons, ask_name, rename, use_model
from ui_components.widgets.choices import model_choices


@pytest.fixture
def run(studio):
    """A finished run with a model."""
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    return run


def visible_buttons(studio, run_id: str) -> set[str]:
    update = RunPage(studio, run_id).refresh()
    return {name for name in ModelButtons._fields if update[name].visible}


def test_finished_run_offers_its_model_and_every_run_a_name(studio, run):
    assert visible_buttons(studio, "mine") == set(ModelButtons._fields)
    scripted_run(studio.runs, "failed", "failed")
    scripted_run(studio.runs, "unconverted", "finished")
    assert visible_buttons(studio, "failed") == visible_buttons(studio, "unconverted") == {"rename"}


@pytest.mark.parametrize("tab", ["live", "transcribe"])
def test_model_of_a_run_is_chosen_on_another_tab(studio, run, tab):
    used = use_model(studio, "mine", tab)
    assert (used.model.value, used.tabs.selected) == ("mine", tab)
    assert "mine" in {value for _, value in used.model.choices}


def test_run_without_a_model_cannot_be_used(studio):
    scripted_run(studio.runs, "mine", "failed")
    with pytest.raises(ModelError, match="run mine has no model"):
        use_model(studio, "mine", "live")


def test_downloaded_file_is_the_model_of_the_run(studio, run):
    assert f"form={UNCHANGED}" in DOWNLOAD_JS
    assert find_download(studio, "mine", UNCHANGED) == (run.model, "mine.zip")


def test_name_is_shown_in_place_of_the_id_everywhere(studio, run):
    write_notes(run, Notes(tags=("a",), note="b", pinned=True))
    assert ask_name(studio, "mine", request_from()).title.placeholder == "mine"
    assert not rename(studio, "mine", " My  first run ", request_from()).visible
    assert read_notes(run) == Notes(title="My first run", tags=("a",), note="b", pinned=True)
    assert ("My first run (fine-tuned here)", "mine") in model_choices(studio.runs, "base")
    assert run_choices(studio.run_index.entries(studio.runs))[0][0].startswith("My first run")
    assert find_download(studio, "mine", UNCHANGED)[1] == "My-first-run.zip"


def test_name_of_another_run_is_refused_and_the_own_name_may_stay(studio, run):
    scripted_run(studio.runs, "other", "failed")
    for name in ("other", "OTHER"):
        with pytest.raises(OptionError, match="another run is named"):
            rename(studio, "mine", name, request_from())
    rename(studio, "other", "other", request_from())


def test_only_the_owner_renames_a_run(tmp_path, studio, run):
    run.update_status(user="anna")
    owned = type(studio)(studio.runs, studio.data, is_admin=lambda name: False)
    with pytest.raises(OptionError, match="belongs to anna"):
        ask_name(owned, "mine", request_from("bekele"))
    with pytest.raises(OptionError, match="belongs to anna"):
        rename(owned, "mine", "x", request_from("bekele"))


def test_runs_with_the_same_name_are_told_apart_by_their_ids(studio, run):
    other = scripted_run(studio.runs, "other", "finished")
    model_directory(other.model)
    for twin in (run, other):
        write_notes(twin, Notes(title="Twin"))
    labels = [label for label, value in model_choices(studio.runs, "base") if value in ("mine", "other")]
    assert sorted(labels) == ["Twin · mine (fine-tuned here)", "Twin · other (fine-tuned here)"]
