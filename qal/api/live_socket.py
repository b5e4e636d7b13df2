"""The socket of the Live page: /qal/live, on the same server, behind the same login.

Up: first a Hello in JSON; then packets (qal.captions.protocol) and, in JSON, {"do": "finish"} and {"do": "change",
"model": ..., "language": ...}. Down, JSON by "type": "ready" (after hello and change), "update" (captions, meter,
acknowledgement), "problem" (a change that could not be made; all goes on as before), "finished", "error"."""

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import ValidationError
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from qal.api.live_hub import Hello, LiveHub, Place, Settings, SupersededError
from qal.captions.resumable_session import Update
from qal.captions.scheduler import BusyError
from qal.errors import OptionError, QalError

PATH = "/qal/live"
MAX_OUTGOING = 256  # updates; a page that reads slower misses levels, then is cut off and comes back
MAX_INCOMING, MAX_INCOMING_BYTES = 600, 4 << 20  # packets, a minute, and of large ones two; then the network waits
FULL_S = 0.05  # between two looks whether there is room again
IDLE_S = 300.0  # without a packet; a microphone that is open always sends some
GUARD_S = 5.0  # between two looks whether the page may still listen
FORBIDDEN, BROKEN, COME_BACK = 4403, 4400, 4429  # close codes of our own; after COME_BACK the page tries again
OTHER_SITE = "the server knows this page by another address; let the proxy pass on Host, or X-Forwarded-Host"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
LOG = logging.getLogger("qal")


class IdleError(QalError):
    """The page is open, but sends nothing."""


class LoggedOutError(QalError):
    """In the middle of a session."""


Message = TypeVar("Message", bound=Settings)
Allowed = Callable[[HTTPConnection], bool]  # is whoever asks logged in?


def live_route(hub: LiveHub, allowed: Allowed) -> WebSocketRoute:
    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        if not same_origin(socket):
            await socket.close(FORBIDDEN, OTHER_SITE)
            return
        if not allowed(socket):
            await socket.close(FORBIDDEN, "log in, then reload the page")
            return
        await Conversation(hub, socket, lambda: allowed(socket)).run()

    return WebSocketRoute(PATH, serve)


def same_origin(socket: HTTPConnection) -> bool:
    """Browsers name the page that opens a socket; another site's page is refused. Programs name none.

    A browser leaves out the port that its scheme has anyway, a proxy may not."""
    origin = socket.headers.get("origin")
    if origin is None:
        return True
    scheme, host = urlsplit(origin)[:2]
    named = [socket.headers.get(name, "").split(",")[0].strip().lower() for name in ("host", "x-forwarded-host")]
    return bool(host) and host in {name.removesuffix(DEFAULT_PORTS.get(scheme, "")) for name in named}


class Conversation:
    """One connection of one session, from hello to the end."""

    def __init__(self, hub: LiveHub, socket: WebSocket, allowed: Callable[[], bool]):
        self.hub, self.socket, self._allowed = hub, socket, allowed
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_OUTGOING)
        self._incoming: asyncio.Queue[Any] = asyncio.Queue(MAX_INCOMING)
        self._unread = 0  # bytes that wait in _incoming
        self._place: Place | None = None
        self._gone = False

    async def run(self) -> None:
        tasks = [asyncio.create_task(work()) for work in (self._receive, self._send, self._work, self._guard)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            LOG.debug("a live page has gone")
        except SupersededError as error:
            await self._close(BROKEN, str(error))
        except LoggedOutError as error:
            await self._close(FORBIDDEN, str(error))
        except BusyError as error:
            await self._close(COME_BACK, str(error))
        except QalError as error:
            await self._close(BROKEN, str(error))
        except Exception:
            LOG.exception("a live session failed")
            await self._close(BROKEN, "the server failed to caption this; press Start again")
            if self._place:
                await self._slowly(self.hub.end, self._place)
        finally:
            self._gone = True
            for task in tasks:
                task.cancel()
            if self._place:
                self.hub.rest(self._place, self)

    async def _receive(self) -> None:
        """Reads on while the session works, so that the connection is seen to live."""
        while True:
            message = await self.socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1000))
            await self._incoming.put(message)
            self._unread += size_of(message)
            while self._unread > MAX_INCOMING_BYTES:
                await asyncio.sleep(FULL_S)

    async def _next(self) -> Any:
        message = await self._incoming.get()
        self._unread -= size_of(message)
        return message

    async def _send(self) -> None:
        while True:
            await self.socket.send_text(json.dumps(await self._outgoing.get(), ensure_ascii=False))

    async def _guard(self) -> None:
        """Captions are for those who are still logged in."""
        while self._allowed():
            await asyncio.sleep(GUARD_S)
        raise LoggedOutError("you are no longer logged in; log in, then reload the page")

    async def _work(self) -> None:
        hello = parse(Hello, (await self._next()).get("text"))
        place = await self._slowly(self._join, hello)
        self._tell_ready(place)
        while True:
            try:
                async with asyncio.timeout(IDLE_S):  # wait_for of Python 3.11 may overhear that it is cancelled
                    message = await self._next()
            except TimeoutError:
                await self._slowly(self.hub.finish, place, self)
                raise IdleError(f"nothing was heard for {IDLE_S // 60:.0f} minutes; press Start to go on") from None
            if message.get("bytes") is not None:
                await self._in(self.hub.packets, self.hub.take, place, self, message["bytes"])
            else:
                await self._obey(place, parse_order(message.get("text")))

    def _join(self, hello: Hello) -> Place:
        """In a thread that outlives the connection, which may have gone while a model was loaded."""
        place = self._place = self.hub.join(hello, self, self._publish)
        if self._gone:
            self.hub.rest(place, self)
        return place

    async def _obey(self, place: Place, order: dict[str, Any]) -> None:
        if order.pop("do") == "finish":
            await self._slowly(self.hub.finish, place, self)
            self._put({"type": "finished"})
            return
        try:
            settings = parse(Settings, json.dumps(order))
            await self._slowly(self.hub.change, place, self, settings, self._publish)
        except SupersededError:
            raise
        except QalError as error:
            self._put({"type": "problem", "message": f"{error}; captions go on as before"})
        self._tell_ready(place)

    def _tell_ready(self, place: Place) -> None:
        stream, settings = place.stream, place.settings.model_dump(exclude_unset=True)
        self._put({"type": "ready", "session": place.id, "next": stream.next_sample, "ack": stream.ack, **settings})

    def _publish(self, update: Update) -> None:
        """Called from any thread. A caption that no longer finds its page is on disk, and told when it comes back."""
        captions = [asdict(c) for c in update.captions]
        level = asdict(update.level) if update.level else None
        message = {"type": "update", "captions": captions, "ack": update.ack, "level": level}
        try:
            self._loop.call_soon_threadsafe(self._put, message)
        except RuntimeError:  # asyncio's word for "this loop has ended"
            LOG.debug("a caption came after its connection had ended")

    def _put(self, message: dict[str, Any]) -> None:
        if not message.get("captions", True) and self._outgoing.qsize() > MAX_OUTGOING // 2:
            return  # only the meter: the next one comes in a tenth of a second
        if self._outgoing.full():  # what it misses is on disk, and told again when it comes back
            self._loop.create_task(self.socket.close(COME_BACK, "the page reads too slowly"))
            return
        self._outgoing.put_nowait(message)

    async def _close(self, code: int, reason: str) -> None:
        """The reason travels in a message of its own: a close frame has room for 123 bytes only."""
        try:
            await self.socket.send_text(json.dumps({"type": "error", "message": reason, "retry": code == COME_BACK}))
            await self.socket.close(code)
        except (WebSocketDisconnect, RuntimeError):  # Starlette's words for "it is gone already"
            LOG.debug("a live page has gone before it heard: %s", reason)

    async def _slowly(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await self._in(self.hub.slow, work, *arguments)

    async def _in(self, executor: Executor, work: Callable[..., Any], *arguments: Any) -> Any:
        return await self._loop.run_in_executor(executor, work, *arguments)


def size_of(message: Any) -> int:
    return len(message.get("bytes") or message.get("text") or "")


def parse(kind: type[Message], text: str | None) -> Message:
    try:
        return kind.model_validate_json(text or "")
    except ValidationError as error:
        wrong = [e for e in error.errors() if e["loc"][:1] == ("gate",)]
        if wrong:  # sliders that contradict each other
            raise OptionError(wrong[0]["msg"].removeprefix("Value error, ")) from error
        raise OptionError("the page sent a message that is not one of ours; reload the page") from error


def parse_order(text: str | None) -> dict[str, Any]:
    try:
        order = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise OptionError("the page sent a message that is not one of ours; reload the page") from error
    if not isinstance(order, dict) or order.get("do") not in ("finish", "change"):
        raise OptionError("the page sent a message that is not one of ours; reload the page")
    return order
