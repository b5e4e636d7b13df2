"""What is deleted, what is not, and what is asked before."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir

from qal.errors import ModelError, OptionError, TrainingError
from qal.jobs.job import TRASH
from qal.jobs.run import Run
from tests.fakes import scripted_engines
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import asked_by, pressed
from ui_components.models import actions, disk, removal
from ui_components.models.inventory import find_model


def trashed(studio) -> list[Path]:
    return sorted((studio.runs / TRASH).iterdir())


def test_a_model_of_our_cache_is_gone_and_nothing_else(studio, models):
    model_directory(models / "base")
    model_directory(models / "tiny")
    removal.remove(studio, find_model(studio, "base"))
    assert [path.name for path in models.iterdir()] == ["tiny"]
    assert find_model(studio, "base").place == "absent"


def test_of_a_link_only_the_link_goes(studio, models, tmp_path):
    elsewhere = model_directory(tmp_path / "elsewhere")
    models.mkdir()
    (models / "base").symlink_to(elsewhere)
    removal.remove(studio, find_model(studio, "base"))
    assert not (models / "base").exists()
    assert (elsewhere / "model.bin").exists()


def test_a_broken_folder_of_our_cache_can_go_too(studio, models):
    (models / "base").mkdir(parents=True)
    (models / "base" / "model.bin").write_bytes(b"")
    removal.remove(studio, find_model(studio, "base"))
    assert list(models.iterdir()) == []


def test_a_runs_model_moves_to_the_trash_and_the_run_stays(studio):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    removal.remove(studio, find_model(studio, "mine"))
    (moved,) = trashed(studio)
    assert moved.name.startswith("mine-model-")
    assert (moved / "model.bin").exists()
    assert run.report_file.exists()
    assert not run.model.exists()


def test_the_model_of_a_run_that_is_not_over_stays(studio):
    run = scripted_run(studio.runs, "busy", "running")
    model_directory(run.model)
    with pytest.raises(TrainingError, match="stop it first"):
        removal.remove(studio, find_model(studio, "busy"))
    assert run.model.exists()


def test_what_is_not_ours_stays(studio, tmp_path):
    given = model_directory(tmp_path / "given")
    studio = replace(studio, model=str(given))
    with pytest.raises(ModelError, match="delete it yourself"):
        removal.remove(studio, find_model(studio, str(given)))
    with pytest.raises(ModelError, match="nothing to delete"):
        removal.remove(studio, find_model(studio, "small"))
    outside = replace(find_model(studio, str(given)), place="cache")
    with pytest.raises(ModelError, match="is not in"):
        removal.remove(studio, outside)
    assert (given / "model.bin").exists()


def hub_cache(folder: Path) -> Path:
    """As the hub's library writes it: a model, and another one that must stay."""
    for name, content in (("Systran--faster-whisper-small", b"weights"), ("somebody--else", b"theirs")):
        repository, commit = folder / f"models--{name}", "a" * 39 + str(len(name) % 10)
        (repository / "blobs").mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(commit)
        (repository / "blobs" / "b1").write_bytes(content)
        snapshot = repository / "snapshots" / commit
        snapshot.mkdir(parents=True)
        (snapshot / "model.bin").symlink_to("../../blobs/b1")
    return folder


def test_the_hubs_cache_deletes_its_own_and_keeps_the_rest(studio, tmp_path, monkeypatch):
    cache = hub_cache(tmp_path / "hub")
    monkeypatch.setattr("huggingface_hub.scan_cache_dir", lambda: scan_cache_dir(cache))
    kept = replace(find_model(studio, "small"), place="hub", directory=cache)
    removal.remove(studio, kept)
    assert [path.name for path in cache.glob("models--*")] == ["models--somebody--else"]
    assert (cache / "models--somebody--else" / "blobs" / "b1").read_bytes() == b"theirs"
    with pytest.raises(ModelError, match="any more"):
        removal.remove(studio, kept)


def test_the_question_names_who_would_miss_it(studio, models):
    model_directory(models / "base")
    studio = replace(studio, engines=scripted_engines())
    scripted_run(studio.runs, "busy", "running")
    scripted_run(studio.runs, "stopped", "interrupted")
    scripted_run(studio.runs, "done", "finished")
    held = studio.engines.get("base", studio.runs)
    _, question, _ = actions.ask_delete(studio, "base", asked_by())
    assert "caption session" in question
    assert "Run busy is training on it." in question
    assert "Run stopped can only be resumed with it" in question
    assert "done" not in question
    del held
    assert "caption session" not in actions.ask_delete(studio, "base", asked_by())[1]


def test_a_users_model_is_deleted_by_its_user_or_an_admin_alone(studio, models):
    run = scripted_run(studio.runs, "mine", "finished")
    run.update_status(user="anna")
    model_directory(run.model)
    model_directory(models / "base")
    studio = replace(studio, is_admin=lambda name: name == "root")
    for key in ("mine", "base"):
        with pytest.raises(OptionError):
            actions.delete(studio, key, asked_by("bob"))
    with pytest.raises(OptionError, match="admin"):
        actions.clear(studio, "trash", asked_by("anna"))
    actions.delete(studio, "mine", asked_by("anna"))
    actions.delete(studio, "base", asked_by("root"))
    assert not run.model.exists()
    assert not (models / "base").exists()


def fill_trash(studio) -> Path:
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    removal.to_trash(run)
    return studio.runs / TRASH


def test_the_trash_is_emptied_of_all_but_what_its_links_lead_to(studio, tmp_path):
    trash = fill_trash(studio)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("")
    (trash / "link").symlink_to(tmp_path / "precious")
    (trash / "file").write_text("")
    assert "the 3 entries" in disk.question(studio, "trash")
    disk.clear(studio, "trash")
    assert list(trash.iterdir()) == []
    assert disk.question(studio, "trash") == ""
    assert (tmp_path / "precious" / "file").exists()
    assert Run(studio.runs / "mine").config_file.exists()


@pytest.mark.parametrize("what", ["trash", "cache"])
def test_a_folder_that_is_a_link_is_not_emptied(studio, models, tmp_path, what):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("")
    for folder in (studio.runs, models):
        folder.mkdir()
    link = studio.runs / TRASH if what == "trash" else models / "transformers"
    link.symlink_to(tmp_path / "precious")
    with pytest.raises(ModelError, match="is a link"):
        disk.clear(studio, what)
    assert (tmp_path / "precious" / "file").exists()


def test_the_cache_is_cleared_but_not_under_a_job(studio, models):
    for name in ("transformers/0a", "exports/mine-int8", "base"):
        (models / name).mkdir(parents=True)
    busy = scripted_run(studio.runs, "busy", "running")
    with pytest.raises(TrainingError, match="busy"):
        disk.clear(studio, "cache")
    busy.update_status(state="finished")
    disk.clear(studio, "cache")
    left = [str(path.relative_to(models)) for path in models.rglob("*")]
    assert sorted(left) == ["base", "exports", "transformers"]


def test_the_disk_is_told_folder_by_folder(studio, models, monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "HF_HUB_CACHE", str(tmp_path / "hub"))
    run = scripted_run(studio.runs, "mine", "failed")
    run.checkpoints.mkdir(exist_ok=True)
    (run.checkpoints / "last.ckpt").write_bytes(bytes(3_000_000))
    (models / "exports").mkdir(parents=True)
    (models / "exports" / "x").write_bytes(bytes(2_000_000))
    (models / "y").write_bytes(bytes(1_000_000))
    (studio.runs / TRASH).mkdir()
    (studio.runs / TRASH / "z").write_bytes(bytes(5_000_000))
    uses = {use.name: use for use in disk.disk_use(studio)}
    assert (uses["Models"].size, uses["Cache"].size, uses["Trash"].size) == (1_000_000, 2_000_000, 5_000_000)
    assert 3_000_000 < uses["Runs"].size < 4_000_000
    assert "3 MB checkpoints" in uses["Runs"].about
    assert "5 MB" in disk.disk_html(list(uses.values()))


def test_a_name_in_the_trash_is_never_taken(studio):
    first = fill_trash(studio)
    model_directory(Run(studio.runs / "mine").model)
    removal.to_trash(Run(studio.runs / "mine"))
    assert len(list(first.iterdir())) == 2


def test_a_page_that_is_out_of_date_deletes_nothing(studio, models):
    event = pressed(key="../../etc")
    with pytest.raises(ModelError, match="of the list"):
        actions.pick(studio, None, "", "", "", event)
    with pytest.raises(ModelError, match="of the list"):
        actions.delete(studio, str(models.parent), asked_by())
    assert os.path.isdir(models.parent)
