"""Trackers are told what metrics.jsonl says; the environment of every attempt is written down."""

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
from qal.training.report.environment import git_revision, record_environment, refuse_other_materials
from qal.training.report.trackers import make_logger


def test_tensorboard_is_in_the_run_folder_and_goes_on_after_a_resume(tmp_path: Path):
    run = create_run(TrainingConfig(), tmp_path, "r")
    for attempt in (1, 2):
        logger = make_logger("tensorboard", run)
        assert isinstance(logger, TensorBoardLogger)
        logger.log_metrics({"step/loss": 1.0 / attempt}, attempt)
        logger.finalize("success")
    events = EventAccumulator(str(run.folder / "tensorboard")).Reload()
    found = sorted((e.step, e.value) for e in events.Scalars("step/loss"))  # two files of one second have no order
    assert found == [(1, 1.0), (2, 0.5)]


def test_trackio_is_told_as_its_interface_wants(tmp_path: Path, monkeypatch):
    told: list = []
    module = ModuleType("trackio")
    run = SimpleNamespace(
        config={}, log=lambda metrics, step: told.append((metrics, step)), finish=lambda: told.append("end")
    )
    module.init = lambda **options: told.append(options) or run  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "trackio", module)
    logger = make_logger("trackio", create_run(TrainingConfig(), tmp_path, "r"))
    assert logger
    logger.log_hyperparams({"epochs": 3})
    logger.log_metrics({"epoch/wer": 0.2}, 7)
    logger.finalize("success")
    assert run.config == {"epochs": 3}
    assert told == [{"project": "qal", "name": "r", "resume": "allow"}, ({"epoch/wer": 0.2}, 7), "end"]


def test_a_tracker_that_is_not_installed_is_one_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OptionError, match="pip install wandb"):
        require_tracker("wandb")
    require_tracker("none")


def test_an_attempts_environment_is_a_line(tmp_path: Path, base: Path, tiny_corpus: Corpus):
    run = create_run(TrainingConfig(), tmp_path, "r")
    for attempt in (1, 2):
        record_environment(run, base, [tiny_corpus], attempt)
    lines = [json.loads(line) for line in (run.folder / "environment.jsonl").read_text().splitlines()]
    assert [line["attempt"] for line in lines] == [1, 2]
    assert lines[0]["packages"]["torch"]
    assert lines[0]["hardware"]["cores"] >= 1
    assert lines[0]["corpora"] == [{"name": "tones", "version": tiny_corpus.info.version}]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.bin").write_bytes(b"weights")
    return tmp_path / "base"


def test_a_run_does_not_go_on_with_other_rows_than_it_began_with(tmp_path: Path, base: Path, tiny_corpus: Corpus):
    run = create_run(TrainingConfig(), tmp_path, "r")
    refuse_other_materials(run, base, [tiny_corpus])  # nothing is known yet
    record_environment(run, base, [tiny_corpus], 1)
    refuse_other_materials(run, base, [tiny_corpus])
    smaller = write_corpus(tiny_corpus.folder, Origin(name="tones"), tiny_corpus.rows[:-1])
    with pytest.raises(CorpusError, match="tones has changed"):
        refuse_other_materials(run, base, [smaller])


def test_a_run_does_not_go_on_from_other_weights_than_it_began_with(tmp_path: Path, base: Path, tiny_corpus: Corpus):
    run = create_run(TrainingConfig(), tmp_path, "r")
    record_environment(run, base, [tiny_corpus], 1)
    (base / "model.bin").write_bytes(b"others")
    with pytest.raises(ModelError, match="no longer the model that this run began with"):
        refuse_other_materials(run, base, [tiny_corpus])


def test_outside_a_checkout_there_is_no_revision(tmp_path: Path):
    assert git_revision(tmp_path) is None
