"""A scripted client of a live session over either transport, and engines without models."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.access import Allowed
from qal.api.live_events import LiveEvents
from qal.api.live_hub import LiveHub
from qal.api.live_socket import PATH, live_route
from qal.audio.samples import Samples
from qal.captions.protocol import pack
from qal.errors import ModelError
from tests.api.event_session import EventSession
from tests.fakes import ScriptedEngine

JOIN = {"model": "one", "language": "en"}
PACKET_SAMPLES = 1600


class Session(Protocol):
    """A connection of the client; after its end `receive_json` raises WebSocketDisconnect with a code and a reason."""

    def send_json(self, data: Any) -> None: ...
    def send_text(self, data: str) -> None: ...
    def send_bytes(self, data: bytes) -> None: ...
    def receive_json(self) -> Any: ...


class LiveClient(Protocol):
    """Opens connections over one transport."""

    def connect(self, headers: Mapping[str, str] | None = None) -> AbstractContextManager[Session]: ...


class SocketClient:
    """Connects by WebSocket."""

    def __init__(self, hub: LiveHub, allowed: Allowed):
        self._client = TestClient(Starlette(routes=[live_route(hub, allowed)]), base_url="http://here")

    def connect(self, headers: Mapping[str, str] | None = None) -> AbstractContextManager[Any]:
        return self._client.websocket_connect(PATH, headers=dict(headers or {}))


class EventClient:
    """Connects by POST requests and server-sent events."""

    def __init__(self, hub: LiveHub, allowed: Allowed):
        self.app = Starlette(routes=LiveEvents(hub, allowed).routes())

    def connect(self, headers: Mapping[str, str] | None = None) -> EventSession:
        return EventSession(self.app, headers)


OpenClient = Callable[[LiveHub, Allowed], LiveClient]
TRANSPORTS: dict[str, OpenClient] = {"socket": SocketClient, "events": EventClient}


class FakeEngines:
    """The models "one" and "two", and a "broken" one."""

    def __init__(self):
        self.engines = {name: ScriptedEngine(detected_language="ru") for name in ("one", "two")}
        for engine in self.engines.values():
            engine.tokenizer = SimpleNamespace(languages=("en", "ru"), multilingual=True)  # pyright: ignore[reportAttributeAccessIssue]

    def get(self, model: str, runs: Path) -> ScriptedEngine:
        if model == "broken":
            raise ModelError("broken: cannot be loaded")
        return self.engines[model]


def send(session: Session, samples: Samples, first_sample: int = 0) -> None:
    for i in range(0, len(samples), PACKET_SAMPLES):
        session.send_bytes(pack(first_sample + i, samples[i : i + PACKET_SAMPLES]))


def finals_until(session: Session, message_type: str) -> tuple[list[dict], dict]:
    """Receives updates until a message of another type; returns the final captions and that message."""
    finals = []
    while (message := session.receive_json())["type"] != message_type:
        assert message["type"] == "update", message
        finals += [c for c in message["captions"] if c["final"]]
    return finals, message


def caption_two_sentences(client: LiveClient, speech: Samples) -> tuple[str, list[dict]]:
    """Disconnects when both captions are final; returns the session id and the captions."""
    with client.connect() as session:
        session.send_json(JOIN)
        session_id = session.receive_json()["session"]
        send(session, speech)
        finals: list[dict] = []
        while len(finals) < 2:
            finals += [c for c in session.receive_json().get("captions", []) if c["final"]]
    return session_id, finals
