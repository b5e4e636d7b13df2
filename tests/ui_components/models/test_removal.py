"""Deletion of models: what is deleted, what is kept, who may delete, and the questions before."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir

from qal.engine.registry.registry import Registry
from qal.errors import ModelError, OptionError, TrainingError
from qal.jobs.job import TRASH_FOLDER
from qal.jobs.run import Run
from tests.fakes import scripted_engine_cache
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import click_event, request_from
from ui_components.models import actions, disk, removal
from ui_components.models.inventory import find_model


def trash_entries(studio) -> list[Path]:
    return sorted((studio.runs / TRASH_FOLDER).iterdir())


def test_model_in_the_models_folder_is_deleted_and_others_stay(studio, models):
    model_directory(models / "base")
    model_directory(models / "tiny")
    removal.delete_model(studio, find_model(studio, "base"))
    assert [path.name for path in models.iterdir()] == ["tiny"]
    assert find_model(studio, "base").place == "absent"


def test_link_is_deleted_and_its_target_kept(studio, models, tmp_path):
    elsewhere = model_directory(tmp_path / "elsewhere")
    models.mkdir()
    (models / "base").symlink_to(elsewhere)
    removal.delete_model(studio, find_model(studio, "base"))
    assert not (models / "base").exists()
    assert (elsewhere / "model.bin").exists()


def test_unreadable_model_folder_can_be_deleted(studio, models):
    (models / "base").mkdir(parents=True)
    (models / "base" / "model.bin").write_bytes(b"")
    removal.delete_model(studio, find_model(studio, "base"))
    assert list(models.iterdir()) == []


def test_model_of_a_run_moves_to_the_trash_and_the_run_stays(studio):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    removal.delete_model(studio, find_model(studio, "mine"))
    (moved,) = trash_entries(studio)
    assert moved.name.startswith("mine-model-")
    assert (moved / "model.bin").exists()
    assert run.report_file.exists()
    assert not run.model.exists()


def test_question_before_deleting_the_serving_model_says_so(studio):
    for name in ("mine", "other"):
        model_directory(scripted_run(studio.runs, name, "finished").model, width=8 if name == "mine" else 9)
        Registry(studio.runs).register(studio.runs / name / "model")
    first = next(iter(Registry(studio.runs).state().models))
    Registry(studio.runs).promote(first)
    assert "It is the serving model" in " ".join(removal.usage_warnings(studio, find_model(studio, "mine")))
    assert removal.usage_warnings(studio, find_model(studio, "other")) == []


def test_model_of_a_running_run_is_not_deleted(studio):
    run = scripted_run(studio.runs, "busy", "running")
    model_directory(run.model)
    with pytest.raises(TrainingError, match="stop it first"):
        removal.delete_model(studio, find_model(studio, "busy"))
    assert run.model.exists()


def test_models_outside_the_managed_folders_are_not_deleted(studio, tmp_path):
    given = model_directory(tmp_path / "given")
    studio = replace(studio, model=str(given))
    with pytest.raises(ModelError, match="delete it yourself"):
        removal.delete_model(studio, find_model(studio, str(given)))
    with pytest.raises(ModelError, match="nothing to delete"):
        removal.delete_model(studio, find_model(studio, "small"))
    outside = replace(find_model(studio, str(given)), place="cache")
    with pytest.raises(ModelError, match="is not in"):
        removal.delete_model(studio, outside)
    assert (given / "model.bin").exists()


def hub_cache(folder: Path) -> Path:
    """A hub cache as the hub's library writes it, with two models."""
    for name, content in (("Systran--faster-whisper-small", b"weights"), ("other--model", b"other weights")):
        repository, commit = folder / f"models--{name}", "a" * 39 + str(len(name) % 10)
        (repository / "blobs").mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(commit)
        (repository / "blobs" / "b1").write_bytes(content)
        snapshot = repository / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (snapshot / "model.bin").symlink_to("../../blobs/b1")
    return folder


def test_model_is_deleted_from_the_hub_cache_and_others_stay(studio, tmp_path, monkeypatch):
    cache = hub_cache(tmp_path / "hub")
    monkeypatch.setattr("huggingface_hub.scan_cache_dir", lambda: scan_cache_dir(cache))
    model = replace(find_model(studio, "small"), place="hub", directory=cache)
    removal.delete_model(studio, model)
    assert [path.name for path in cache.glob("models--*")] == ["models--other--model"]
    assert (cache / "models--other--model" / "blobs" / "b1").read_bytes() == b"other weights"
    with pytest.raises(ModelError, match="no longer"):
        removal.delete_model(studio, model)


def test_delete_question_names_sessions_and_runs_that_use_the_model(studio, models):
    model_directory(models / "base")
    studio = replace(studio, engines=scripted_engine_cache())
    scripted_run(studio.runs, "busy", "running")
    scripted_run(studio.runs, "stopped", "interrupted")
    scripted_run(studio.runs, "done", "finished")
    engine = studio.engines.get("base", studio.runs)
    question = actions.ask_delete(studio, "base", request_from()).question
    assert "caption session" in question
    assert "Run busy is training on it." in question
    assert "Run stopped needs it to be resumed" in question
    assert "done" not in question
    del engine
    assert "caption session" not in actions.ask_delete(studio, "base", request_from()).question


def test_only_owner_or_admin_may_delete_a_model(studio, models):
    run = scripted_run(studio.runs, "mine", "finished")
    run.update_status(user="anna")
    model_directory(run.model)
    model_directory(models / "base")
    studio = replace(studio, is_admin=lambda name: name == "root")
    for key in ("mine", "base"):
        with pytest.raises(OptionError):
            actions.delete(studio, key, request_from("bob"))
    with pytest.raises(OptionError, match="admin"):
        actions.clear(studio, "trash", request_from("anna"))
    actions.delete(studio, "mine", request_from("anna"))
    actions.delete(studio, "base", request_from("root"))
    assert not run.model.exists()
    assert not (models / "base").exists()


def fill_trash(studio) -> Path:
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    removal.move_to_trash(run)
    return studio.runs / TRASH_FOLDER


def test_emptying_the_trash_keeps_the_targets_of_links(studio, tmp_path):
    trash = fill_trash(studio)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("")
    (trash / "link").symlink_to(tmp_path / "precious")
    (trash / "file").write_text("")
    assert "the 3 entries" in disk.confirmation_question(studio, "trash")
    disk.clear_storage(studio, "trash")
    assert list(trash.iterdir()) == []
    assert disk.confirmation_question(studio, "trash") == ""
    assert (tmp_path / "precious" / "file").exists()
    assert Run(studio.runs / "mine").config_file.exists()


@pytest.mark.parametrize("storage", ["trash", "cache"])
def test_folder_that_is_a_link_is_not_emptied(studio, models, tmp_path, storage):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("")
    for folder in (studio.runs, models):
        folder.mkdir()
    link = studio.runs / TRASH_FOLDER if storage == "trash" else models / "transformers"
    link.symlink_to(tmp_path / "precious")
    with pytest.raises(ModelError, match="is a symbolic link"):
        disk.clear_storage(studio, storage)
    assert (tmp_path / "precious" / "file").exists()


def test_cache_is_not_cleared_while_a_run_is_active(studio, models):
    for name in ("transformers/0a", "exports/mine-int8", "base"):
        (models / name).mkdir(parents=True)
    busy = scripted_run(studio.runs, "busy", "running")
    with pytest.raises(TrainingError, match="busy"):
        disk.clear_storage(studio, "cache")
    busy.update_status(state="finished")
    disk.clear_storage(studio, "cache")
    remaining = [str(path.relative_to(models)) for path in models.rglob("*")]
    assert sorted(remaining) == ["base", "exports", "transformers"]


def test_disk_usage_lists_each_folder_once(studio, models, monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "HF_HUB_CACHE", str(tmp_path / "hub"))
    run = scripted_run(studio.runs, "mine", "failed")
    run.checkpoints.mkdir(exist_ok=True)
    (run.checkpoints / "last.ckpt").write_bytes(bytes(3_000_000))
    (models / "exports").mkdir(parents=True)
    (models / "exports" / "x").write_bytes(bytes(2_000_000))
    (models / "y").write_bytes(bytes(1_000_000))
    (studio.runs / TRASH_FOLDER).mkdir()
    (studio.runs / TRASH_FOLDER / "z").write_bytes(bytes(5_000_000))
    usage = {line.name: line for line in disk.disk_usage(studio)}
    assert (usage["Models"].size, usage["Cache"].size, usage["Trash"].size) == (1_000_000, 2_000_000, 5_000_000)
    assert 3_000_000 < usage["Runs"].size < 4_000_000
    assert "3 MB checkpoints" in usage["Runs"].about
    assert "5 MB" in disk.disk_html(list(usage.values()))


def test_second_model_of_a_run_gets_its_own_name_in_the_trash(studio):
    trash = fill_trash(studio)
    model_directory(Run(studio.runs / "mine").model)
    removal.move_to_trash(Run(studio.runs / "mine"))
    assert len(list(trash.iterdir())) == 2


def test_keys_outside_the_inventory_delete_nothing(studio, models):
    event = click_event(key="../../etc")
    with pytest.raises(ModelError, match="from the list"):
        actions.handle_click(studio, None, "", "", "", event)
    with pytest.raises(ModelError, match="from the list"):
        actions.delete(studio, str(models.parent), request_from())
    assert os.path.isdir(models.parent)
