"""Errors of the disk or of the server while a session is joined, captioned or ended: nothing is lost, no place is."""

import errno
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qal.api import live_hub
from qal.api.live_hub import LiveHub
from qal.api.live_messages import JoinMessage
from qal.api.live_slot import SessionSlot
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions import saved_audio
from qal.captions.protocol import pack
from qal.captions.record import SessionRecord
from qal.captions.resumable_session import ResumableSession, SessionUpdate
from qal.errors import StorageError
from tests.api.live_client import JOIN, PACKET_SAMPLES, LiveClient, finals_until, send
from tests.waiting import wait_until


def raise_full(*_: Any) -> None:
    raise StorageError("the record of this session could not be used: no space left on the disk")


def raise_full_once(function: Any) -> Any:
    """Returns the function with an error at its first call, as if space was freed after it."""
    calls = []

    def fail_first(*arguments: Any) -> Any:
        calls.append(arguments)
        return function(*arguments) if len(calls) > 1 else raise_full()

    return fail_first


def join(hub: LiveHub, session: str | None = None, owner: object = None, **fields: Any) -> SessionSlot:
    return hub.join(JoinMessage.model_validate({**JOIN, "session": session, **fields}), owner, lambda _: None)


def send_one(socket: Any) -> None:
    send(socket, np.zeros(PACKET_SAMPLES, np.float32))
    receive(socket, "update")


def receive(socket: Any, kind: str) -> dict[str, Any]:
    while (message := socket.receive_json())["type"] != kind:
        pass
    return message


@pytest.mark.parametrize("failing", ["add_info", "resume", "set_audio_saving"])
def test_join_that_fails_on_a_full_disk_keeps_no_place(
    hub: LiveHub, monkeypatch, live_client: LiveClient, failing: str
):
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "keep_sound": True})
        session = socket.receive_json()["session"]
        send_one(socket)
    wait_until(lambda: hub._slots[session].disconnected_at is not None)
    place: Any = live_hub if failing == "add_info" else ResumableSession
    monkeypatch.setattr(place, failing, raise_full)
    for known in (session, None):
        with live_client.connect() as socket:
            socket.send_json({**JOIN, "session": known})
            if known or failing != "set_audio_saving":
                assert "no space left" in receive(socket, "error")["message"]
    wait_until(lambda: all(slot.disconnected_at is not None for slot in hub._slots.values()))


def test_session_goes_on_after_a_full_disk_was_cleaned_up_and_loses_no_caption(
    live_client: LiveClient, hub: LiveHub, speech: Samples, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(SessionRecord, "append", raise_full_once(SessionRecord.append))
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = receive(socket, "ready")["session"]
        send(socket, speech)
        socket.send_json({"do": "finish"})
        acks = []
        while (message := socket.receive_json())["type"] != "error":
            acks.append(message["ack"])
    assert "no space left" in message["message"]
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "session": session, "kept_from": max(acks)})
        ready = receive(socket, "ready")
        send(socket, speech[max(acks) :], max(acks))
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert ready["ack"] <= max(acks)
    assert [c.index for c in SessionRecord(tmp_path / "live", session).stored_captions()] == [0, 1]


def test_no_caption_is_written_after_one_that_could_not_be_written(
    hub: LiveHub, speech: Samples, tmp_path: Path, monkeypatch
):
    """A later one would acknowledge the audio of the earlier one."""
    may_write = threading.Event()
    append = raise_full_once(SessionRecord.append)

    def append_later(*arguments: Any) -> None:
        may_write.wait(30)
        append(*arguments)

    monkeypatch.setattr(SessionRecord, "append", append_later)
    updates: list[SessionUpdate] = []
    slot = hub.join(JoinMessage.model_validate(JOIN), owner := object(), updates.append)
    hub.receive_packet(slot, owner, pack(0, speech))
    wait_until(lambda: slot.stream._writes._waiting)  # the second caption waits for the first one
    may_write.set()
    slot.stream._writes.wait()
    assert not SessionRecord(tmp_path / "live", slot.id).stored_captions()
    assert max(slot.stream.ack, *(update.ack for update in updates)) < SAMPLE_RATE  # the silence at the beginning


def test_packet_whose_audio_could_not_be_saved_is_captioned_when_it_is_sent_again(
    live_client: LiveClient, speech: Samples, tmp_path: Path, monkeypatch
):
    def fail(_samples: Samples) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with live_client.connect() as socket, monkeypatch.context() as full:
        socket.send_json({**JOIN, "keep_sound": True})
        session = receive(socket, "ready")["session"]
        full.setattr(saved_audio, "to_pcm16", fail)
        send(socket, speech)
        assert "no space left" in receive(socket, "error")["message"]
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "keep_sound": True, "session": session})
        first = receive(socket, "ready")["next"]
        assert first == 0
        send(socket, speech[first:], first)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    saved = saved_audio.SavedAudio(tmp_path / "live" / session)
    assert [(r.start, r.end) for r in saved.saved_ranges()] == [(0, len(speech))]


@pytest.mark.parametrize("error", [raise_full, FileNotFoundError])
def test_empty_session_that_cannot_be_deleted_keeps_no_place_and_can_be_joined_again(hub: LiveHub, monkeypatch, error):
    def fail(_record: SessionRecord) -> None:
        raise error()

    monkeypatch.setattr(SessionRecord, "delete_empty", fail)
    slot = join(hub, owner=(owner := object()))
    hub.disconnect(slot, owner)
    wait_until(lambda: not len(hub))
    assert join(hub, slot.id).id == slot.id


def test_session_that_is_joined_while_it_is_finished_can_be_continued(hub: LiveHub, speech: Samples, monkeypatch):
    old, new = object(), object()
    slot = join(hub, owner=old)
    hub.receive_packet(slot, old, pack(0, speech[:SAMPLE_RATE]))
    joined: list[SessionSlot] = []
    joining = threading.Thread(target=lambda: joined.append(join(hub, slot.id, new)))
    session_finished = hub.audience.session_finished

    def join_meanwhile(session: str) -> None:
        joining.start()
        joining.join(0.3)  # it waits for the end, or has joined what is ended next
        session_finished(session)

    monkeypatch.setattr(hub.audience, "session_finished", join_meanwhile)
    hub.finish(slot, old)
    joining.join(30)
    hub.receive_packet(joined[0], new, pack(joined[0].stream.next_sample, speech[:SAMPLE_RATE]))


def test_change_of_settings_that_fails_half_way_loses_no_audio(
    live_client: LiveClient, hub: LiveHub, speech: Samples, tmp_path: Path, monkeypatch
):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = receive(socket, "ready")["session"]
        half = len(speech) // 2
        send(socket, speech[:half])
        with monkeypatch.context() as failing:
            failing.setattr(hub, "_open_stream", raise_full)
            socket.send_json({"do": "change", **JOIN, "language": "ru"})
            assert "no space left" in receive(socket, "problem")["message"]
        socket.send_bytes(pack(half, speech[half:]))
        assert receive(socket, "error")["retry"]
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "session": session})
        first = receive(socket, "ready")["next"]
        send(socket, speech[first:], first)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    captions = SessionRecord(tmp_path / "live", session).stored_captions()
    assert [c.index for c in captions] == [*range(len(captions))]
    assert captions[-1].end_s * SAMPLE_RATE > half
