from pathlib import Path

import pytest

from qal.resources import CONFIGS
from tests.ui_components.train.new_run.form import small_corpus
from ui_components.app.studio import Studio


@pytest.fixture
def studio_with_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A studio with the presets and two corpora; no model is installed, and `small` can be downloaded."""
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    small_corpus(tmp_path / "data" / "ru")
    small_corpus(tmp_path / "data" / "en", language="en")
    return Studio(tmp_path / "runs", tmp_path / "data", CONFIGS, model="small")
