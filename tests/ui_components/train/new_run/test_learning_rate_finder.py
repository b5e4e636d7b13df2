"""The learning rate finder: its run, its progress and its result."""

import json

import pytest

from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.options.yaml_file import load_config, save_config
from qal.jobs.run import Run
from qal.jobs.status import Status
from qal.resources import CONFIGS
from tests.run_folders import scripted_run
from tests.ui_components.conftest import request_from
from tests.ui_components.train.new_run.form import values_of
from ui_components.train.new_run import learning_rate_finder
from ui_components.train.new_run.learning_rate_finder import (
    SearchResult,
    join_search,
    refresh_search,
    search_figure,
    suggested_rate,
)

RESULT = {"suggestion": 0.00049770236, "learning_rate": [1e-5, 1e-4, 4.977e-4, 1e-2], "loss": [3.0, 2.9, 2.0, 9.0]}


@pytest.fixture
def search(studio_with_corpora) -> Run:
    """The run of a search in progress."""
    run = scripted_run(studio_with_corpora.runs, "search", "running", step=0)
    config = load_config(run.config_file).model_copy(update={"find_learning_rate": True})
    save_config(config, run.config_file)
    return run


def test_search_is_a_run_with_the_settings_of_the_form_on_one_device(studio_with_corpora, monkeypatch):
    monkeypatch.setattr(job, "launch", lambda run: None)
    values = values_of(
        studio_with_corpora,
        load_config(CONFIGS / "quick.yaml"),
        base="small",
        corpus=[str(studio_with_corpora.data / "ru")],
        machine__devices=2,
        lora__rank=8,
    )
    started = learning_rate_finder.start_search(studio_with_corpora, request_from(), *values)
    assert started.run
    saved = load_config(studio_with_corpora.runs / started.run / "config.yaml")
    assert started.timer.active
    assert (saved.find_learning_rate, saved.machine.devices, saved.lora.rank) == (True, 1, 8)


def test_search_progress_is_read_from_the_log(studio_with_corpora, search):
    assert "Preparing" in refresh_search(studio_with_corpora, "search").note
    search.log_file.write_text("find:   1%| | 1/100 [00:01]\rfind:  34%|███ | 34/100 [00:20<00:39, 1.7utterance/s]")
    update = refresh_search(studio_with_corpora, "search")
    assert "34 of 100" in update.note
    assert (update.curve["visible"], update.use["visible"]) == (False, False)
    assert update.timer == {"__type__": "update"}


def test_queued_search_shows_its_queue_position(studio_with_corpora, search):
    search.write_status(search.status().model_copy(update={"state": "queued", "queue_position": 2}))
    assert "number 2" in refresh_search(studio_with_corpora, "search").note


def test_finished_search_shows_its_curve_and_the_rate_can_be_used(studio_with_corpora, search):
    search.learning_rate_file.write_text(json.dumps(RESULT))
    search.write_status(Status(state="finished", stage="find"))
    update = refresh_search(studio_with_corpora, "search")
    assert "<code>0.0005</code>" in update.note
    assert (update.curve.visible, update.use.visible, update.use.value) == (True, True, "Use 0.0005")
    assert not update.timer.active
    assert suggested_rate(studio_with_corpora, "search") == 0.0005
    figure = search_figure(SearchResult.model_validate(RESULT))
    assert figure.layout.xaxis.type == "log"  # pyright: ignore[reportAttributeAccessIssue]
    assert list(figure.to_dict()["data"][1]["x"]) == [4.977e-4]


@pytest.mark.parametrize("content", [None, "{", "{}", "[]", '{"suggestion": "x", "learning_rate": [1], "loss": [1]}'])
def test_search_without_a_valid_result_shows_the_reason(studio_with_corpora, search, content):
    if content:
        search.learning_rate_file.write_text(content)
    search.write_status(Status(state="failed", reason="the loss fell at no learning rate"))
    update = refresh_search(studio_with_corpora, "search")
    assert "the loss fell at no learning rate" in update.note
    assert (update.use["visible"], update.timer.active) == (False, False)
    with pytest.raises(OptionError, match="search again"):
        suggested_rate(studio_with_corpora, "search")


def test_new_page_shows_the_search_in_progress(studio_with_corpora, search):
    scripted_run(studio_with_corpora.runs, "other", "running", step=3)
    assert join_search(studio_with_corpora, None).run == "search"
    search.write_status(Status(state="finished"))
    joined = join_search(studio_with_corpora, None)
    assert (joined.run, joined.timer.active) == (None, False)
    assert refresh_search(studio_with_corpora, None).note == ""
