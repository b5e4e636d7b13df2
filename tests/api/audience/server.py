"""A real server of audience links for tests, and viewers that read its streams."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import uvicorn
from starlette.applications import Starlette

from qal.api.audience.control import audience_control_route
from qal.api.audience.hub import AudienceHub
from qal.api.audience.routes import PREFIX, audience_routes
from qal.captions.final_captions import Caption
from qal.captions.record import SessionRecord, new_session_id
from qal.captions.resumable_session import SessionUpdate
from tests.waiting import wait_until


class Event(NamedTuple):
    name: str
    data: dict[str, Any]
    id: str


class Speaker:
    """A session whose captions a test says: on disk first, then to the viewers, as ResumableSession does."""

    def __init__(self, live: Path, hub: AudienceHub):
        self.session = new_session_id()
        self.record = SessionRecord(live, self.session)
        self.record.create()
        self.seen: list[SessionUpdate] = []  # by the speaker's own page
        self._send = hub.tee(self.session, self.seen.append)
        self._hub = hub
        self._index = -1
        hub.session_opened(self.session)

    def say(self, text: str) -> None:
        self._index += 1
        caption = Caption(self._index, float(self._index), self._index + 0.5, text, final=True, language="en")
        self.record.append(caption, 0)
        self._send(SessionUpdate([caption], 0))

    def begin(self, text: str) -> None:
        self._send(SessionUpdate([Caption(self._index + 1, 0.0, 1.0, text, final=False)], 0))

    def stop(self) -> None:
        self._hub.session_finished(self.session)
        self._hub.session_closed(self.session)


@contextmanager
def serve(hub: AudienceHub, port: int = 0) -> Iterator[str]:
    """Serves the routes of the audience and of the speaker, on a free port if none is given; yields the address."""
    control = audience_control_route(hub, "127.0.0.1", lambda: None, lambda _: True)
    app = Starlette(routes=[*audience_routes(hub), control])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started)
    (listening,) = server.servers
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def watch(address: str, token: str, after: str = "", **options: Any) -> Iterator[Iterator[Event]]:
    """Opens a viewer's stream; yields an iterator over its events, without pings."""
    headers = {"Last-Event-ID": after} if after else {}
    url = f"{address}{PREFIX}{token}/events"
    with (
        httpx.Client(trust_env=False, timeout=60) as client,
        client.stream("GET", url, headers=headers, **options) as response,
    ):
        assert response.status_code == 200, response.status_code
        assert response.headers["content-type"].startswith("text/event-stream")
        yield parse_events(response.iter_lines())


def parse_events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields and fields["event"] != "ping":
            yield Event(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
        fields = {}


def read_finals(events: Iterator[Event], count: int) -> list[Event]:
    """Reads on until there are so many final captions."""
    finals: list[Event] = []
    while len(finals) < count:
        event = next(events)
        if event.name == "final":
            finals.append(event)
    return finals


def texts(events: list[Event]) -> list[str]:
    return [event.data["text"] for event in events]
