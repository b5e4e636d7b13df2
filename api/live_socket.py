"""The socket of the Live page: /qal/live, on the same server, behind the same login.

Up: first a Hello in JSON; then packets (captions.protocol) and, in JSON, {"do": "finish"} and
{"do": "change", "model": ..., "language": ...}. Down, JSON: {"type": "ready" | "update" | "finished" | "error"}."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.live_hub import Hello, LiveHub
from captions.stream import LiveStream, Update
from errors import OptionError, QalError

PATH = "/qal/live"
MAX_WAITING = 256  # updates; a page that reads slower misses levels, then is cut off and comes back
FORBIDDEN, BROKEN = 4403, 4400  # close codes of our own
LOG = logging.getLogger("qal")

Allowed = Callable[[HTTPConnection], bool]  # is whoever asks logged in?


def live_route(hub: LiveHub, allowed: Allowed) -> WebSocketRoute:
    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        if not same_origin(socket) or not allowed(socket):
            await socket.close(FORBIDDEN, "log in, then reload the page")
            return
        await Conversation(hub, socket).run()

    return WebSocketRoute(PATH, serve)


def same_origin(socket: HTTPConnection) -> bool:
    """Browsers name the page that opens a socket; another site's page is refused. Programs name none."""
    origin = socket.headers.get("origin")
    hosts = {socket.headers.get(name, "").split(",")[0].strip() for name in ("host", "x-forwarded-host")}
    return origin is None or urlsplit(origin).netloc in hosts - {""}


class Conversation:
    """One connection of one session, from hello to the end."""

    def __init__(self, hub: LiveHub, socket: WebSocket):
        self.hub, self.socket = hub, socket
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_WAITING)
        self._session: str | None = None

    async def run(self) -> None:
        sender = asyncio.create_task(self._send())
        try:
            stream = await self._greet()
            while True:
                message = await self.socket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                stream = await self._handle(stream, message)
        except QalError as error:
            await self._end(BROKEN, str(error))
        except (WebSocketDisconnect, RuntimeError) as error:  # Starlette's word for "gone while I wrote"
            LOG.debug("live socket: %s", error)
        finally:
            sender.cancel()
            if self._session:
                self.hub.rest(self._session)

    async def _greet(self) -> LiveStream:
        hello = parse_hello(await self.socket.receive_text())
        self._session, stream = await asyncio.to_thread(self.hub.join, hello, self._publish)
        self._tell_ready(stream)
        return stream

    def _tell_ready(self, stream: LiveStream) -> None:
        self._put({"type": "ready", "session": self._session, "next": stream.next_sample, "ack": stream.ack})

    async def _handle(self, stream: LiveStream, message: Any) -> LiveStream:
        if message.get("bytes") is not None:
            await asyncio.to_thread(stream.take, message["bytes"])
            return stream
        order = parse_order(message.get("text") or "")
        assert self._session
        if order["do"] == "finish":
            await asyncio.to_thread(stream.finish)
            self.hub.end(self._session)
            self._put({"type": "finished"})
            return stream
        hello = parse_hello(json.dumps({k: v for k, v in order.items() if k != "do"}))
        stream = await asyncio.to_thread(self.hub.change, self._session, hello, self._publish)
        self._tell_ready(stream)
        return stream

    def _publish(self, update: Update) -> None:
        """Called from any thread."""
        captions = [asdict(c) for c in update.captions]
        level = asdict(update.level) if update.level else None
        message = {"type": "update", "captions": captions, "ack": update.ack, "level": level}
        self._loop.call_soon_threadsafe(self._put, message)

    def _put(self, message: dict[str, Any]) -> None:
        if not message.get("captions", True) and self._outgoing.qsize() > MAX_WAITING // 2:
            return  # only the meter: the next one comes in a tenth of a second
        if self._outgoing.full():
            self._loop.create_task(self._end(BROKEN, "the page reads too slowly"))
            return
        self._outgoing.put_nowait(message)

    async def _send(self) -> None:
        while True:
            await self.socket.send_text(json.dumps(await self._outgoing.get(), ensure_ascii=False))

    async def _end(self, code: int, reason: str) -> None:
        await self.socket.send_text(json.dumps({"type": "error", "message": reason}))
        await self.socket.close(code)


def parse_hello(text: str) -> Hello:
    try:
        return Hello.model_validate_json(text)
    except ValidationError as error:
        raise OptionError("the page's first message is not one of ours; reload the page") from error


def parse_order(text: str) -> dict[str, Any]:
    try:
        order = json.loads(text)
    except ValueError as error:
        raise OptionError("the page sent what is no order; reload the page") from error
    if not isinstance(order, dict) or order.get("do") not in ("finish", "change"):
        raise OptionError("the page sent what is no order; reload the page")
    return order
