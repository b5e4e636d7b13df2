"""Trying, comparing, fetching and exporting models."""

import os
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from qal.engine.catalogue import models_folder
from qal.errors import AudioDecodeError, ModelError, OptionError, StorageError
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import asked_by, pressed
from tests.waiting import until
from ui_components.models import actions, exports
from ui_components.models.inventory import find_model

_, DETAILS, TRY, COMPARE, FETCH, FORM, EXPORT, DELETE, HEARING = range(9)


class Silent(gr.Progress):
    """A progress bar that nobody looks at."""

    def __call__(self, *_, **__) -> None: ...


@pytest.fixture
def real(monkeypatch, base_directory):
    """The models folder with the real `base`."""
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(base_directory.parent))
    return base_directory


def last(steps) -> str:
    return list(steps)[-1]


@pytest.fixture
def spoken(english_corpus) -> tuple[str, str]:
    """(path, what is said)"""
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s if r.duration_s < 8 else 0)
    return str(english_corpus.audio_path(row)), row.text


def test_the_buttons_fit_the_chosen_model(studio, models):
    model_directory(models / "base")
    absent, here, nothing = (actions.show(studio, key, "", "", "") for key in ("small", "base", None))
    assert [shown[FETCH].visible for shown in (absent, here, nothing)] == [True, False, False]
    for button in (TRY, COMPARE, FORM, EXPORT, DELETE):
        assert [shown[button].visible for shown in (absent, here, nothing)] == [False, True, False]
    assert [value for _, value in here[HEARING].choices] == ["base"]
    assert "Press a model" in nothing[DETAILS]


def test_a_row_is_chosen_and_a_head_sorts_up_down_and_not(studio):
    chosen, order, *_ = actions.pick(studio, None, "", "", "", pressed(key="small"))
    assert (chosen, order) == ("small", "")
    for expected in ("size", "-size", ""):
        chosen, order, *_ = actions.pick(studio, chosen, order, "", "", pressed(sort="size"))
        assert (chosen, order) == ("small", expected)
    _, order, *_ = actions.pick(studio, None, "", "", "", pressed(sort="__class__"))
    assert order == ""


def test_a_model_hears_a_clip_and_is_scored(studio, real, spoken):
    shown = last(actions.hear(studio, spoken[0], ["base"], "en", spoken[1], Silent()))
    assert "WER 0.0 %" in shown
    assert "RTF" in shown
    assert "English" in shown


def test_models_are_heard_one_after_the_other_and_an_error_stops_no_other(studio, real, spoken):
    model_directory(scripted_run(studio.runs, "broken", "finished").model)
    steps = list(actions.hear(studio, spoken[0], ["broken", "base"], "", "", Silent()))
    assert "waits" in steps[0]
    assert "cannot be loaded" in steps[-1] or "is missing or broken" in steps[-1]
    assert "RTF" in steps[-1]


def test_what_was_not_chosen_is_named(studio, spoken):
    with pytest.raises(AudioDecodeError, match="audio file"):
        last(actions.hear(studio, None, ["base"], "", "", Silent()))
    with pytest.raises(ModelError, match="choose a model"):
        last(actions.hear(studio, spoken[0], [], "", "", Silent()))
    with pytest.raises(ModelError, match="of the list"):
        last(actions.hear(studio, spoken[0], ["/etc"], "", "", Silent()))
    with pytest.raises(OptionError, match="at most"):
        last(actions.hear(studio, spoken[0], ["base", "tiny"] * 4, "", "", Silent()))


def test_a_model_joins_those_that_hear_once(studio, models):
    assert actions.to_compare(studio, "base", None) == ["base"]
    assert actions.to_compare(studio, "base", ["tiny", "base"]) == ["tiny", "base"]
    assert actions.to_compare(studio, "tiny", ["base"]) == ["base", "tiny"]
    assert actions.only(studio, "tiny") == ["tiny"]


def wait_for_errands(studio) -> str:
    until(lambda: not studio.errands.any_running())
    shown, running, clock = actions.errands(studio)
    assert (running, clock.active) == (0, False)
    return shown


def test_a_download_without_network_says_what_to_do(studio, monkeypatch, tmp_path):
    for name, value in (("HF_HUB_OFFLINE", "1"), ("HF_HOME", str(tmp_path)), ("PIP_NO_INDEX", "1")):
        monkeypatch.setenv(name, value)
    actions.fetch(studio, "tiny", asked_by())
    shown, running, clock = actions.errands(studio)
    assert (running, clock.active) == (1, True)
    assert "Fetching tiny" in shown
    with pytest.raises(OptionError, match="under way"):
        actions.fetch(studio, "tiny", asked_by())
    assert "Connect to the network" in wait_for_errands(studio)
    actions.tend_errand(studio, pressed(forget="fetch:tiny"), asked_by())
    assert actions.errands(studio)[0] == ""


def test_what_is_here_is_not_fetched_again_and_a_full_disk_is_told_before(studio, models, monkeypatch):
    model_directory(models / "base")
    with pytest.raises(ModelError, match="already"):
        actions.fetch(studio, "base", asked_by())
    monkeypatch.setattr("qal.storage.shutil.disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StorageError, match="free some space"):
        actions.fetch(studio, "small", asked_by())


def test_a_model_as_it_is_needs_no_export(studio, models):
    folder = model_directory(models / "base")
    link = actions.export(studio, "base", exports.AS_IT_IS, asked_by())
    assert 'href="qal/model.zip?name=base&amp;form=as-it-is"' in link
    assert exports.downloadable(studio, "base", exports.AS_IT_IS) == (folder, "base.zip")
    assert studio.errands.all() == []


def test_the_float32_weights_that_a_run_has_kept_need_no_export_either(studio):
    run = scripted_run(studio.runs, "mine", "finished")
    model_directory(run.model)
    run.transformers.mkdir()
    (run.transformers / "config.json").write_text("{}")
    assert exports.downloadable(studio, "mine", "transformers") == (run.transformers, "mine-transformers.zip")
    assert "model.zip" in actions.export(studio, "mine", "transformers", asked_by())


def test_an_export_that_cannot_be_made_is_a_sentence(studio, models):
    model_directory(models / "base")
    assert actions.export(studio, "base", "transformers", asked_by()) == ""
    assert "not a Whisper model" in wait_for_errands(studio)
    with pytest.raises(ModelError, match="has not been exported"):
        exports.downloadable(studio, "base", "transformers")


@pytest.mark.parametrize(("key", "form"), [("base", "nonsense"), ("small", "as-it-is"), ("/etc", "as-it-is")])
def test_only_what_is_listed_and_here_can_be_downloaded(studio, models, key, form):
    model_directory(models / "base")
    with pytest.raises(ModelError):
        exports.downloadable(studio, key, form)


def test_an_export_of_older_weights_is_made_anew(studio, models):
    folder = model_directory(models / "base")
    model = find_model(studio, "base")
    made = exports.folder_of(model, "int8")
    made.mkdir(parents=True)
    assert exports.ready(studio, model, "int8") == made
    (folder / "model.bin").touch()
    later = made.stat().st_mtime + 60
    os.utime(folder / "model.bin", (later, later))
    assert exports.ready(studio, model, "int8") is None
    assert exports.command(studio, model, "int8")[-1] == str(made.absolute())
    assert not made.exists()
    assert made.is_relative_to(models_folder())


@pytest.mark.long
@pytest.mark.parametrize("form", ["int8", "transformers"])
def test_a_real_model_is_exported_and_can_be_downloaded(studio, models, base_directory, form):
    models.mkdir()
    (models / "base").symlink_to(base_directory.resolve())
    assert actions.export(studio, "base", form, asked_by()) == ""
    assert "model.zip?name=base" in wait_for_errands(studio)
    folder, name = exports.downloadable(studio, "base", form)
    assert name == f"base-{form}.zip"
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sizes["model.bin"] < 90e6 if form == "int8" else sizes["model.safetensors"] > 280e6


def test_an_export_is_stopped_by_whoever_began_it_or_an_admin(studio, models):
    studio = replace(studio, is_admin=lambda name: name == "anna")
    model_directory(models / "base")
    actions.export(studio, "base", "transformers", asked_by("bekele"))
    with pytest.raises(OptionError, match="belongs to bekele"):
        actions.tend_errand(studio, pressed(stop="export:transformers:base"), asked_by("carl"))
    actions.tend_errand(studio, pressed(stop="export:transformers:base"), asked_by("anna"))
    wait_for_errands(studio)


def test_two_models_of_one_name_have_exports_of_their_own(studio, models, tmp_path):
    one, other = (replace(find_model(studio, "base"), directory=tmp_path / name) for name in ("ቃል", "ሰላም"))
    assert exports.folder_of(one, "int8") != exports.folder_of(other, "int8")
