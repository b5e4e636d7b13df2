"""Experiment trackers and the recorded environment of a run's attempts."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from pytorch_lightning.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from qal.corpus.manifest import Corpus, Origin, write_corpus
from qal.errors import CorpusError, ModelError, OptionError
from qal.jobs.options.training_config import TrainingConfig, require_tracker
from qal.jobs.run import create_run
from qal.training.report.environment import (
    git_revision,
    record_environment,
    require_unchanged_inputs,
)
from qal.training.report.trackers import make_logger


def test_tensorboard_logs_are_in_the_run_folder_and_continue_after_a_resume(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path, "r")
    for attempt in (1, 2):
        logger = make_logger("tensorboard", run)
        assert isinstance(logger, TensorBoardLogger)
        logger.log_metrics({"step/loss": 1.0 / attempt}, attempt)
        logger.finalize("success")
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    values = sorted((e.step, e.value) for e in events.Scalars("step/loss"))  # files of the same second have no order
    assert values == [(1, 1.0), (2, 0.5)]


def test_trackio_logger_calls_init_log_and_finish(tmp_path: Path, monkeypatch):
    calls: list = []
    module = ModuleType("trackio")
    run = SimpleNamespace(
        config={}, log=lambda metrics, step: calls.append((metrics, step)), finish=lambda: calls.append("end")
    )
    module.init = lambda **options: calls.append(options) or run  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "trackio", module)
    logger = make_logger("trackio", create_run(TrainingConfig(), tmp_path, "r"))
    assert logger
    logger.log_hyperparams({"epochs": 3})
    logger.log_metrics({"epoch/wer": 0.2}, 7)
    logger.finalize("success")
    assert run.config == {"epochs": 3}
    assert calls == [{"project": "qal", "name": "r", "resume": "allow"}, ({"epoch/wer": 0.2}, 7), "end"]


def test_tracker_that_is_not_installed_asks_for_pip_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionError, match="pip install wandb"):
        require_tracker("wandb")
    require_tracker("none")


def test_environment_of_each_attempt_is_a_line_of_environment_jsonl(tmp_path: Path, base: Path, tiny_corpus: Corpus):
    run = create_run(TrainingConfig(), tmp_path, "r")
    for attempt in (1, 2):
        record_environment(run, base, [tiny_corpus], attempt)
    lines = [json.loads(line) for line in run.environment_file.read_text().splitlines()]
    assert [line["attempt"] for line in lines] == [1, 2]
    assert lines[0]["packages"]["torch"]
    assert lines[0]["hardware"]["cores"] >= 1
    assert lines[0]["corpora"] == [{"name": "tones", "version": tiny_corpus.info.version}]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.bin").write_bytes(b"weights")
    return tmp_path / "base"


def test_resume_with_a_changed_dataset_is_refused(tmp_path: Path, base: Path, tiny_corpus: Corpus):
    run = create_run(TrainingConfig(), tmp_path, "r")
    require_unchanged_inputs(run, base, [tiny_corpus])  # the run has no attempt yet
    record_environment(run, base, [tiny_corpus], 1)
    require_unchanged_inputs(run, base, [tiny_corpus])
    smaller = write_corpus(tiny_corpus.folder, Origin(name="tones"), tiny_corpus.rows[:-1])
    with pytest.raises(CorpusError, match="tones has changed"):
        require_unchanged_inputs(run, base, [smaller])


def test_resume_with_changed_base_weights_is_refused(tmp_path: Path, base: Path, tiny_corpus: Corpus):
    run = create_run(TrainingConfig(), tmp_path, "r")
    record_environment(run, base, [tiny_corpus], 1)
    (base / "model.bin").write_bytes(b"others")
    with pytest.raises(ModelError, match="the base model has changed since this run started"):
        require_unchanged_inputs(run, base, [tiny_corpus])


def test_git_revision_outside_of_a_checkout_is_none(tmp_path: Path):
    assert git_revision(tmp_path) is None
