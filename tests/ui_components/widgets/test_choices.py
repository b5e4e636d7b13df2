from pathlib import Path

import pytest

from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE
from qal.engine.catalogue import canonical_model_name
from qal.engine.languages import LANGUAGES
from qal.engine.model_directory import REQUIRED_FILES
from qal.errors import ModelError
from tests.run_folders import scripted_run
from ui_components.widgets import choices
from ui_components.widgets.model_choice import model_note

INFO = """{"name": "asterisk-ru", "languages": ["ru"], "utterances": {"train": 1, "validation": 1, "test": 1},
"duration_s": 1206.6, "version": "1"}"""


def model_directory(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in REQUIRED_FILES:
        (folder / name).touch()
    return folder


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)


def values(options: choices.Choices) -> list[str]:
    return [value for _, value in options]


def test_model_choices_are_installed_models_and_runs_with_a_model(tmp_path):
    assert values(choices.model_choices(tmp_path / "runs")) == []
    model_directory(tmp_path / "models" / "base")
    model_directory(scripted_run(tmp_path / "runs", "mine", "finished").model)
    scripted_run(tmp_path / "runs", "unfinished", "failed")
    assert values(choices.model_choices(tmp_path / "runs")) == ["base", "mine"]


def test_model_argument_is_resolved_to_a_choice(tmp_path):
    runs = tmp_path / "runs"
    scripted_run(runs, "going", "running")
    run_model = model_directory(scripted_run(runs, "mine", "finished").model)
    for name in ("base-adaptive", "small", "going", "mine"):
        assert canonical_model_name(name, runs) == name
    settled = canonical_model_name(str(runs / "mine"), runs)
    assert settled == str(run_model)
    assert settled in choices.allowed_models(runs, settled)
    for wrong in ("bse", "../runs/going", str(runs / "going")):
        with pytest.raises(ModelError, match="there is no model"):
            canonical_model_name(wrong, runs)


def test_model_choices_have_a_default_that_is_a_directory_or_downloadable(tmp_path):
    own = str(model_directory(tmp_path / "own"))
    assert values(choices.model_choices(tmp_path, own)) == [own]
    assert values(choices.model_choices(tmp_path, "small")) == ["small"]
    assert values(choices.model_choices(tmp_path, "base-adaptive")) == []


def test_first_available_takes_the_first_wanted_choice_else_the_first():
    options = [("A", "a"), ("B", "b")]
    assert choices.first_available(options, "b") == "b"
    assert choices.first_available(options, "z", "b") == "b"
    assert choices.first_available(options, "z") == "a"
    assert choices.first_available([], "z") is None


def test_corpus_label_has_duration_and_language_or_says_broken(tmp_path):
    for name, text in (("alone", None), ("asterisk-ru", INFO), ("broken", "{"), ("by-hand", '{"name": "mine"}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / MANIFEST_FILE).touch()
        if text is not None:
            (tmp_path / name / CORPUS_INFO_FILE).write_text(text)
    (tmp_path / "no-corpus").mkdir()
    labels = [label for label, _ in choices.corpus_choices(tmp_path)]
    assert labels == ["alone", "asterisk-ru · 20 min · Russian", "broken · corpus.json is broken", "by-hand"]


def test_presets_fine_tune_and_broken_files_are_errors(tmp_path):
    (tmp_path / "quick.yaml").write_text("# Minutes on two cores\nmethod: finetune\n")
    (tmp_path / "distill.yaml").write_text("method: distill\n")
    (tmp_path / "wrong.yaml").write_text("epochs: none\n")
    presets, errors = choices.presets(tmp_path)
    assert [(p.name, p.about) for p in presets] == [("quick", "Minutes on two cores")]
    assert "wrong.yaml" in str(errors[0])


def test_every_language_of_whisper_has_a_name():
    assert set(values(choices.language_choices())) == {choices.DETECT, *LANGUAGES}


def test_missing_model_note_says_what_to_do():
    assert model_note("base", "base") == ""
    assert "qal models fetch base-adaptive" in model_note("base-adaptive", None)
    assert "Until then" in model_note("base-adaptive", "base")
    assert "There is no model" in model_note("nonsense", "base")
