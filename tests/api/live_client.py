"""A scripted client of the live socket, and engines without models."""

from pathlib import Path
from types import SimpleNamespace

from starlette.testclient import TestClient

from qal.api.live_socket import PATH
from qal.audio.samples import Samples
from qal.captions.protocol import pack
from qal.errors import ModelError
from tests.fakes import ScriptedEngine

JOIN = {"model": "one", "language": "en"}
PACKET_SAMPLES = 1600


class FakeEngines:
    """The models "one" and "two", and a "broken" one."""

    def __init__(self):
        self.engines = {name: ScriptedEngine(detected_language="ru") for name in ("one", "two")}
        for engine in self.engines.values():
            engine.tokenizer = SimpleNamespace(languages=("en", "ru"), multilingual=True)  # pyright: ignore[reportAttributeAccessIssue]
            engine.workers = 1  # pyright: ignore[reportAttributeAccessIssue]

    def get(self, model: str, runs: Path) -> ScriptedEngine:
        if model == "broken":
            raise ModelError("broken: cannot be loaded")
        return self.engines[model]


def send(socket, samples: Samples, first_sample: int = 0) -> None:
    for i in range(0, len(samples), PACKET_SAMPLES):
        socket.send_bytes(pack(first_sample + i, samples[i : i + PACKET_SAMPLES]))


def finals_until(socket, message_type: str) -> tuple[list[dict], dict]:
    """Receives updates until a message of another type; returns the final captions and that message."""
    finals = []
    while (message := socket.receive_json())["type"] != message_type:
        assert message["type"] == "update", message
        finals += [c for c in message["captions"] if c["final"]]
    return finals, message


def caption_two_sentences(client: TestClient, speech: Samples) -> tuple[str, list[dict]]:
    """Disconnects when both captions are final; returns the session id and the captions."""
    with client.websocket_connect(PATH) as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, speech)
        finals: list[dict] = []
        while len(finals) < 2:
            finals += [c for c in socket.receive_json().get("captions", []) if c["final"]]
    return session, finals
