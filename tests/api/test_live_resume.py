"""Live sessions across connections: reconnect, restart, timeouts and maintenance."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from qal.api import live_connection, live_hub
from qal.api.live_connection import TRY_AGAIN
from qal.api.live_hub import LiveHub
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.final_captions import Caption
from qal.captions.protocol import pack
from qal.captions.record import SessionRecord
from qal.errors import StorageError
from tests.api.live_client import (
    JOIN,
    PACKET_SAMPLES,
    FakeEngines,
    LiveClient,
    OpenClient,
    caption_two_sentences,
    finals_until,
    send,
)


def test_reconnect_resumes_the_session_at_the_next_sample(live_client: LiveClient, hub: LiveHub, speech: Samples):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        half = speech[: len(speech) // 1600 // 2 * 1600]
        send(socket, half)
        while socket.receive_json()["ack"] == 0:
            pass
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "session": session})
        ready = socket.receive_json()
        assert ready["session"] == session
        send(socket, speech[ready["next"] :], ready["next"])
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    assert finals[-1]["index"] >= 1
    assert len(hub) == 0


def test_caption_after_the_connection_closed_is_on_disk(
    live_client: LiveClient, hub: LiveHub, speech: Samples, tmp_path: Path
):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, speech[:PACKET_SAMPLES])
        socket.receive_json()
    stream = hub._slots[session].stream  # the event loop of its connection is closed
    stream.receive(pack(0, speech))
    stream.finish()
    assert len(SessionRecord(tmp_path / "live", session).stored_captions()) == 2


def test_reconnect_resends_finals_after_last_index(live_client: LiveClient, speech: Samples):
    session, received_before = caption_two_sentences(live_client, speech)
    for last_index, expected in ((-1, received_before), (0, received_before[1:]), (1, [])):
        with live_client.connect() as socket:
            socket.send_json({**JOIN, "session": session, "last_index": last_index})
            received, _ = finals_until(socket, "ready")
        assert [c["text"] for c in received] == [c["text"] for c in expected]


def test_restarted_server_resends_finals_from_disk(
    live_client: LiveClient, open_client: OpenClient, speech: Samples, tmp_path: Path
):
    session, received_before = caption_two_sentences(live_client, speech)
    engines: Any = FakeEngines()
    second = LiveHub(engines, tmp_path / "runs", tmp_path / "live", lambda: {"one"})
    with open_client(second, lambda _: True).connect() as socket:
        socket.send_json({**JOIN, "session": session, "last_index": 0})
        received, ready = finals_until(socket, "ready")
    assert [c["text"] for c in received] == [received_before[1]["text"]]
    assert ready["next"] > 0
    second.close()


def test_new_connection_supersedes_the_old_one(live_client: LiveClient, hub: LiveHub, speech: Samples):
    with live_client.connect() as old:
        old.send_json(JOIN)
        session = old.receive_json()["session"]
        with live_client.connect() as new:
            new.send_json({**JOIN, "session": session})
            assert new.receive_json()["type"] == "ready"
            send(old, speech[:1600])
            message = old.receive_json()
            assert message["type"] == "error"
            assert "another connection" in message["message"]
            send(new, speech)
            new.send_json({"do": "finish"})
            assert len(finals_until(new, "finished")[0]) == 2


def test_full_server_is_busy_while_all_its_sessions_have_connections(live_client: LiveClient, hub: LiveHub):
    with live_client.connect() as first, live_client.connect() as second:
        for socket in (first, second):
            socket.send_json(JOIN)
            socket.receive_json()
        with live_client.connect() as third:
            third.send_json(JOIN)
            message = third.receive_json()
            assert "try again" in message["message"]
            assert message["retry"]
            with pytest.raises(WebSocketDisconnect) as closed:
                third.receive_json()
            assert closed.value.code == TRY_AGAIN


def test_session_without_a_connection_gives_way_and_loses_nothing(
    live_client: LiveClient, hub: LiveHub, speech: Samples
):
    cut = speech[: -SAMPLE_RATE // 2 * 3]  # in the middle of the last line
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, cut)
        message: dict = {}
        while not any(c["final"] for c in message.get("captions", [])):
            message = socket.receive_json()
    with live_client.connect() as first, live_client.connect() as second:
        for other in (first, second):  # both places
            other.send_json(JOIN)
            assert other.receive_json()["type"] == "ready"
        assert session not in hub._slots
    kept_from = message["ack"]
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "session": session, "kept_from": kept_from, "last_index": 0})
        ready = socket.receive_json()
        assert ready["next"] == kept_from
        send(socket, speech[kept_from:], kept_from)
        socket.send_json({"do": "finish"})
        (last,), _ = finals_until(socket, "finished")
    assert last["index"] >= 1


def test_session_without_a_sample_is_freed_when_its_connection_closes(
    live_client: LiveClient, hub: LiveHub, tmp_path: Path
):
    for _ in range(5):  # two places
        with live_client.connect() as socket:
            socket.send_json(JOIN)
            assert socket.receive_json()["type"] == "ready"
        wait_for(lambda: len(hub) == 0)
    wait_for(lambda: not list((tmp_path / "live").iterdir()))


def test_abandoned_session_whose_engine_fails_stops_nobody(
    live_client: LiveClient, hub: LiveHub, speech: Samples, monkeypatch
):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, speech[: SAMPLE_RATE * 2])
        socket.receive_json()
    wait_for(lambda: hub._slots[session].disconnected_at is not None)

    def fail() -> None:
        raise MemoryError("CUDA out of memory")

    monkeypatch.setattr(hub._slots[session].stream, "finish", fail)
    monkeypatch.setattr(live_hub, "RECONNECT_TIMEOUT_S", -1.0)
    hub.close_abandoned_sessions()
    assert len(hub) == 0
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        assert socket.receive_json()["type"] == "ready"


def test_session_goes_on_although_its_model_was_deleted(live_client: LiveClient, hub: LiveHub, speech: Samples):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, speech[:SAMPLE_RATE])
        socket.receive_json()
    hub._offered = lambda: set()
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "session": session})
        _, ready = finals_until(socket, "ready")
        assert ready["session"] == session
        send(socket, speech[ready["next"] :], ready["next"])
        socket.send_json({"do": "finish"})
        assert len(finals_until(socket, "finished")[0]) == 2


def wait_for(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_done() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_done()


def test_maintenance_does_not_delete_active_sessions(live_client: LiveClient, hub: LiveHub, tmp_path: Path):
    SessionRecord(tmp_path / "live", "an-old-session-to-delete").create()
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        hub.start_maintenance(-1)
        assert [p.name for p in (tmp_path / "live").iterdir()] == [session]


def test_idle_client_is_disconnected_and_its_captions_are_final(
    live_client: LiveClient, hub: LiveHub, speech: Samples, monkeypatch
):
    monkeypatch.setattr(live_connection, "IDLE_TIMEOUT_S", 0.5)
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        socket.receive_json()
        send(socket, speech[: -SAMPLE_RATE // 2 * 3])  # in the middle of the last line
        finals, message = finals_until(socket, "error")
    assert len(finals) == 2
    assert "press Start to continue" in message["message"]
    assert len(hub) == 0


def test_maintenance_ends_abandoned_sessions(live_client: LiveClient, hub: LiveHub, monkeypatch):
    monkeypatch.setattr(live_hub, "RECONNECT_TIMEOUT_S", 0.1)
    monkeypatch.setattr(live_hub, "MAINTENANCE_INTERVAL_S", 0.2)
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        socket.receive_json()
        hub.start_maintenance(7)
        assert len(hub) == 1
    deadline = time.monotonic() + 10
    while len(hub) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(hub) == 0


def test_abandoned_session_is_finished_and_resumes_from_disk(
    live_client: LiveClient, hub: LiveHub, speech: Samples, tmp_path: Path, monkeypatch
):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, speech[: -SAMPLE_RATE // 2 * 3])  # in the middle of the last line
        while not any(c["index"] == 1 for c in socket.receive_json().get("captions", [])):
            pass
    monkeypatch.setattr(live_hub, "RECONNECT_TIMEOUT_S", -1.0)
    hub.close_abandoned_sessions()
    assert len(hub) == 0
    assert len(SessionRecord(tmp_path / "live", session).stored_captions()) == 2
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "session": session})
        assert len(finals_until(socket, "ready")[0]) == 2


def test_slow_disk_of_one_session_delays_no_other(live_client: LiveClient, hub: LiveHub, speech: Samples, monkeypatch):
    released, real = threading.Event(), SessionRecord.append
    slow: set[str] = set()

    def append(record: SessionRecord, caption: Caption, settled_sample: int) -> None:
        assert record.folder.name not in slow or released.wait(20)
        real(record, caption, settled_sample)

    monkeypatch.setattr(SessionRecord, "append", append)
    with live_client.connect() as first, live_client.connect() as second:
        first.send_json(JOIN)
        slow.add(first.receive_json()["session"])
        send(first, speech)
        second.send_json(JOIN)
        second.receive_json()
        send(second, speech)
        second.send_json({"do": "finish"})
        assert len(finals_until(second, "finished")[0]) == 2
        (stream,) = [slot.stream for slot in hub._slots.values()]
        assert stream.ack < SAMPLE_RATE * 2  # what is not on disk is not acknowledged
        released.set()
        first.send_json({"do": "finish"})
        assert len(finals_until(first, "finished")[0]) == 2


def test_full_disk_ends_the_session_with_its_reason(
    live_client: LiveClient, hub: LiveHub, speech: Samples, monkeypatch
):
    def append(*_) -> None:
        raise StorageError("the captions of this session: no space left on the disk")

    monkeypatch.setattr(SessionRecord, "append", append)
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        socket.receive_json()
        send(socket, speech)
        socket.send_json({"do": "finish"})
        assert "no space left" in finals_until(socket, "error")[1]["message"]
