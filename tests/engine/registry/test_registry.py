"""The registry of models: stages, history, crashes, concurrent changes and hostile files."""

import itertools
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qal.engine.catalogue import canonical_model_name, resolve
from qal.engine.model_directory import MeasuredScore, ModelMetadata
from qal.engine.registry.records import LOCK_FILE, MAX_NOTE, REGISTRY_FILE, read_events
from qal.engine.registry.registry import Registry
from qal.errors import ModelError, OptionError, StorageError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import create_run, list_runs
from tests.model_folders import model_directory
from ui_components.widgets.choices import model_choices


def exported(runs: Path, run: str, width: int = 8) -> Path:
    score = MeasuredScore(wer=0.1, low=0.08, high=0.12, corpus="mine", utterances=100)
    metadata = ModelMetadata(base_model="base", run=run, corpus_version="c" * 64, measured=score)
    return model_directory(runs / run / "model", width=width, metadata=metadata)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry of three candidates: first, second and third."""
    registry = Registry(tmp_path)
    for width, run in enumerate(("first", "second", "third"), start=8):
        registry.register(exported(tmp_path, run, width), git_revision="a1b2", by="ada")
    return registry


def stages(registry: Registry) -> list[str]:
    state = registry.state()
    return [state.stages[id_] for id_ in state.models]


def test_registered_model_names_run_corpus_version_revision_and_score(registry, tmp_path):
    model, *_ = registry.state().models.values()
    assert (model.run, model.corpus_version, model.git_revision) == ("first", "c" * 64, "a1b2")
    assert model.measured is not None
    assert model.measured.wer == 0.1
    assert model.directory == "first/model"  # the folder of the runs may be moved
    assert stages(registry) == ["candidate"] * 3


def test_promotion_serves_one_model_and_retires_the_one_before(registry, tmp_path):
    registry.promote("first", by="ada")
    assert resolve("serving", tmp_path) == tmp_path / "first" / "model"
    registry.promote("second", by="bob", note="better on telephone speech")
    assert stages(registry) == ["retired", "serving", "candidate"]
    assert resolve("serving", tmp_path) == tmp_path / "second" / "model"
    last = registry.history()[-1]
    assert (last.action, last.by, last.note) == ("promote", "bob", "better on telephone speech")


def test_roll_back_returns_step_by_step_to_the_models_that_served_before(registry):
    for run in ("first", "second", "third"):
        registry.promote(run)
    assert registry.roll_back(by="ada").run == "second"
    assert stages(registry) == ["retired", "serving", "retired"]
    assert registry.roll_back().run == "first"
    with pytest.raises(ModelError, match="no earlier model"):
        registry.roll_back()
    assert stages(registry) == ["serving", "retired", "retired"]


def test_roll_back_passes_over_models_that_were_retired_or_deleted(registry, tmp_path):
    for run in ("first", "second", "third"):
        registry.promote(run)
    registry.retire("second")
    assert registry.roll_back().run == "first"
    registry.promote("second")
    registry.promote("third")
    (tmp_path / "second" / "model" / "model.bin").unlink()
    assert registry.roll_back().run == "first"


def test_serving_model_cannot_be_retired(registry):
    registry.promote("first")
    with pytest.raises(ModelError, match="is serving"):
        registry.retire("first")
    registry.retire("second", note="too slow")
    assert stages(registry) == ["serving", "retired", "candidate"]


def test_promotion_checks_that_the_weights_are_those_that_were_registered(registry, tmp_path):
    weights = tmp_path / "second" / "model" / "model.bin"
    content = bytearray(weights.read_bytes())
    content[-10] ^= 1  # same size
    weights.write_bytes(content)
    with pytest.raises(ModelError, match="were changed since it was registered"):
        registry.promote("second")
    assert registry.register(tmp_path / "second" / "model").id not in list(registry.state().models)[:3]
    assert registry.promote("second").weights_sha256 != list(registry.state().models.values())[1].weights_sha256


def test_serving_without_a_usable_model_names_the_command(registry, tmp_path):
    with pytest.raises(ModelError, match="qal models promote"):
        resolve("serving", tmp_path)
    registry.promote("first")
    (tmp_path / "first" / "model" / "model.bin").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"were replaced.*rollback"):
        resolve("serving", tmp_path)


def test_model_that_failed_the_gate_is_promoted_only_when_asked(registry, tmp_path):
    failed = registry.register(tmp_path / "first" / "model", gate="failed")
    with pytest.raises(ModelError, match="failed the gate"):
        registry.promote(failed.id)
    assert registry.promote(failed.id, despite_gate=True) == failed


def test_registering_the_same_weights_again_keeps_id_and_stage(registry, tmp_path):
    registry.promote("first")
    again = registry.register(tmp_path / "first" / "model", git_revision="a1b2", gate="passed")
    assert len(registry.state().models) == 3
    assert registry.state().serving == again
    before = len(registry.history())
    registry.register(tmp_path / "first" / "model", git_revision="a1b2", gate="passed")
    assert len(registry.history()) == before


@pytest.mark.parametrize("name", ["", "nothing", "../first", "f\0"])
def test_unknown_names_are_refused_with_the_known_ids(registry, name):
    with pytest.raises(ModelError, match="there are: first-"):
        registry.promote(name)


def test_every_torn_last_line_of_the_registry_leaves_the_state_before_it(registry, tmp_path):
    registry.promote("first")
    complete = (tmp_path / REGISTRY_FILE).read_bytes()
    registry.promote("second")
    added = (tmp_path / REGISTRY_FILE).read_bytes()[len(complete) :]
    for size in range(len(added)):
        (tmp_path / REGISTRY_FILE).write_bytes(complete + added[:size])
        assert stages(registry) == ["serving", "candidate", "candidate"]
    registry.promote("third")
    assert stages(registry) == ["retired", "candidate", "serving"]
    assert all(json.loads(line) for line in (tmp_path / REGISTRY_FILE).read_bytes().splitlines())


def test_concurrent_changes_of_the_registry_lose_no_event(registry, tmp_path):
    def change(i: int) -> None:
        own = Registry(tmp_path)  # as another process would
        own.promote(("first", "second", "third")[i % 3], by=f"user {i}", note="x" * 500)
        own.state()

    before = len(registry.history())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(40)))
    events = registry.history()[before:]
    assert sum(stage == "serving" for stage in stages(registry)) == 1
    assert all(a.id != b.id for a, b in itertools.pairwise(events))  # promoting the serving one adds none


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"action": "promote", "id": "../../etc", "time": 1}',
        b'{"action": "register", "id": "a", "time": 1}',
        b'{"action": "register", "id": "a", "time": 1, "model": {"id": "b", "directory": "x"}}',
        b'{"action": "promote", "id": "a", "time": NaN}',
    ],
)
def test_damaged_line_of_the_registry_is_named(registry, tmp_path, line):
    with (tmp_path / REGISTRY_FILE).open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(ModelError, match="line 4 is damaged"):
        registry.state()
    assert model_choices(tmp_path)  # the page's lists of models stay usable


def test_registry_that_is_a_pipe_or_too_large_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / REGISTRY_FILE)
    with pytest.raises(StorageError, match="pipe"):
        read_events(tmp_path)
    (tmp_path / REGISTRY_FILE).unlink()
    (tmp_path / REGISTRY_FILE).write_bytes(b"x" * 100)
    monkeypatch.setattr("qal.engine.registry.records.MAX_REGISTRY_BYTES", 99)
    with pytest.raises(ModelError, match="larger than"):
        read_events(tmp_path)


def test_events_about_unknown_models_change_nothing(registry, tmp_path):
    with (tmp_path / REGISTRY_FILE).open("a") as file:
        file.write('{"action": "promote", "id": "unknown", "time": 1}\n')
    assert stages(registry) == ["candidate"] * 3


def test_long_notes_and_foreign_metadata_are_refused(registry, tmp_path):
    with pytest.raises(OptionError, match="at most"):
        registry.promote("first", note="x" * (MAX_NOTE + 1))
    foreign = model_directory(tmp_path / "foreign", metadata=ModelMetadata(base_model="b", run="r" * 500))
    with pytest.raises(ModelError, match="export it again"):
        registry.register(foreign)


def test_serving_is_a_name_that_no_run_can_have_and_the_page_offers_it(registry, tmp_path):
    with pytest.raises(OptionError, match="serving"):
        create_run(TrainingConfig(), tmp_path, "serving")
    assert canonical_model_name("serving", tmp_path) == "serving"
    assert "serving" not in dict(model_choices(tmp_path)).values()
    registry.promote("first")
    assert ("serving (first)", "serving") in model_choices(tmp_path)


def test_registry_files_are_not_listed_as_runs(registry, tmp_path):
    assert {path.name for path in tmp_path.iterdir()} >= {REGISTRY_FILE, LOCK_FILE}
    assert list_runs(tmp_path) == []


def test_registering_a_copy_of_the_serving_weights_does_not_change_what_serves(registry, tmp_path):
    registry.promote("first")
    copy = shutil.copytree(tmp_path / "first" / "model", tmp_path / "copy")
    with pytest.raises(ModelError, match="serves from"):
        registry.register(copy)
    assert resolve("serving", tmp_path) == tmp_path / "first" / "model"
    shutil.rmtree(tmp_path / "first")
    registry.register(copy)  # the weights were moved
    assert resolve("serving", tmp_path) == copy


def test_weights_that_failed_the_gate_are_not_unchecked_when_they_are_registered_again(registry, tmp_path):
    folder = tmp_path / "second" / "model"
    registry.register(folder, gate="failed")
    registry.register(folder)
    with pytest.raises(ModelError, match="failed the gate"):
        registry.promote("second")
    registry.register(folder, gate="passed")
    assert registry.promote("second").gate == "passed"


def test_notes_and_names_are_kept_without_control_characters(registry):
    registry.promote("first", by="ada\x1b[2J", note="better\r\nthan\u202e before \ud800")
    last = registry.history()[-1]
    assert (last.by, last.note) == ("ada [2J", "better than before")
