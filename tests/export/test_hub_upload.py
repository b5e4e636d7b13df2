"""Upload to the Hugging Face hub, against a hub on this machine that speaks its protocol."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qal.engine.model_directory import MeasuredScore, ModelMetadata
from qal.errors import HubError
from qal.export.card import write_card
from qal.hub_connection import push_folder


class FakeHub(BaseHTTPRequestHandler):
    """Answers the requests of an upload and keeps what was uploaded."""

    files: dict[str, bytes]
    created: list[dict]
    refuse = 0  # status with which a new repository is refused

    def do_GET(self) -> None:
        if "whoami" in self.path:
            self._answer({"name": "ada", "type": "user"})
        else:
            self._answer({"error": "not found"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        hub = type(self)
        if "/repos/create" in self.path:
            if hub.refuse:
                self._answer({"error": "no right to write here"}, hub.refuse)
                return
            hub.created.append(json.loads(body))
            self._answer({"url": "https://huggingface.co/ada/mine"})
        elif "/preupload/" in self.path:
            files = [{"path": f["path"], "uploadMode": "regular"} for f in json.loads(body)["files"]]
            self._answer({"files": [{**file, "shouldIgnore": False} for file in files]})
        elif "/commit/" in self.path:
            rows = [json.loads(line) for line in body.splitlines()]
            added = [row["value"] for row in rows if row["key"] == "file"]
            hub.files |= {value["path"]: base64.b64decode(value["content"]) for value in added}
            commit = {"commitUrl": "https://huggingface.co/ada/mine/commit/1", "commitOid": "1" * 40}
            self._answer({**commit, "success": True})
        else:
            self._answer({})

    def _answer(self, content: dict, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Prints nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeHub]]:
    FakeHub.files, FakeHub.created, FakeHub.refuse = {}, [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setattr("huggingface_hub.hf_api.get_token", lambda: "hf_test")
    yield FakeHub
    server.shutdown()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.bin").write_bytes(bytes(range(256)))
    (folder / "config.json").write_text("{}")
    return folder


def test_model_is_uploaded_with_its_card(hub, exported, tmp_path):
    score = MeasuredScore(wer=0.1, low=0.08, high=0.12, corpus="mine", utterances=100)
    write_card(exported, "ggml", ModelMetadata(base_model="base", languages=["am"], measured=score), tmp_path / "none")
    assert push_folder(exported, "ada/mine", "model").endswith("/ada/mine")
    assert hub.files["model.bin"] == bytes(range(256))
    card = hub.files["README.md"].decode()
    assert "library_name: whisper.cpp" in card
    assert "- am" in card
    assert "10.0 %" in card
    assert hub.created[0]["name"] == "mine"
    assert hub.created[0].get("visibility") == "private"


def test_card_of_the_source_is_kept_with_the_library_of_the_format(exported, tmp_path):
    card = tmp_path / "README.md"
    card.write_text("---\nlibrary_name: ctranslate2\n---\n# mine")
    write_card(exported, "onnx", ModelMetadata(base_model="base"), card)
    assert (exported / "README.md").read_text() == "---\nlibrary_name: onnx\n---\n# mine"
    write_card(exported, "ggml", ModelMetadata(base_model="base"), card)
    assert "onnx" in (exported / "README.md").read_text()  # an export's own card is kept


@pytest.mark.parametrize(("name", "sentence"), [("a/b/c", "OWNER/NAME"), ("ada/mine", "the hub refused ada/mine")])
def test_refused_uploads_are_one_sentence(hub, exported, name, sentence):
    hub.refuse = 403
    with pytest.raises(HubError, match=sentence):
        push_folder(exported, name, "model")


def test_hub_that_cannot_be_reached_is_one_sentence(hub, exported, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(HubError, match="no connection to the hub"):
        push_folder(exported, "ada/mine", "model")
