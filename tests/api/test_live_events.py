"""Live sessions without a WebSocket: batches of messages, their order, the end of a connection, the transcript."""

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from starlette.websockets import WebSocketDisconnect

from qal.api import live_events
from qal.api.live_batches import (
    MAX_BATCH_BYTES,
    MAX_BATCH_MESSAGES,
    MAX_EARLY_BYTES,
    MAX_EARLY_MESSAGES,
    Batch,
    MessageOrder,
    pack_batch,
    unpack_batch,
)
from qal.api.live_connection import Message
from qal.api.live_events import EventTransport, LiveEvents
from qal.api.live_hub import LiveHub
from qal.audio.samples import Samples
from qal.captions.protocol import pack
from qal.errors import OptionError
from tests.api.event_session import EventSession
from tests.api.live_client import JOIN, EventClient, LiveClient, SocketClient, finals_until, send
from tests.run_async import run_async

MESSAGES = (b"", b"packet", '{"do": "finish"}', "ቃል", b"\x00\x01")


@pytest.fixture
def session(hub: LiveHub) -> Iterator[EventSession]:
    """A joined connection by events."""
    with EventClient(hub, lambda _: True).connect() as session:
        session.send_json(JOIN)
        assert session.receive_json()["type"] == "ready"
        yield session


@pytest.mark.parametrize("messages", [(), MESSAGES[:1], MESSAGES])
def test_unpack_batch_is_the_inverse_of_pack_batch(messages: tuple[Message, ...]):
    assert unpack_batch(pack_batch(7, messages)) == Batch(7, messages)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(7),
        pack_batch(0, MESSAGES)[:-1],
        pack_batch(0, [b"x"])[:10],
        bytes(8) + b"\x02\x00\x00\x00\x00",  # an unknown kind
        bytes(8) + b"\x01\x01\x00\x00\x00\xff",  # not UTF-8
        bytes(8) + b"\x00\xff\xff\xff\xff",
        b"\xff" * 8,
        pack_batch(0, [b""] * (MAX_BATCH_MESSAGES + 1)),
    ],
)
def test_malformed_batch_is_refused(data: bytes):
    with pytest.raises(OptionError, match="reload the page"):
        unpack_batch(data)


@pytest.mark.parametrize("seed", range(20))
def test_batches_in_any_order_with_duplicates_give_each_message_once_in_order(seed: int):
    rng = np.random.default_rng(seed)
    messages = [str(i) for i in range(50)]
    batches = random_batches(messages, rng)
    order, received = MessageOrder(), []
    for i in rng.permutation(len(batches)):
        assert order.accepts(batches[i])
        received += order.add(batches[i])
    assert received == messages


def random_batches(messages: list[Any], rng: np.random.Generator) -> list[Batch]:
    """Cuts messages into batches of different sizes, some of which overlap or occur twice."""
    batches = []
    for _ in range(3):
        cuts = np.sort(rng.choice(len(messages), 12)).tolist()
        batches += [Batch(start, tuple(messages[start:end])) for start, end in pairwise(cuts)]
    cuts = [*range(0, len(messages), 7), len(messages)]
    return batches + [Batch(start, tuple(messages[start:end])) for start, end in pairwise(cuts)]


def test_early_messages_are_limited_but_the_missing_one_is_always_accepted():
    for early in ([bytes(MAX_EARLY_BYTES)], [b"x"] * MAX_EARLY_MESSAGES):
        order = MessageOrder()
        assert order.accepts(Batch(1, tuple(early)))
        order.add(Batch(1, tuple(early)))
        assert not order.accepts(Batch(90_000, (b"later",)))
        assert order.add(Batch(0, (b"first",))) == [b"first", *early]
        assert order.accepts(Batch(90_000, (b"later",)))


def scrambled(packets: list[bytes], rng: np.random.Generator) -> list[bytes]:
    """Packets in an order that a network may give them: each moved by some places, some of them twice."""
    repeated = [*enumerate(packets), *((i, packets[i]) for i in rng.choice(len(packets), len(packets) // 4))]
    return [packet for _, packet in sorted(repeated, key=lambda item: item[0] + rng.uniform(0, 12))]


def split(speech: Samples, rng: np.random.Generator) -> list[bytes]:
    """Cuts samples into packets of different sizes, some of which overlap."""
    starts = [0, *np.sort(rng.choice(len(speech), len(speech) // 2000))]
    ends = [*starts[1:], len(speech)]
    return [
        pack(int(start), speech[start : min(len(speech), end + rng.integers(0, 400))])
        for start, end in zip(starts, ends, strict=True)
        if end > start
    ]


def transcript_of(finals: list[dict]) -> list[tuple]:
    return [(c["index"], c["text"], c["start_s"], c["end_s"]) for c in finals]


@pytest.fixture
def expected(hub: LiveHub, speech: Samples) -> list[tuple]:
    """The transcript of packets of equal size that arrive in their order, over a WebSocket."""
    with SocketClient(hub, lambda _: True).connect() as session:
        session.send_json(JOIN)
        session.receive_json()
        send(session, speech)
        session.send_json({"do": "finish"})
        return transcript_of(finals_until(session, "finished")[0])


@pytest.mark.parametrize("seed", range(4))
def test_packets_in_any_order_give_the_same_transcript_over_either_transport(
    live_client: LiveClient, speech: Samples, expected: list[tuple], seed: int
):
    rng = np.random.default_rng(seed)
    with live_client.connect() as session:
        session.send_json(JOIN)
        session.receive_json()
        for packet in scrambled(split(speech, rng), rng):
            session.send_bytes(packet)
        session.send_json({"do": "finish"})
        assert transcript_of(finals_until(session, "finished")[0]) == expected
    assert len(expected) == 2


@pytest.mark.parametrize("seed", range(4))
def test_requests_in_any_order_give_the_same_transcript(
    session: EventSession, speech: Samples, expected: list[tuple], seed: int
):
    """Also the command at the end has its place, whichever request arrives first."""
    rng = np.random.default_rng(seed)
    messages: list[Message] = [*scrambled(split(speech, rng), rng), json.dumps({"do": "finish"})]
    batches = random_batches(messages, rng)
    for i in rng.permutation(len(batches)):
        assert session.post(pack_batch(batches[i].first_number, batches[i].messages)) in (204, 410)
    assert transcript_of(finals_until(session, "finished")[0]) == expected


def test_change_of_settings_that_overtakes_packets_takes_effect_after_them(
    session: EventSession, hub: LiveHub, speech: Samples
):
    cut = len(speech) // 2
    change = json.dumps({"do": "change", "model": "two"})
    assert session.post(pack_batch(1, [change])) == 204
    assert session.post(pack_batch(0, [pack(0, speech[:cut])])) == 204
    assert finals_until(session, "ready")[1]["next"] == cut


def test_repeated_request_whose_response_was_lost_is_accepted_and_ignored(session: EventSession, speech: Samples):
    batch = pack_batch(0, [pack(0, speech[:16_000]), json.dumps({"do": "change", **JOIN})])
    assert [session.post(batch) for _ in range(3)] == [204, 204, 204]
    session.number = 2
    session.send_json({"do": "finish"})
    received = []
    while not received or received[-1] != "finished":
        received.append(session.receive_json()["type"])
    assert received.count("ready") == 1


def test_message_to_a_connection_that_has_ended_is_answered_with_gone(session: EventSession, speech: Samples):
    session.send_text("no command")
    assert session.receive_json()["type"] == "error"
    with pytest.raises(WebSocketDisconnect):
        session.receive_json()
    assert session.post(pack_batch(1, [])) == 410


@pytest.mark.parametrize("headers", [{"qal-connection": ""}, {"qal-connection": "another-connection-id"}])
def test_message_without_the_id_of_a_connection_is_answered_with_gone(session: EventSession, headers: dict[str, str]):
    assert session.post(pack_batch(0, []), headers) == 410


@pytest.mark.parametrize(
    ("body", "status"), [(b"no batch", 400), (bytes(MAX_BATCH_BYTES + 1), 413), (pack_batch(0, [bytes(9)]), 204)]
)
def test_invalid_request_is_refused(session: EventSession, body: bytes, status: int):
    assert session.post(body) == status
    if status != 413:
        assert "reload the page" in session.receive_json()["message"]


@pytest.mark.parametrize("allowed", [True, False])
def test_message_of_a_logged_out_user_or_another_origin_is_refused(hub: LiveHub, allowed: bool):
    is_logged_in = True
    with EventClient(hub, lambda _: is_logged_in).connect() as session:
        session.send_json(JOIN)
        session.receive_json()
        is_logged_in = allowed
        origin = {"origin": "https://evil.example"} if allowed else {}
        assert session.post(pack_batch(0, []), origin) == 403


def test_ids_of_connections_cannot_be_guessed():
    ids = {EventTransport("").id for _ in range(100)}
    assert len(ids) == 100
    assert min(map(len, ids)) >= 24


def test_client_that_sends_no_request_for_long_is_disconnected_and_its_session_waits(hub: LiveHub, monkeypatch):
    monkeypatch.setattr(live_events, "SILENCE_TIMEOUT_S", 0.5)
    with EventClient(hub, lambda _: True).connect() as session:
        session.send_json(JOIN)
        assert session.receive_json()["type"] == "ready"
        session.send_bytes(pack(0, np.zeros(16_000, np.float32)))
        while True:
            try:
                assert session.receive_json()["type"] == "update"
            except WebSocketDisconnect:
                break
    assert len(hub) == 1


def test_empty_batch_is_no_message_but_ends_the_silence():
    async def add_nothing() -> None:
        transport = EventTransport("{}")
        assert await transport.receive() == "{}"
        assert await transport.add(Batch(0, ()))
        assert not transport._received.empty()
        await transport.add(Batch(0, ("next",)))
        assert await transport.receive() == "next"

    run_async(add_nothing())


def test_requests_wait_while_the_connection_takes_no_message_and_are_then_refused(monkeypatch):
    monkeypatch.setattr(live_events, "ROOM_TIMEOUT_S", 0.1)
    packet = bytes(live_events.MAX_WAITING_BYTES)

    async def overfill() -> None:
        transport = EventTransport("{}")
        assert await transport.add(Batch(0, (packet,)))
        assert not await transport.add(Batch(1, (packet,)))
        assert [await transport.receive(), await transport.receive()] == ["{}", packet]
        assert await transport.add(Batch(1, (packet,)))

    run_async(overfill())


def test_many_small_messages_are_limited_too(monkeypatch):
    monkeypatch.setattr(live_events, "ROOM_TIMEOUT_S", 0.1)

    async def overfill() -> None:
        transport = EventTransport("{}")
        assert await transport.add(Batch(0, (b"x",) * MAX_BATCH_MESSAGES))
        assert not await transport.add(Batch(MAX_BATCH_MESSAGES, (b"x",)))

    run_async(overfill())


@pytest.mark.parametrize("leaves_after", [0, 1, 3, 5])
def test_no_task_outlives_a_client_that_leaves(hub: LiveHub, speech: Samples, leaves_after: int):
    async def join_and_leave() -> None:
        events = LiveEvents(hub, lambda _: True)
        transport = EventTransport(json.dumps(JOIN))
        stream = events._events(transport, lambda: True)
        for _ in range(min(leaves_after, 3)):
            await anext(stream)
        await transport.add(Batch(0, (pack(0, speech),)))
        for _ in range(leaves_after - 3):
            await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not events._transports
        assert not events._running

    run_async(join_and_leave())


def test_response_is_not_to_be_buffered_compressed_or_cached():
    async def no_events():
        return
        yield

    headers = live_events.EventStream(no_events()).headers
    assert headers["x-accel-buffering"] == "no"
    assert "no-transform" in headers["cache-control"]
    assert headers["content-type"].startswith("text/event-stream")


def test_client_that_does_not_read_its_events_is_disconnected(hub: LiveHub, monkeypatch):
    monkeypatch.setattr(live_events, "SEND_TIMEOUT_S", 0.1)
    ended = []

    async def read_nothing() -> None:
        async def receive() -> dict:
            return await asyncio.Future()

        async def send_slowly(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body":
                await asyncio.Future()

        events = LiveEvents(hub, lambda _: True)
        stream = live_events.EventStream(events._events(EventTransport(json.dumps(JOIN)), lambda: True))
        await asyncio.wait_for(stream({"type": "http", "method": "POST"}, receive, send_slowly), 10)
        ended.append(not events._transports)

    run_async(read_nothing())
    assert ended == [True]
