"""Links to the Evaluate tab: a model that is chosen there, and the newest evaluation of a model."""

import pytest

from qal.errors import EvaluationError, ModelError
from qal.evaluation.records import read_evaluation, write_evaluation
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import click_event
from ui_components.evaluate import opening
from ui_components.evaluate.tab_ids import EVALUATE_TAB, NEW, RESULTS
from ui_components.models.actions import update
from ui_components.models.inventory import find_model


@pytest.fixture
def run(studio, monkeypatch, tmp_path):
    """A finished run with a model."""
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    return run


def evaluate_as(evaluated, identifier: str, model: str, started: float) -> None:
    folder = evaluated(identifier, {"audio/1.wav": "say the number 9 now"})
    write_evaluation(folder, read_evaluation(folder).model_copy(update={"model": model, "started": started}))


def test_model_is_chosen_in_the_form_of_a_new_evaluation(studio, run):
    found = opening.evaluate_model(studio, "mine")
    assert found.models.value == ["mine"]
    assert "mine" in {value for _, value in found.models.choices}
    assert (found.inner.selected, found.tabs.selected) == (NEW, EVALUATE_TAB)
    with pytest.raises(ModelError, match="not installed"):
        opening.evaluate_model(studio, "other")


def test_newest_evaluation_of_a_model_is_found_by_each_of_its_names(studio, run, evaluated):
    model = find_model(studio, "mine")
    assert opening.newest_evaluation(studio, model) is None
    for number, name in enumerate(("mine", str(run.folder), str(run.model))):
        evaluate_as(evaluated, f"e{number}", name, started=1e9 + number)
        newest = opening.newest_evaluation(studio, model)
        assert newest is not None
        assert newest.evaluation.id == f"e{number}"
    evaluate_as(evaluated, "other", "base", started=2e9)
    newest = opening.newest_evaluation(studio, model)
    assert newest is not None
    assert newest.evaluation.id == "e2"


def test_card_of_a_model_shows_its_newest_evaluation_with_the_normaliser(studio, run, evaluated):
    assert "Newest evaluation" not in update(studio, "mine", "", "", "").details
    evaluate_as(evaluated, "e1", "mine", started=1e9)
    details = update(studio, "mine", "", "", "").details
    for text in ("Newest evaluation", "WER 3.3 %", "numbers", "normaliser basic-2", "6 utterances", 'data-key="e1"'):
        assert text in details


def test_evaluation_is_opened_among_the_results(studio, run, evaluated):
    evaluate_as(evaluated, "e1", "mine", started=1e9)
    found = opening.open_evaluation(studio, click_event(_data={"key": "e1"}))
    assert (found.chosen, found.inner.selected, found.tabs.selected) == ("e1", RESULTS, EVALUATE_TAB)
    with pytest.raises(EvaluationError, match="no longer there"):
        opening.open_evaluation(studio, click_event(_data={"key": "../e1"}))
