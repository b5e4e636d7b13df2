"""A model's folder as a zip: all of the model, nothing else of this machine."""

import io
import zipfile
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.model_zip import PATH, files_of, model_zip_route, zipped
from qal.errors import ModelError
from tests.model_folders import model_directory

MODEL_FILES = {"model.bin", "config.json", "tokenizer.json", "vocabulary.json"}


def client(folder: Path, logged_in: bool = True) -> TestClient:
    def find(name: str, form: str) -> tuple[Path, str]:
        if (name, form) != ("mine", "as-it-is"):
            raise ModelError("choose a model of the list first")
        return folder, 'my "model".zip'

    return TestClient(Starlette(routes=[model_zip_route(find, lambda _: logged_in)]), base_url="http://here")


def test_the_zip_holds_every_file_as_it_is(tmp_path):
    folder = model_directory(tmp_path / "m")
    (folder / "model.bin").write_bytes(bytes(range(256)) * 20_000)  # several pieces
    answer = client(folder).get(PATH, params={"name": "mine", "form": "as-it-is"})
    assert answer.headers["content-disposition"] == 'attachment; filename="my--model-.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {Path(name).name for name in archive.namelist()} == MODEL_FILES
        assert archive.read("my--model-/model.bin") == (folder / "model.bin").read_bytes()


def test_a_piece_is_sent_before_the_next_is_read(tmp_path):
    folder = model_directory(tmp_path / "m")
    (folder / "model.bin").write_bytes(bytes(5_000_000))
    assert max(map(len, zipped(folder, "m"))) < 2_000_000


def test_hidden_files_and_links_that_lead_out_are_left_out(tmp_path):
    folder = model_directory(tmp_path / "m")
    (tmp_path / "secret").write_text("secret")
    (folder / "leak.json").symlink_to(tmp_path / "secret")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / ".hidden").write_text("")
    assert {path.name for path in files_of(folder)} == MODEL_FILES


def test_the_hubs_links_to_its_blobs_are_followed(tmp_path):
    snapshot = model_directory(tmp_path / "models--x--y" / "snapshots" / "abc")
    blobs = tmp_path / "models--x--y" / "blobs"
    blobs.mkdir()
    (snapshot / "model.bin").rename(blobs / "0f")
    (snapshot / "model.bin").symlink_to("../../blobs/0f")
    assert {path.name for path in files_of(snapshot)} == MODEL_FILES


@pytest.mark.parametrize("name", ["", "../mine", "/etc", "mine/../../x"])
def test_a_name_that_is_not_of_the_list_is_a_sentence(tmp_path, name):
    answer = client(tmp_path).get(PATH, params={"name": name, "form": "as-it-is"})
    assert (answer.status_code, answer.text) == (404, "choose a model of the list first")


@pytest.mark.parametrize(("logged_in", "origin"), [(False, "http://here"), (True, "https://evil.example")])
def test_strangers_and_other_sites_get_nothing(tmp_path, logged_in, origin):
    asked = {"name": "mine", "form": "as-it-is"}
    answer = client(tmp_path, logged_in).get(PATH, params=asked, headers={"origin": origin})
    assert answer.status_code == 403
