"""A client of the live session's POST requests and server-sent events, with the methods of a test WebSocket.

Starlette's test client returns a response when it is complete, which a stream of events never is; so the application
is called directly, in an event loop of its own."""

import json
import queue
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Self

import anyio
from anyio.from_thread import start_blocking_portal
from starlette.types import ASGIApp, Message, Scope
from starlette.websockets import WebSocketDisconnect

from qal.api.access import FORBIDDEN
from qal.api.live_batches import pack_batch
from qal.api.live_events import CONNECTION_HEADER, EVENTS_PATH, MESSAGES_PATH

TIMEOUT_S = 60.0
REFUSED = (401, 403)


class EventSession:
    """One connection. The first message is the body of the request that opens the events."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str] | None = None):
        self._app = app
        self._headers = {"host": "here", **(headers or {})}
        self._exit = ExitStack()
        self._messages: queue.Queue[dict | WebSocketDisconnect] = queue.Queue()  # of the server
        self._is_connected = threading.Event()  # the id of the connection is known, or it was refused
        self._status = 0
        self._rest = b""  # the beginning of a line of the response
        self.connection = ""
        self.number = 0  # of the next message

    def __enter__(self) -> Self:
        self._portal = self._exit.enter_context(start_blocking_portal("asyncio"))
        self._to_app, self._from_test = self._portal.call(create_stream)
        self._response = self._portal.start_task_soon(self._open)
        return self

    def __exit__(self, *_: Any) -> None:
        self._portal.call(self._to_app.send, {"type": "http.disconnect"})
        self._response.result(TIMEOUT_S)
        self._exit.close()

    def send_json(self, data: Any) -> None:
        self.send_text(json.dumps(data))

    def send_text(self, data: str) -> None:
        self._send(data)

    def send_bytes(self, data: bytes) -> None:
        self._send(data)

    def _send(self, message: str | bytes) -> None:
        if self.number == 0 and not self._is_connected.is_set():
            body = message if isinstance(message, bytes) else message.encode()
            self._portal.call(self._to_app.send, {"type": "http.request", "body": body, "more_body": False})
            assert self._is_connected.wait(TIMEOUT_S)
            return
        status = self.post(pack_batch(self.number, [message]))
        assert status in (204, 400, 410)  # a message to a connection that has ended is lost, as with a WebSocket
        self.number += 1

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        """Posts a batch; returns the status of the response."""
        own_headers = {**self._headers, CONNECTION_HEADER.lower(): self.connection, **(headers or {})}
        return self._portal.call(post, self._app, MESSAGES_PATH, own_headers, body)

    def receive_json(self) -> dict:
        message = self._messages.get(timeout=TIMEOUT_S)
        if isinstance(message, WebSocketDisconnect):
            self._messages.put(message)
            raise message
        return message

    async def _open(self) -> None:
        try:
            await self._app(post_scope(EVENTS_PATH, self._headers), self._from_test.receive, self._receive_response)
        finally:
            self._messages.put(WebSocketDisconnect(1006))
            self._is_connected.set()

    async def _receive_response(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            return
        *lines, self._rest = (self._rest + message["body"]).split(b"\n")
        if self._status != 200:
            if not message.get("more_body"):
                self._refuse(json.loads(self._rest)["message"])
            return
        for line in lines:
            if line.startswith(b"data: "):
                self._receive_event(json.loads(line.removeprefix(b"data: ")))

    def _refuse(self, reason: str) -> None:
        if self._status not in REFUSED:
            self._messages.put({"type": "error", "message": reason, "retry": False})
        self._messages.put(WebSocketDisconnect(FORBIDDEN if self._status in REFUSED else self._status, reason))

    def _receive_event(self, event: dict) -> None:
        if event["type"] == "connected":
            self.connection = event["connection"]
            self._is_connected.set()
        elif event["type"] == "closed":
            self._messages.put(WebSocketDisconnect(event["code"], event["reason"]))
        else:
            self._messages.put(event)


async def create_stream() -> tuple[Any, Any]:
    return anyio.create_memory_object_stream(float("inf"))


def post_scope(path: str, headers: Mapping[str, str]) -> Scope:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": raw,
        "scheme": "http",
        "root_path": "",
        "server": ("here", 80),
        "client": ("there", 1),
        "http_version": "1.1",
        "asgi": {"version": "3.0"},
    }


async def post(app: ASGIApp, path: str, headers: Mapping[str, str], body: bytes) -> int:
    """Sends a request; returns the status of its response."""
    statuses = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def receive_response(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(post_scope(path, headers), receive, receive_response)
    return statuses[0]
