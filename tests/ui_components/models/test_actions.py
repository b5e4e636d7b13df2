"""The Models tab: table clicks, comparison, downloads and exports."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from qal.engine.catalogue import models_folder
from qal.errors import AudioDecodeError, ModelError, OptionError, StorageError
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import SilentProgress, click_event, request_from
from tests.waiting import wait_until
from ui_components.models import actions, comparison_actions, exports
from ui_components.models.inventory import find_model


@pytest.fixture
def real(monkeypatch, base_directory):
    """The models folder with the real model `base`."""
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(base_directory.parent))
    return base_directory


def last(updates) -> str:
    return list(updates)[-1]


@pytest.fixture
def clip(english_corpus) -> tuple[str, str]:
    """(path, reference) of a short clip."""
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s if r.duration_s < 8 else 0)
    return str(english_corpus.audio_path(row)), row.text


def test_buttons_depend_on_the_selected_model(studio, models):
    model_directory(models / "base")
    absent, installed, none = (actions.update(studio, key, "", "", "") for key in ("small", "base", None))
    assert [update.download_button.visible for update in (absent, installed, none)] == [True, False, False]
    for field in ("try_button", "compare_button", "evaluate_button", "export_form", "export_button", "delete_button"):
        visible = [getattr(update, field).visible for update in (absent, installed, none)]
        assert visible == [False, True, False], field
    assert [value for _, value in installed.compared.choices] == ["base"]
    assert "Select a model" in none.details


def test_click_selects_a_row_or_cycles_the_sort_order_of_a_column(studio):
    click = actions.handle_click(studio, None, "", "", "", click_event(key="small"))
    assert (click.selected, click.order) == ("small", "")
    for expected in ("size", "-size", ""):
        click = actions.handle_click(studio, click.selected, click.order, "", "", click_event(sort="size"))
        assert (click.selected, click.order) == ("small", expected)
    assert actions.handle_click(studio, None, "", "", "", click_event(sort="__class__")).order == ""


def test_comparison_shows_wer_rtf_and_language(studio, real, clip):
    page = last(comparison_actions.compare(studio, clip[0], ["base"], "en", clip[1], SilentProgress()))
    assert "WER 0.0 %" in page
    assert "RTF" in page
    assert "English" in page


def test_comparison_continues_after_the_error_of_a_model(studio, real, clip):
    model_directory(scripted_run(studio.runs, "broken", "finished").model)
    steps = list(comparison_actions.compare(studio, clip[0], ["broken", "base"], "", "", SilentProgress()))
    assert "Waiting" in steps[0]
    assert "cannot be loaded" in steps[-1] or "is missing or broken" in steps[-1]
    assert "RTF" in steps[-1]


def test_comparison_names_missing_and_invalid_inputs(studio, clip):
    def compare(path: str | None, keys: list[str]) -> str:
        return last(comparison_actions.compare(studio, path, keys, "", "", SilentProgress()))

    with pytest.raises(AudioDecodeError, match="audio file"):
        compare(None, ["base"])
    with pytest.raises(ModelError, match="choose an installed model"):
        compare(clip[0], [])
    with pytest.raises(ModelError, match="from the list"):
        compare(clip[0], ["/etc"])
    with pytest.raises(OptionError, match="at most"):
        compare(clip[0], ["base", "tiny"] * 4)


def test_selected_model_is_added_to_the_comparison_once(studio, models):
    add = comparison_actions.add_to_comparison
    assert add(studio, "base", None) == ["base"]
    assert add(studio, "base", ["tiny", "base"]) == ["tiny", "base"]
    assert add(studio, "tiny", ["base"]) == ["base", "tiny"]
    assert comparison_actions.compare_one(studio, "tiny") == ["tiny"]


def wait_for_commands(studio) -> str:
    wait_until(lambda: not studio.background_commands.any_running())
    update = actions.update_commands(studio)
    assert (update.running_count, update.timer.active) == (0, False)
    return update.commands


def test_download_without_network_says_what_to_do(studio, monkeypatch, tmp_path):
    for name, value in (("HF_HUB_OFFLINE", "1"), ("HF_HOME", str(tmp_path)), ("PIP_NO_INDEX", "1")):
        monkeypatch.setenv(name, value)
    actions.download(studio, "tiny", request_from())
    update = actions.update_commands(studio)
    assert (update.running_count, update.timer.active) == (1, True)
    assert "Downloading tiny" in update.commands
    with pytest.raises(OptionError, match="already running"):
        actions.download(studio, "tiny", request_from())
    assert "Connect to the internet" in wait_for_commands(studio)
    actions.stop_or_dismiss(studio, click_event(dismiss="fetch:tiny"), request_from())
    assert actions.update_commands(studio).commands == ""


def test_installed_model_is_not_downloaded_again_and_a_full_disk_is_reported_first(studio, models, monkeypatch):
    model_directory(models / "base")
    with pytest.raises(ModelError, match="already"):
        actions.download(studio, "base", request_from())
    monkeypatch.setattr("qal.storage.shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match="free some space"):
        actions.download(studio, "small", request_from())


def test_unchanged_model_is_downloaded_without_export(studio, models):
    folder = model_directory(models / "base")
    link = actions.export(studio, "base", exports.UNCHANGED, request_from())
    assert 'href="qal/model.zip?name=base&amp;form=as-it-is"' in link
    assert exports.find_download(studio, "base", exports.UNCHANGED) == (folder, "base.zip")
    assert studio.background_commands.all() == []


def test_float32_weights_of_a_run_are_downloaded_without_export(studio):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    run.transformers.mkdir()
    (run.transformers / "config.json").write_text("{}")
    assert exports.find_download(studio, "mine", "transformers") == (run.transformers, "mine-transformers.zip")
    assert "model.zip" in actions.export(studio, "mine", "transformers", request_from())


def test_failed_export_gives_an_error_sentence(studio, models):
    model_directory(models / "base")
    assert actions.export(studio, "base", "transformers", request_from()) == ""
    assert "not a Whisper model" in wait_for_commands(studio)
    with pytest.raises(ModelError, match="has not been exported"):
        exports.find_download(studio, "base", "transformers")


@pytest.mark.parametrize(("key", "form"), [("base", "nonsense"), ("small", "as-it-is"), ("/etc", "as-it-is")])
def test_only_installed_models_of_the_inventory_can_be_downloaded(studio, models, key, form):
    model_directory(models / "base")
    with pytest.raises(ModelError):
        exports.find_download(studio, key, form)


def test_export_older_than_the_weights_is_replaced(studio, models):
    folder = model_directory(models / "base")
    model = find_model(studio, "base")
    folder_of_export = exports.export_folder(model, "int8")
    folder_of_export.mkdir(parents=True)
    assert exports.existing_export(studio, model, "int8") == folder_of_export
    (folder / "model.bin").touch()
    later = folder_of_export.stat().st_mtime + 60
    os.utime(folder / "model.bin", (later, later))
    assert exports.existing_export(studio, model, "int8") is None
    assert exports.export_command(studio, model, "int8")[-1] == str(folder_of_export.absolute())
    assert not folder_of_export.exists()
    assert folder_of_export.is_relative_to(models_folder())


@pytest.mark.long
@pytest.mark.parametrize("form", ["int8", "transformers"])
def test_real_model_is_exported_and_downloadable(studio, models, base_directory, form):
    models.mkdir()
    (models / "base").symlink_to(base_directory.resolve())
    assert actions.export(studio, "base", form, request_from()) == ""
    assert "model.zip?name=base" in wait_for_commands(studio)
    folder, name = exports.find_download(studio, "base", form)
    assert name == f"base-{form}.zip"
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sizes["model.bin"] < 90e6 if form == "int8" else sizes["model.safetensors"] > 280e6


def test_export_is_stopped_by_its_owner_or_an_admin_only(studio, models):
    studio = replace(studio, is_admin=lambda name: name == "anna")
    model_directory(models / "base")
    actions.export(studio, "base", "transformers", request_from("bekele"))
    with pytest.raises(OptionError, match="belongs to bekele"):
        actions.stop_or_dismiss(studio, click_event(stop="export:transformers:base"), request_from("carl"))
    actions.stop_or_dismiss(studio, click_event(stop="export:transformers:base"), request_from("anna"))
    wait_for_commands(studio)


def test_models_with_the_same_title_have_separate_export_folders(studio, models, tmp_path):
    first, second = (replace(find_model(studio, "base"), directory=tmp_path / name) for name in ("ቃል", "ሰላም"))
    assert exports.export_folder(first, "int8") != exports.export_folder(second, "int8")
