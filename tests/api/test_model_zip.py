"""Download of a model folder as a zip: all files of the model and no other files."""

import io
import zipfile
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.studio.model_zip import PATH, model_files, model_zip_route, zip_chunks
from qal.errors import ModelError
from tests.model_folders import model_directory

MODEL_FILES = {"model.bin", "config.json", "tokenizer.json", "vocabulary.json"}


def client(folder: Path, logged_in: bool = True) -> TestClient:
    def find(name: str, form: str) -> tuple[Path, str]:
        if (name, form) != ("mine", "as-it-is"):
            raise ModelError("choose a model of the list first")
        return folder, 'my "model".zip'

    return TestClient(Starlette(routes=[model_zip_route(find, lambda _: logged_in)]), base_url="http://here")


def test_zip_contains_every_file_unchanged(tmp_path):
    folder = model_directory(tmp_path / "m")
    (folder / "model.bin").write_bytes(bytes(range(256)) * 20_000)  # several chunks
    response = client(folder).get(PATH, params={"name": "mine", "form": "as-it-is"})
    assert response.headers["content-disposition"] == 'attachment; filename="my--model-.zip"'
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert {Path(name).name for name in archive.namelist()} == MODEL_FILES
        assert archive.read("my--model-/model.bin") == (folder / "model.bin").read_bytes()


def test_zip_is_streamed_in_chunks(tmp_path):
    folder = model_directory(tmp_path / "m")
    (folder / "model.bin").write_bytes(bytes(5_000_000))
    assert max(map(len, zip_chunks(folder, "m"))) < 2_000_000


def test_zip_omits_hidden_files_and_links_to_outside(tmp_path):
    folder = model_directory(tmp_path / "m")
    (tmp_path / "secret").write_text("secret")
    (folder / "leak.json").symlink_to(tmp_path / "secret")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / ".hidden").write_text("")
    assert {path.name for path in model_files(folder)} == MODEL_FILES


def test_zip_follows_links_to_the_blobs_of_the_hub_cache(tmp_path):
    snapshot = model_directory(tmp_path / "models--x--y" / "snapshots" / "abc")
    blobs = tmp_path / "models--x--y" / "blobs"
    blobs.mkdir()
    (snapshot / "model.bin").rename(blobs / "0f")
    (snapshot / "model.bin").symlink_to("../../blobs/0f")
    assert {path.name for path in model_files(snapshot)} == MODEL_FILES


@pytest.mark.parametrize("name", ["", "../mine", "/etc", "mine/../../x"])
def test_unknown_model_name_is_not_found(tmp_path, name):
    response = client(tmp_path).get(PATH, params={"name": name, "form": "as-it-is"})
    assert (response.status_code, response.text) == (404, "choose a model of the list first")


@pytest.mark.parametrize(("logged_in", "origin"), [(False, "http://here"), (True, "https://evil.example")])
def test_zip_refuses_logged_out_users_and_other_origins(tmp_path, logged_in, origin):
    parameters = {"name": "mine", "form": "as-it-is"}
    response = client(tmp_path, logged_in).get(PATH, params=parameters, headers={"origin": origin})
    assert response.status_code == 403
