"""A live connection over either transport: packets in, captions out, invalid messages, errors and limits."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from qal.api import live_connection, live_hub
from qal.api.live_connection import TRY_AGAIN, DisconnectedError, LiveConnection
from qal.api.live_hub import LiveHub
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.protocol import pack
from qal.captions.record import SessionRecord
from tests.api.live_client import JOIN, LiveClient, finals_until, send
from tests.fakes import ScriptedEngine
from tests.run_async import run_async


class SilentTransport:
    """Sends nothing on."""

    async def send(self, text: str) -> None: ...

    async def close(self, code: int, reason: str = "") -> None: ...


def test_received_audio_is_captioned_and_finals_are_on_disk(live_client: LiveClient, speech: Samples, tmp_path: Path):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        ready = socket.receive_json()
        assert (ready["type"], ready["next"], ready["ack"]) == ("ready", 0, 0)
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    assert len(finals) == 2
    assert [line.text for line in SessionRecord(tmp_path / "live", ready["session"]).stored_captions()] == [
        c["text"] for c in finals
    ]


def test_disconnect_while_the_model_loads_frees_the_session(live_client: LiveClient, hub: LiveHub, monkeypatch):
    loading, loaded = threading.Event(), threading.Event()
    engines: Any = hub._engines
    load = engines.get

    def load_slowly(model: str, runs: Path) -> ScriptedEngine:
        loading.set()
        assert loaded.wait(10)
        return load(model, runs)

    monkeypatch.setattr(engines, "get", load_slowly)
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        assert loading.wait(10)
    loaded.set()
    hub.slow_executor.shutdown(wait=True)
    monkeypatch.setattr(live_hub, "RECONNECT_TIMEOUT_S", -1.0)
    hub.close_abandoned_sessions()
    assert len(hub) == 0


@pytest.mark.parametrize(
    ("join_message", "expected"),
    [
        ({"model": "/etc"}, "does not offer the model '/etc'"),
        ({"model": "broken"}, "cannot be loaded"),
        ({**JOIN, "language": "xx"}, "no language 'xx'"),
        ({**JOIN, "session": "../../etc/passwd-and-more"}, "session id is not valid"),
        ({**JOIN, "evil": 1}, "invalid message"),
        ({**JOIN, "kept_from": -1}, "invalid message"),
        (["no"], "invalid message"),
        ({**JOIN, "mode": "magic"}, "invalid message"),
        ({**JOIN, "expect": 501 * "x"}, "invalid message"),
    ],
)
def test_invalid_join_message_closes_with_an_error(live_client: LiveClient, hub: LiveHub, join_message, expected: str):
    with live_client.connect() as socket:
        socket.send_json(join_message)
        message = socket.receive_json()
        assert message["type"] == "error"
        assert expected in message["message"]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
    assert len(hub) == 0


@pytest.mark.parametrize("command", ["no json", "[]", '{"do": "fly"}', 100_000 * "["])
def test_invalid_command_closes_the_connection_and_keeps_the_session(
    live_client: LiveClient, hub: LiveHub, speech: Samples, command: str
):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        socket.receive_json()
        send(socket, speech[:SAMPLE_RATE])
        socket.send_text(command)
        finals_until(socket, "error")
    assert len(hub) == 1


def test_connection_without_a_first_message_is_closed(live_client: LiveClient, hub: LiveHub, monkeypatch):
    monkeypatch.setattr(live_connection, "HELLO_TIMEOUT_S", 0.1)
    with live_client.connect() as socket:
        assert "reload the page" in socket.receive_json()["message"]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_slow_client_is_told_once_and_disconnected(hub: LiveHub):
    closed = []

    class SlowTransport:
        async def receive(self) -> bytes:
            return await asyncio.Future()

        async def send(self, text: str) -> None:
            await asyncio.Future()

        async def close(self, code: int, reason: str = "") -> None:
            closed.append((code, reason))

    async def overflow() -> None:
        connection = LiveConnection(hub, SlowTransport(), lambda: True)
        running = asyncio.create_task(connection.run())
        await asyncio.sleep(0)
        for _ in range(2 * live_connection.MAX_OUTGOING):
            connection._enqueue({"captions": [1]})
        await asyncio.wait_for(running, 10)

    run_async(overflow())
    assert closed == [(TRY_AGAIN, "the page reads too slowly")]


def test_failing_engine_ends_the_session_with_an_error(live_client: LiveClient, hub: LiveHub, speech: Samples):
    engines: Any = hub._engines
    engines.engines["one"].transcribe = lambda *_: 1 / 0
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        socket.receive_json()
        send(socket, speech)
        socket.send_json({"do": "finish"})
        while (message := socket.receive_json())["type"] == "update":
            pass
        assert message["type"] == "error"
        assert "press Start again" in message["message"]
        assert len(hub) == 0  # the session has ended before the error is sent


def test_incoming_queue_is_limited_in_bytes(hub: LiveHub, monkeypatch):
    read = 0

    class FloodingTransport(SilentTransport):
        async def receive(self) -> bytes:
            nonlocal read
            read += 1
            return bytes(1000)

    async def flood() -> None:
        connection = LiveConnection(hub, FloodingTransport(), lambda: True)
        task = asyncio.create_task(connection._receive_messages())  # and no task processes them
        await asyncio.sleep(0.3)
        assert read == 11
        for _ in range(5):
            await connection._next_message()
        await asyncio.sleep(0.3)
        assert read == 16
        task.cancel()

    monkeypatch.setattr(live_connection, "MAX_INCOMING_BYTES", 10_500)
    run_async(flood())


@pytest.mark.parametrize("packets", range(0, 60, 3))
def test_no_task_outlives_its_connection(hub: LiveHub, speech: Samples, packets: int):
    class LeavingTransport(SilentTransport):
        sent = 0

        async def receive(self) -> str | bytes:
            self.sent += 1
            if self.sent == 1:
                return json.dumps(JOIN)
            if self.sent <= 1 + packets:
                first_sample = 160 * (self.sent - 2)
                return pack(first_sample, speech[first_sample : first_sample + 160])
            await asyncio.sleep(0.0001 * packets)
            raise DisconnectedError

    async def connect_and_disconnect() -> None:
        await LiveConnection(hub, LeavingTransport(), lambda: True).run()
        await asyncio.sleep(0.1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_async(connect_and_disconnect())
