"""Models of shipped adapters: when they are installed again, and their alignment heads."""

from pathlib import Path

import pytest

from qal.engine.model_directory import read_metadata
from qal.export import shipped_adapters
from qal.export.gate.word_times import read_heads
from qal.export.shipped_adapters import install_model, is_installed
from qal.resources import ADAPTERS
from tests.model_folders import model_directory

NAME = "small-voice"
WITHOUT_HEADS = '{\n  "base_model": "base",\n  "context": {"adaptive": true}\n}\n'
WITH_HEADS = '{\n  "base_model": "base",\n  "alignment_heads": [[0, 1], [1, 0]],\n  "context": {"adaptive": true}\n}\n'


@pytest.fixture
def adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter without alignment heads, whose model is installed."""
    folder = tmp_path / "adapters" / NAME
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    (folder / "adapter_config.json").write_text("{}")
    (folder / "qal.json").write_text(WITHOUT_HEADS)
    monkeypatch.setattr(shipped_adapters, "ADAPTERS", folder.parent)
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    sha256 = shipped_adapters._adapter_sha256(NAME)
    model_directory(
        tmp_path / "models" / NAME,
        metadata=read_metadata(folder).model_copy(update={"adapter_sha256": sha256}),
    )
    return folder


def test_new_alignment_heads_are_written_into_the_installed_model(adapter: Path, tmp_path: Path):
    model = tmp_path / "models" / NAME
    assert install_model(NAME) == model
    assert read_heads(model) == []
    (adapter / "qal.json").write_text(WITH_HEADS)
    assert is_installed(NAME)
    assert install_model(NAME) == model
    assert read_heads(model) == [(0, 1), (1, 0)]


def test_other_weights_are_installed_again(adapter: Path):
    assert is_installed(NAME)
    (adapter / "adapter_model.safetensors").write_bytes(b"other weights")
    assert not is_installed(NAME)


def test_alignment_heads_of_base_adaptive_are_those_of_its_decoder():
    heads = read_metadata(ADAPTERS / "base-adaptive").alignment_heads
    assert heads
    assert all(0 <= layer < 6 and 0 <= head < 8 for layer, head in heads)
