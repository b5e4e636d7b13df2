"""Regression suites: one sentence for each mistake, and a failure where a model is worse beyond the interval."""

import json
from pathlib import Path

import pytest

from qal.errors import ModelError, OptionError
from qal.evaluation.evaluate import no_progress
from qal.evaluation.records import Evaluation, ScoredRow
from qal.evaluation.stored import Request, StoredEvaluation
from qal.jobs.run import Run
from qal.jobs.suites.checks import SuiteResult, result_json, run_suite
from qal.jobs.suites.run_check import check_run
from qal.jobs.suites.suite_file import read_suite
from tests.evaluation.evaluated import scored_rows

GOOD, BAD, SLOW = scored_rows(200, wrong_every=10), scored_rows(200, wrong_every=2), scored_rows(200, seconds=50.0)
ROWS = {
    "base": GOOD,
    "same": GOOD,
    "bad": BAD,
    "slow": SLOW,
    "few": scored_rows(2, wrong_every=1),
    "two": scored_rows(2),
}


def transcribed(request: Request) -> StoredEvaluation:
    """Returns the rows of the model's name as an evaluation."""
    rows: list[ScoredRow] = ROWS[request.model]
    evaluation = Evaluation(id="e", model=request.model, corpus=request.corpus.name)
    return StoredEvaluation(Path("evaluations/e"), evaluation, tuple(rows))


def results(tmp_path: Path, text: str, models: tuple[str, ...] = ()) -> dict[str, SuiteResult]:
    (tmp_path / "suite.yaml").write_text(text)
    return {result.model: result for result in run_suite(read_suite(tmp_path / "suite.yaml"), transcribed, models)}


BASELINE = "baseline: base\ncorpora:\n  - corpus: data/mine\n"


def test_a_model_that_is_worse_than_its_baseline_beyond_the_interval_fails(tmp_path: Path):
    found = results(tmp_path, BASELINE, ("bad", "same", "base"))
    assert {name: result.passed for name, result in found.items()} == {"bad": False, "same": True, "base": True}
    assert found["bad"].checks[0].sentence.startswith("worse than base: WER +5.0 points")
    assert found["same"].checks[0].sentence.startswith("not worse than base")


def test_a_loss_that_is_allowed_does_not_fail(tmp_path: Path):
    assert results(tmp_path, f"{BASELINE}    max_loss: 0.06\n", ("bad",))["bad"].passed
    assert not results(tmp_path, f"{BASELINE}    max_loss: 0.01\n", ("bad",))["bad"].passed


def test_a_few_examples_are_not_enough_to_fail(tmp_path: Path):
    text = "baseline: two\ncorpora:\n  - corpus: data/mine\n"
    assert results(tmp_path, text, ("few",))["few"].passed


def test_bounds_of_the_error_rate_and_of_the_speed_are_kept(tmp_path: Path):
    text = "corpora:\n  - corpus: data/mine\n    max_rate: 0.03\n    max_rtf: 1.5\n"
    found = results(tmp_path, text, ("same", "bad", "slow"))
    assert [result.passed for result in found.values()] == [True, False, False]
    assert found["bad"].checks[0].sentence == "WER 6.2 %, at most 3.0 %"
    assert [check.met for check in found["slow"].checks] == [True, False]
    assert result_json(found["slow"])["passed"] is False


def test_models_of_the_command_line_replace_those_of_the_suite(tmp_path: Path):
    text = f"models: [bad]\n{BASELINE}"
    assert list(results(tmp_path, text)) == ["bad"]
    assert list(results(tmp_path, text, ("same",))) == ["same"]
    with pytest.raises(OptionError, match="names no model"):
        results(tmp_path, BASELINE)


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["must consist of"]),
        ("corpora: []\nbaseline: base\n", ["corpora: should name at least one"]),
        ("baseline: base\n", ["corpora: is empty"]),
        ("corpora:\n  - corpus: data/mine\n", ["data/mine has no baseline, max_rate or max_rtf"]),
        ("corpora:\n  - max_rate: 0.1\n", ["corpora.0.corpus: is empty"]),
        (
            "baseline: b\ncorpora:\n  - corpus: a\n    max_lost: 1\n",
            ["corpora.0.max_lost: is not the name of a setting"],
        ),
        ("baseline: b\ncorpora:\n  - corpus: a\n    max_loss: 2\n", ["corpora.0.max_loss: should be at most 1, not 2"]),
        ("corpora:\n  - corpus: a\n    max_rate: 25\n", ["corpora.0.max_rate: should be at most 1, not 25"]),  # percent
        ("corpora:\n  - corpus: a\n    max_rtf: .inf\n", ["corpora.0.max_rtf: should be at most"]),
        ("baseline: b\ncorpora:\n  - corpus: a\n    split: tests\n", ["corpora.0.split: should be"]),
        ("baseline: b\nnormaliser: x\ncorpora:\n  - corpus: a\n", ["there is no normaliser 'x'"]),
        (
            "baseline: b\nmodel: x\ncorpora:\n  - corpus: a\n    max: 0\n    max_rate: -1\n",
            [
                "model: is not the name",
                "corpora.0.max: should be at least 1, not 0",
                "corpora.0.max_rate: should be above 0",
            ],
        ),
        ("corpora: [", ["not valid YAML|expected"]),
    ],
)
def test_each_mistake_of_a_suite_is_named_in_a_sentence(tmp_path: Path, text: str, messages: list[str]):
    (tmp_path / "suite.yaml").write_text(text)
    for message in messages:
        with pytest.raises(OptionError, match=message):
            read_suite(tmp_path / "suite.yaml")


@pytest.mark.parametrize(("name", "passed"), [("same", True), ("bad", False)])
def test_the_model_of_a_run_is_checked_and_the_results_are_in_its_folder(tmp_path: Path, name: str, passed: bool):
    run = Run(tmp_path / "runs" / name)
    run.folder.mkdir(parents=True)
    (tmp_path / "suite.yaml").write_text(BASELINE)
    assert check_run(run, tmp_path / "suite.yaml", no_progress, transcribed) is passed
    found = json.loads(run.suite_file.read_text())
    assert (found["passed"], found["problem"], found["results"][0]["model"]) == (passed, "", name)


def test_a_suite_that_cannot_be_run_is_a_problem_and_no_error_of_the_run(tmp_path: Path):
    def fail(request: Request) -> StoredEvaluation:
        raise ModelError("the baseline is gone")

    run = Run(tmp_path)
    (tmp_path / "suite.yaml").write_text(BASELINE)
    assert not check_run(run, tmp_path / "suite.yaml", no_progress, fail)
    assert json.loads(run.suite_file.read_text())["problem"] == "the baseline is gone"


def test_a_suite_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(OptionError, match="no such file"):
        read_suite(tmp_path / "none.yaml")
