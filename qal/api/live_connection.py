"""A connection to a live session, whatever carries its messages: join, packets, commands, updates, limits and errors.

Messages of the client: first a JoinMessage (JSON); then audio packets (binary, qal.captions.protocol) and commands
(JSON): {"do": "finish"} and {"do": "change", "model": ..., "language": ...}.

Messages of the server (JSON, by "type"): "ready" (after join and change), "update" (captions, level, acknowledgement),
"problem" (a change failed; the session continues with its old settings), "finished", "error".

A transport carries them: a WebSocket (live_socket), or POST requests and server-sent events (live_events)."""

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from qal.api.access import FORBIDDEN, INVALID_MESSAGE, LOG_IN
from qal.api.live_hub import LiveHub
from qal.api.live_messages import JoinMessage, SettingsMessage
from qal.api.live_slot import SessionSlot, SupersededError
from qal.captions.protocol import MAX_PACKET_BYTES
from qal.captions.resumable_session import SessionUpdate
from qal.captions.scheduler import BusyError
from qal.errors import OptionError, QalError
from qal.json_text import json_text
from qal.text.subtitles.formats import cue_fields

MAX_OUTGOING = 256  # messages; a slower client first loses level updates, then is disconnected and reconnects
# Unprocessed packets: one minute, or two minutes of large ones; then the network waits.
MAX_INCOMING, MAX_INCOMING_BYTES = 940, 4 << 20
QUEUE_POLL_S = 0.05  # between two checks whether the incoming queue has room
HELLO_TIMEOUT_S = 10.0  # until the first message of a connection
IDLE_TIMEOUT_S = 300.0  # without a packet; an open microphone always sends packets
LOGIN_CHECK_INTERVAL_S = 5.0
# Close codes, those of WebSockets; after TRY_AGAIN the client reconnects.
SESSION_ERROR, TRY_AGAIN = 4400, 4429
LOG = logging.getLogger("qal")

Message = bytes | str  # an audio packet, or JSON
Settings = TypeVar("Settings", bound=SettingsMessage)


class DisconnectedError(Exception):
    """The client has left, or can no longer be reached."""


class Transport(Protocol):
    """Carries the messages of one connection, in order and each once. All methods raise DisconnectedError."""

    async def receive(self) -> Message:
        """Returns the next message of the client."""
        ...

    async def send(self, text: str) -> None:
        """Sends a message; waits while the client does not read the earlier ones."""
        ...

    async def close(self, code: int, reason: str = "") -> None:
        """Ends the connection."""
        ...


class IdleError(QalError):
    """The client is connected but has sent nothing for IDLE_TIMEOUT_S."""


class LoggedOutError(QalError):
    """The user of a running session is no longer logged in."""


class LiveConnection:
    """One connection to one session, from the join message to the end."""

    def __init__(self, hub: LiveHub, transport: Transport, allowed: Callable[[], bool], user: str | None = None):
        self.hub = hub
        self.transport = transport
        self._allowed = allowed
        self._user = user
        self._loop = asyncio.get_running_loop()
        self._outgoing: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_OUTGOING)
        self._incoming: asyncio.Queue[Message] = asyncio.Queue(MAX_INCOMING)
        self._incoming_bytes = 0  # in _incoming
        self._overflow = asyncio.Event()  # set when the client is too slow for _outgoing
        self._slot: SessionSlot | None = None
        self._closed = False

    async def run(self) -> None:
        """Serves the connection until it is closed by either side."""
        stages = (
            *(self._receive_messages, self._send_messages, self._process_messages),
            *(self._check_login, self._watch_overflow),
        )
        tasks = [asyncio.create_task(stage()) for stage in stages]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except DisconnectedError:
            LOG.debug("a live client has disconnected")
        except QalError as error:
            await self._close(close_code(error), str(error))
        except Exception:
            LOG.exception("a live session failed")
            if self._slot:  # before the message, after which a client may leave and this task be cancelled
                await self._run_slow(self.hub.end, self._slot)
            await self._close(SESSION_ERROR, "captioning failed on the server; press Start again")
        finally:
            self._closed = True
            for task in tasks:
                task.cancel()
            if self._slot:
                self.hub.disconnect(self._slot, self)

    async def _receive_messages(self) -> None:
        """Receives while other messages are processed, so that a closed connection is noticed at once."""
        while True:
            message = await self.transport.receive()
            if len(message) > MAX_PACKET_BYTES:
                raise OptionError(INVALID_MESSAGE)
            await self._incoming.put(message)
            self._incoming_bytes += len(message)
            while self._incoming_bytes > MAX_INCOMING_BYTES:
                await asyncio.sleep(QUEUE_POLL_S)

    async def _next_message(self) -> Message:
        message = await self._incoming.get()
        self._incoming_bytes -= len(message)
        return message

    async def _send_messages(self) -> None:
        while True:
            await self.transport.send(json_text(await self._outgoing.get(), ensure_ascii=False))

    async def _watch_overflow(self) -> None:
        await self._overflow.wait()
        await self.transport.close(TRY_AGAIN, "the page reads too slowly")
        raise DisconnectedError

    async def _check_login(self) -> None:
        while self._allowed():
            await asyncio.sleep(LOGIN_CHECK_INTERVAL_S)
        raise LoggedOutError(f"you are no longer logged in; {LOG_IN}")

    async def _process_messages(self) -> None:
        try:
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                first_message = await self._next_message()
        except TimeoutError:
            raise IdleError("the page sent nothing; reload the page") from None
        join_message = parse_message(JoinMessage, first_message)
        slot = await self._run_slow(self._join, join_message)
        self._send_ready(slot)
        while True:
            try:
                async with asyncio.timeout(IDLE_TIMEOUT_S):  # wait_for of Python 3.11 may miss a cancellation
                    message = await self._next_message()
            except TimeoutError:
                await self._run_slow(self.hub.finish, slot, self)
                minutes = f"{IDLE_TIMEOUT_S // 60:.0f} minutes"
                raise IdleError(f"no audio was received for {minutes}; press Start to continue") from None
            if isinstance(message, bytes):
                await self._run(self.hub.packet_executor, self.hub.receive_packet, slot, self, message)
            else:
                await self._process_command(slot, parse_command(message))

    def _join(self, message: JoinMessage) -> SessionSlot:
        """Joins the session, in a thread: the client may disconnect while a model is loaded."""
        slot = self._slot = self.hub.join(message, self, self._on_update, self._user)
        if self._closed:
            self.hub.disconnect(slot, self)
        return slot

    async def _process_command(self, slot: SessionSlot, command: dict[str, Any]) -> None:
        if command.pop("do") == "finish":
            await self._run_slow(self.hub.finish, slot, self)
            self._enqueue({"type": "finished"})
            return
        try:
            settings = parse_message(SettingsMessage, json_text(command))
            await self._run_slow(self.hub.change_settings, slot, self, settings, self._on_update)
        except SupersededError:
            raise
        except QalError as error:
            self._enqueue({"type": "problem", "message": f"{error}; the settings were not changed"})
        self._send_ready(slot)

    def _send_ready(self, slot: SessionSlot) -> None:
        stream, settings = slot.stream, slot.settings.model_dump(exclude_unset=True)
        self._enqueue({"type": "ready", "session": slot.id, "next": stream.next_sample, "ack": stream.ack, **settings})

    def _on_update(self, update: SessionUpdate) -> None:
        """Sends captions, from any thread. After the connection has closed they are on disk, for the next one."""
        captions = [cue_fields(c) for c in update.captions]
        level = asdict(update.level) if update.level else None
        message = {"type": "update", "captions": captions, "ack": update.ack, "level": level}
        try:
            self._loop.call_soon_threadsafe(self._enqueue, message)
        except RuntimeError:  # the event loop is closed
            LOG.debug("a caption came after its connection had closed")

    def _enqueue(self, message: dict[str, Any]) -> None:
        if not message.get("captions", True) and self._outgoing.qsize() > MAX_OUTGOING // 2:
            return  # a level update; the next one follows in 0.1 s
        if self._outgoing.full():  # the captions are on disk and are sent again after a reconnect
            self._overflow.set()
            return
        self._outgoing.put_nowait(message)

    async def _close(self, code: int, reason: str) -> None:
        """Closes with a reason, which is sent as a message because a close frame has room for 123 bytes only."""
        try:
            await self.transport.send(json_text({"type": "error", "message": reason, "retry": code == TRY_AGAIN}))
            await self.transport.close(code)
        except DisconnectedError:
            LOG.debug("a live client has disconnected before this error was sent: %s", reason)

    async def _run_slow(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await self._run(self.hub.slow_executor, function, *arguments)

    async def _run(self, executor: Executor, function: Callable[..., Any], *arguments: Any) -> Any:
        return await self._loop.run_in_executor(executor, function, *arguments)


def close_code(error: QalError) -> int:
    if isinstance(error, LoggedOutError):
        return FORBIDDEN
    return TRY_AGAIN if isinstance(error, BusyError) else SESSION_ERROR


def parse_message(message_type: type[Settings], message: Message) -> Settings:
    """Raises OptionError for invalid JSON, unknown fields and values out of range."""
    try:
        return message_type.model_validate_json(message if isinstance(message, str) else "")
    except ValidationError as error:
        gate_errors = [e for e in error.errors() if e["loc"][:1] == ("gate",)]
        if gate_errors:  # settings of the page that contradict each other
            names = "".join(f"{name}: " for name in gate_errors[0]["loc"][1:])
            raise OptionError(names + gate_errors[0]["msg"].removeprefix("Value error, ")) from error
        raise OptionError(INVALID_MESSAGE) from error


def parse_command(text: str) -> dict[str, Any]:
    """Returns the fields of a command; "do" is "finish" or "change". Raises OptionError."""
    try:
        command = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise OptionError(INVALID_MESSAGE) from error
    if not isinstance(command, dict) or command.get("do") not in ("finish", "change"):
        raise OptionError(INVALID_MESSAGE)
    return command
