import json
from typing import Any

import pytest

from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.options.yaml_file import load_config, save_config
from qal.jobs.run import Run
from qal.jobs.status import Status
from qal.resources import CONFIGS
from tests.run_folders import scripted_run
from tests.ui_components.conftest import PageRequest
from tests.ui_components.train.new_run.form import held_of
from ui_components.train.new_run import learning_rate_finder as rate_finder

NOBODY: Any = PageRequest()
FOUND = {"suggestion": 0.00049770236, "learning_rate": [1e-5, 1e-4, 4.977e-4, 1e-2], "loss": [3.0, 2.9, 2.0, 9.0]}


@pytest.fixture
def search(furnished) -> Run:
    run = scripted_run(furnished.runs, "search", "running", step=0)
    config = load_config(run.config_file).model_copy(update={"find_learning_rate": True})
    save_config(config, run.config_file)
    return run


def test_a_search_is_a_run_with_the_forms_settings_on_one_device(furnished, monkeypatch):
    monkeypatch.setattr(job, "launch", lambda run: None)
    held = held_of(
        furnished,
        load_config(CONFIGS / "quick.yaml"),
        base="small",
        corpus=[str(furnished.data / "ru")],
        machine__devices=2,
        lora__rank=8,
    )
    run_id, timer = rate_finder.find(furnished, NOBODY, *held)
    saved = load_config(furnished.runs / run_id / "config.yaml")
    assert timer.active
    assert (saved.find_learning_rate, saved.machine.devices, saved.lora.rank) == (True, 1, 8)


def test_its_progress_is_read_from_its_log(furnished, search):
    said, curve, use, _ = rate_finder.follow(furnished, "search")
    assert "Preparing" in said
    search.log_file.write_text("find:   1%| | 1/100 [00:01]\rfind:  34%|███ | 34/100 [00:20<00:39, 1.7utterance/s]")
    said, curve, use, timer = rate_finder.follow(furnished, "search")
    assert "34 of 100" in said
    assert (curve["visible"], use["visible"]) == (False, False)
    assert timer == {"__type__": "update"}


def test_a_search_that_waits_says_its_place(furnished, search):
    search.write_status(search.status().model_copy(update={"state": "queued", "queue_position": 2}))
    assert "number 2" in rate_finder.follow(furnished, "search")[0]


def test_its_curve_is_shown_and_the_rate_can_be_taken(furnished, search):
    search.learning_rate_file.write_text(json.dumps(FOUND))
    search.write_status(Status(state="finished", stage="find"))
    said, curve, use, timer = rate_finder.follow(furnished, "search")
    assert "<code>0.0005</code>" in said
    assert (curve.visible, use.visible, use.value, timer.active) == (True, True, "Use 0.0005", False)
    assert rate_finder.take(furnished, "search") == 0.0005
    figure = rate_finder.rate_figure(FOUND)
    assert figure.layout.xaxis.type == "log"
    assert list(figure.to_dict()["data"][1]["x"]) == [4.977e-4]


@pytest.mark.parametrize("content", [None, "{", "{}", "[]", '{"suggestion": "x", "learning_rate": [1], "loss": [1]}'])
def test_a_search_that_found_nothing_says_why(furnished, search, content):
    if content:
        search.learning_rate_file.write_text(content)
    search.write_status(Status(state="failed", reason="the loss fell at no learning rate"))
    said, _, use, timer = rate_finder.follow(furnished, "search")
    assert "the loss fell at no learning rate" in said
    assert (use["visible"], timer.active) == (False, False)
    with pytest.raises(OptionError, match="search again"):
        rate_finder.take(furnished, "search")


def test_a_page_that_is_opened_anew_follows_the_search(furnished, search):
    scripted_run(furnished.runs, "other", "running", step=3)
    assert rate_finder.resume(furnished, None)[0] == "search"
    search.write_status(Status(state="finished"))
    run_id, timer = rate_finder.resume(furnished, None)
    assert (run_id, timer.active) == (None, False)
    assert rate_finder.follow(furnished, None)[0] == ""
