"""The Live page without a WebSocket, for networks that block them: a transport of `LiveConnection`.

POST /qal/live/events: its body is the join message, its response the messages of the server as server-sent events. The
first event has the id of the connection: {"type": "connected", "connection": ...}; the last one may be {"type":
"closed", "code": ..., "reason": ...}, as the close of a WebSocket. A client whose events have ended joins again.

POST /qal/live/messages: its body is a batch of messages (live_batches), its header Qal-Connection the id, which cannot
be guessed. 204: received; 410: the connection has ended; 503: no room at present, send the batch again.

A request instead of an EventSource opens the events: ids of sessions do not appear in addresses, which are logged, and
the page can read why it is refused."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from qal.api import live_connection
from qal.api.access import INVALID_MESSAGE, Allowed, UserOf, no_user, refusal_reason
from qal.api.json_route import error_response, read_body
from qal.api.live_batches import MAX_BATCH_BYTES, MAX_BATCH_MESSAGES, Batch, MessageOrder, unpack_batch
from qal.api.live_connection import DisconnectedError, LiveConnection, Message
from qal.api.live_hub import LiveHub
from qal.captions.protocol import MAX_PACKET_BYTES
from qal.errors import OptionError
from qal.json_text import json_text

EVENTS_PATH, MESSAGES_PATH = "/qal/live/events", "/qal/live/messages"
CONNECTION_HEADER = "Qal-Connection"
CONNECTION_ID_BYTES = 18  # of randomness
PING_INTERVAL_S = 10.0  # proxies close a response that pauses for long, and the page one without a ping
SEND_TIMEOUT_S = 30.0  # for one event that the client does not read
SILENCE_TIMEOUT_S = 75.0  # without a request of the client, which sends an empty batch at least every 15 s
ROOM_TIMEOUT_S = 10.0  # for which a request waits while the server is slower than the client; proxies give up later
MAX_WAITING_BYTES = 1 << 20  # of messages that the connection has not taken yet
PADDING = 2048  # characters of a comment; some proxies and scanners hold back the beginning of a response
HEADERS = {"Cache-Control": "no-store, no-transform"}  # a proxy that compresses events holds them back
ENDED, BUSY = "this connection has ended", "the server is busy; send this again"
LOG = logging.getLogger("qal")


class LiveEvents:
    """The connections of a server that use server-sent events."""

    def __init__(self, hub: LiveHub, allowed: Allowed, user_of: UserOf = no_user):
        self._hub = hub
        self._allowed = allowed
        self._user_of = user_of
        self._transports: dict[str, EventTransport] = {}  # by the id of the connection
        self._running: set[asyncio.Task[None]] = set()  # a task without a reference may be deleted while it runs

    def routes(self) -> list[Route]:
        return [
            Route(EVENTS_PATH, self._open, methods=["POST"]),
            Route(MESSAGES_PATH, self._receive, methods=["POST"]),
        ]

    async def _open(self, request: Request) -> Response:
        """Joins a session; the response lasts as long as the connection."""
        if reason := refusal_reason(request, self._allowed):
            return error_response(403, reason)
        try:
            async with asyncio.timeout(live_connection.HELLO_TIMEOUT_S):
                join_message = (await read_body(request, MAX_PACKET_BYTES, INVALID_MESSAGE)).decode()
        except TimeoutError:
            return error_response(408, "the page sent nothing; reload the page")
        except (OptionError, UnicodeDecodeError):
            return error_response(400, INVALID_MESSAGE)
        except ClientDisconnect:
            return Response(status_code=400)  # nothing receives it
        user = self._user_of(request)
        return EventStream(self._events(EventTransport(join_message), lambda: self._allowed(request), user))

    async def _events(
        self, transport: "EventTransport", allowed: Callable[[], bool], user: str | None = None
    ) -> AsyncIterator[ServerSentEvent]:
        """Runs a connection and yields what it sends, until either side ends it."""
        running = asyncio.create_task(transport.run(LiveConnection(self._hub, transport, allowed, user)))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        self._transports[transport.id] = transport
        try:
            yield ServerSentEvent(comment=PADDING * ".")
            yield ServerSentEvent(json_text({"type": "connected", "connection": transport.id}))
            while (text := await transport.next_event()) is not None:
                yield ServerSentEvent(text)
        finally:  # the client has left, or the connection has ended
            del self._transports[transport.id]
            running.cancel()

    async def _receive(self, request: Request) -> Response:
        """Receives a batch of messages of a connection."""
        if reason := refusal_reason(request, self._allowed):
            return error_response(403, reason)
        try:
            body = await read_body(request, MAX_BATCH_BYTES, INVALID_MESSAGE)
        except OptionError as error:
            return error_response(413, str(error))
        except ClientDisconnect:
            return Response(status_code=400)  # nothing receives it; the client sends the batch again
        transport = self._transports.get(request.headers.get(CONNECTION_HEADER, ""))
        if not transport:
            return error_response(410, ENDED)
        try:
            return Response(status_code=204) if await transport.add(unpack_batch(body)) else error_response(503, BUSY)
        except OptionError as error:
            transport.fail(error)
            return error_response(400, str(error))


class EventTransport:
    """The messages of one connection, between its requests and its events.

    Args:
        join_message: the first message of the client."""

    def __init__(self, join_message: str):
        self.id = secrets.token_urlsafe(CONNECTION_ID_BYTES)
        self._order = MessageOrder()
        self._received: asyncio.Queue[Message | OptionError | None] = asyncio.Queue()  # None: a batch without messages
        self._received.put_nowait(join_message)
        self._waiting_bytes = len(join_message)  # in _received
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._events: asyncio.Queue[str | None] = asyncio.Queue(1)  # so that the connection waits for a slow client

    async def run(self, connection: LiveConnection) -> None:
        """Serves the connection, then ends the events. It is cancelled when the client has left."""
        await connection.run()
        await self._events.put(None)

    async def add(self, batch: Batch) -> bool:
        """Adds the messages of a request. Returns False if there is no room for them: the client sends them again."""
        try:
            async with asyncio.timeout(ROOM_TIMEOUT_S):
                await self._has_room.wait()
        except TimeoutError:
            return False
        if not self._order.accepts(batch):
            return False
        for message in self._order.add(batch):
            self._received.put_nowait(message)
            self._waiting_bytes += len(message)
        if self._received.empty():
            self._received.put_nowait(None)
        self._check_room()
        return True

    def _check_room(self) -> None:
        if self._waiting_bytes > MAX_WAITING_BYTES or self._received.qsize() > MAX_BATCH_MESSAGES:
            self._has_room.clear()
        else:
            self._has_room.set()

    def fail(self, error: OptionError) -> None:
        """Ends the connection with an error, after the messages before it."""
        self._received.put_nowait(error)

    async def next_event(self) -> str | None:
        """Returns the next message of the server; None after the last one."""
        return await self._events.get()

    async def receive(self) -> Message:
        while True:
            try:
                async with asyncio.timeout(SILENCE_TIMEOUT_S):
                    message = await self._received.get()
            except TimeoutError as error:
                raise DisconnectedError from error
            if isinstance(message, OptionError):
                raise message
            if message is not None:
                self._waiting_bytes -= len(message)
                self._check_room()
                return message

    async def send(self, text: str) -> None:
        await self._events.put(text)

    async def close(self, code: int, reason: str = "") -> None:
        await self._events.put(json_text({"type": "closed", "code": code, "reason": reason}, ensure_ascii=False))


class EventStream(EventSourceResponse):
    """The response of a connection: events and pings. It ends when the client has left or reads nothing."""

    def __init__(self, events: AsyncIterator[ServerSentEvent]):
        super().__init__(events, headers=HEADERS, ping=PING_INTERVAL_S, send_timeout=SEND_TIMEOUT_S)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            LOG.debug("a live client reads too slowly")
