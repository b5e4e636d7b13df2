"""The live socket: packets up, captions down, over breaks, changes and wrong words."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from qal.api import live_hub, live_socket
from qal.api.live_hub import LiveHub
from qal.api.live_socket import COME_BACK, FORBIDDEN, PATH, live_route
from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, to_pcm16
from qal.captions.protocol import pack
from qal.captions.record import Record
from qal.captions.saved_audio import KeptSound, Stretch
from qal.errors import ModelError
from tests.fakes import ScriptedEngine

HELLO = {"model": "one", "language": "en"}


class FakeEngines:
    def __init__(self):
        self.engines = {name: ScriptedEngine(detects="ru") for name in ("one", "two")}
        for engine in self.engines.values():
            engine.tokenizer = SimpleNamespace(languages=("en", "ru"), multilingual=True)  # pyright: ignore[reportAttributeAccessIssue]
            engine.workers = 1  # pyright: ignore[reportAttributeAccessIssue]

    def get(self, model: str, runs: Path) -> ScriptedEngine:
        if model == "broken":
            raise ModelError("broken: cannot be loaded")
        return self.engines[model]


@pytest.fixture(scope="module")
def speech(english_corpus) -> Samples:
    rows = [r for r in english_corpus.select("test") if 2 < r.duration_s < 4][:2]
    pause = np.zeros(SAMPLE_RATE, np.float32)
    return np.concatenate([pause, *(x for r in rows for x in (decode(english_corpus.audio_path(r)), pause))])


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LiveHub]:
    engines: Any = FakeEngines()
    made = LiveHub(engines, tmp_path / "runs", tmp_path / "live", lambda: {"one", "two", "broken"}, max_sessions=2)
    yield made
    made.close()


@pytest.fixture
def client(hub: LiveHub) -> TestClient:
    return TestClient(Starlette(routes=[live_route(hub, lambda _: True)]), base_url="http://here")


def send(socket, samples: Samples, first: int = 0, size: int = 1600) -> None:
    for i in range(0, len(samples), size):
        socket.send_bytes(pack(first + i, samples[i : i + size]))


def finals_until(socket, kind: str) -> tuple[list[dict], dict]:
    finals = []
    while (message := socket.receive_json())["type"] != kind:
        assert message["type"] == "update", message
        finals += [c for c in message["captions"] if c["final"]]
    return finals, message


def test_what_is_sent_is_captioned(client: TestClient, speech: Samples, tmp_path: Path):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        ready = socket.receive_json()
        assert (ready["type"], ready["next"], ready["ack"]) == ("ready", 0, 0)
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    assert len(finals) == 2
    assert [line.text for line in Record(tmp_path / "live", ready["session"]).lines()] == [c["text"] for c in finals]


def test_a_broken_connection_goes_on_where_it_was(client: TestClient, hub: LiveHub, speech: Samples):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        session = socket.receive_json()["session"]
        half = speech[: len(speech) // 1600 // 2 * 1600]
        send(socket, half)
        while socket.receive_json()["ack"] == 0:
            pass
    with client.websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, "session": session})
        ready = socket.receive_json()
        assert ready["session"] == session
        send(socket, speech[ready["next"] :], ready["next"])
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    assert finals[-1]["index"] >= 1
    assert len(hub) == 0


def test_a_page_that_leaves_while_its_model_loads_leaves_no_place_taken(client: TestClient, hub: LiveHub, monkeypatch):
    loading, loaded = threading.Event(), threading.Event()
    engines: Any = hub._engines
    load = engines.get

    def slow(model: str, runs: Path) -> ScriptedEngine:
        loading.set()
        assert loaded.wait(10)
        return load(model, runs)

    monkeypatch.setattr(engines, "get", slow)
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        assert loading.wait(10)
    loaded.set()
    hub.slow.shutdown(wait=True)
    monkeypatch.setattr(live_hub, "RESUME_S", -1.0)
    hub.sweep()
    assert len(hub) == 0


def test_a_caption_that_comes_after_its_connection_ended_is_on_disk(
    client: TestClient, hub: LiveHub, speech: Samples, tmp_path: Path
):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        session = socket.receive_json()["session"]
    stream = hub._places[session].stream  # its connection's event loop is closed now
    stream.take(pack(0, speech))
    stream.finish()
    assert len(Record(tmp_path / "live", session).lines()) == 2


def test_the_model_changes_in_the_middle_and_no_sample_is_lost(client: TestClient, hub: LiveHub, speech: Samples):
    engines = hub._engines.engines  # pyright: ignore[reportAttributeAccessIssue]
    cut = len(speech) // 2
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        socket.receive_json()
        send(socket, speech[:cut])
        socket.send_json({"do": "change", "model": "two", "language": None})
        before, ready = finals_until(socket, "ready")
        assert ready["next"] == cut
        send(socket, speech[cut:], cut)
        socket.send_json({"do": "finish"})
        after, _ = finals_until(socket, "finished")
    assert engines["one"].heard
    assert engines["two"].heard
    assert {u.language for u in engines["one"].heard} == {"en"}
    indices = [c["index"] for c in before + after]
    assert indices == sorted(set(indices))


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        ({"model": "/etc"}, "does not offer the model '/etc'"),
        ({"model": "broken"}, "cannot be loaded"),
        ({**HELLO, "language": "xx"}, "no language 'xx'"),
        ({**HELLO, "session": "../../etc/passwd-and-more"}, "no session's name"),
        ({**HELLO, "evil": 1}, "not one of ours"),
        ({**HELLO, "kept_from": -1}, "not one of ours"),
        (["no"], "not one of ours"),
        ({**HELLO, "mode": "magic"}, "not one of ours"),
        ({**HELLO, "expect": 501 * "x"}, "not one of ours"),
    ],
)
def test_a_wrong_hello_is_one_sentence(client: TestClient, hub: LiveHub, first, sentence: str):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(first)
        message = socket.receive_json()
        assert message["type"] == "error"
        assert sentence in message["message"]
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()
    assert len(hub) == 0


@pytest.mark.parametrize("bad", ["no json", "[]", '{"do": "fly"}', 100_000 * "["])
def test_a_wrong_order_ends_the_connection_and_keeps_the_session(client: TestClient, hub: LiveHub, bad: str):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        socket.receive_json()
        socket.send_text(bad)
        assert socket.receive_json()["type"] == "error"
    assert len(hub) == 1


def speak_two_sentences(client: TestClient, speech: Samples) -> tuple[str, list[dict]]:
    """A connection that breaks after both are final -> the session and what it saw."""
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        session = socket.receive_json()["session"]
        send(socket, speech)
        seen: list[dict] = []
        while len(seen) < 2:
            seen += [c for c in socket.receive_json().get("captions", []) if c["final"]]
    return session, seen


def test_the_gate_and_the_task_are_the_speakers_choice(client: TestClient, hub: LiveHub, speech: Samples):
    gate = {"hang_over_ms": 2000, "start_threshold": 0.6}
    with client.websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, "task": "translate", "gate": gate})
        ready = socket.receive_json()
        assert (ready["task"], ready["gate"]) == ("translate", {"start_threshold": 0.6, "hang_over_ms": 2000})
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    assert len(finals) == 1  # a second of silence no longer ends a line
    engines: Any = hub._engines
    assert {u.task for u in engines.engines["one"].heard} == {"translate"}


def test_how_speech_is_read_is_the_speakers_choice(client: TestClient, hub: LiveHub, speech: Samples):
    with client.websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, "mode": "single", "expect": "Ada Lovelace", "previous_text": True})
        assert socket.receive_json()["mode"] == "single"
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    engines: Any = hub._engines
    heard = engines.engines["one"].heard
    assert len(heard) == len(finals) == 2
    assert [u.before for u in heard] == ["Ada Lovelace", f"Ada Lovelace {finals[0]['text']}"]


def test_sliders_that_contradict_each_other_change_nothing(client: TestClient):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        socket.receive_json()
        socket.send_json({"do": "change", **HELLO, "gate": {"start_threshold": 0.1}})
        problem = socket.receive_json()
        assert problem["type"] == "problem"
        assert "end_threshold" in problem["message"]
        assert socket.receive_json()["type"] == "ready"


def test_finals_that_were_not_seen_are_told_again(client: TestClient, speech: Samples):
    session, seen = speak_two_sentences(client, speech)
    for last_index, expected in ((-1, seen), (0, seen[1:]), (1, [])):
        with client.websocket_connect(PATH) as socket:
            socket.send_json({**HELLO, "session": session, "last_index": last_index})
            told, _ = finals_until(socket, "ready")
        assert [c["text"] for c in told] == [c["text"] for c in expected]


def test_a_restarted_server_tells_again_what_is_on_disk(client: TestClient, speech: Samples, tmp_path: Path):
    session, seen = speak_two_sentences(client, speech)
    engines: Any = FakeEngines()
    second = LiveHub(engines, tmp_path / "runs", tmp_path / "live", lambda: {"one"})
    with TestClient(Starlette(routes=[live_route(second, lambda _: True)])).websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, "session": session, "last_index": 0})
        told, ready = finals_until(socket, "ready")
    assert [c["text"] for c in told] == [seen[1]["text"]]
    assert ready["next"] > 0
    second.close()


def test_the_newest_connection_has_the_session(client: TestClient, hub: LiveHub, speech: Samples):
    with client.websocket_connect(PATH) as old:
        old.send_json(HELLO)
        session = old.receive_json()["session"]
        with client.websocket_connect(PATH) as new:
            new.send_json({**HELLO, "session": session})
            assert new.receive_json()["type"] == "ready"
            send(old, speech[:1600])
            message = old.receive_json()
            assert message["type"] == "error"
            assert "another connection" in message["message"]
            send(new, speech)
            new.send_json({"do": "finish"})
            assert len(finals_until(new, "finished")[0]) == 2


@pytest.mark.parametrize("settings", [{"model": "broken"}, {"model": "nowhere"}, {"model": "two", "language": "xx"}])
def test_a_change_that_cannot_be_made_changes_nothing(client: TestClient, speech: Samples, settings: dict):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        socket.receive_json()
        send(socket, speech[:16_000])
        socket.send_json({"do": "change", **settings})
        while (message := socket.receive_json())["type"] == "update":
            pass
        assert message["type"] == "problem"
        ready = socket.receive_json()
        assert (ready["type"], ready["model"], ready["next"]) == ("ready", "one", 16_000)
        send(socket, speech[16_000:], 16_000)
        socket.send_json({"do": "finish"})
        assert len(finals_until(socket, "finished")[0]) == 2


def test_an_engine_that_fails_ends_the_session_with_a_sentence(client: TestClient, hub: LiveHub, speech: Samples):
    engines: Any = hub._engines
    engines.engines["one"].transcribe = lambda *_: 1 / 0
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        socket.receive_json()
        send(socket, speech)
        socket.send_json({"do": "finish"})
        while (message := socket.receive_json())["type"] == "update":
            pass
        assert message["type"] == "error"
        assert "press Start again" in message["message"]
    deadline = time.monotonic() + 30
    while len(hub) and time.monotonic() < deadline:  # the session's end is told before it is over
        time.sleep(0.05)
    assert len(hub) == 0


def test_a_full_server_says_so_and_a_left_place_is_free_after_a_while(client: TestClient, hub: LiveHub, monkeypatch):
    for _ in range(2):
        with client.websocket_connect(PATH) as socket:
            socket.send_json(HELLO)
            socket.receive_json()
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        message = socket.receive_json()
        assert "try again" in message["message"]
        assert message["retry"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == COME_BACK
    monkeypatch.setattr(live_hub, "RESUME_S", -1.0)
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        assert socket.receive_json()["type"] == "ready"


@pytest.mark.parametrize(
    ("allowed", "headers", "advice"),
    [
        (False, {}, "log in"),
        (True, {"origin": "https://evil.example"}, "X-Forwarded-Host"),
        (True, {"origin": "null"}, "X-Forwarded-Host"),
        (True, {"origin": "null", "x-forwarded-host": ""}, "X-Forwarded-Host"),
        (True, {"origin": "https://here:8443"}, "X-Forwarded-Host"),  # another port is another site
        (True, {"origin": "https://far", "x-forwarded-host": "far.example"}, "X-Forwarded-Host"),
        (True, {"origin": "https://far", "x-forwarded-host": "far:80"}, "X-Forwarded-Host"),
    ],
)
def test_strangers_and_other_sites_get_no_socket(hub: LiveHub, allowed: bool, headers: dict[str, str], advice: str):
    client = TestClient(Starlette(routes=[live_route(hub, lambda _: allowed)]), base_url="http://here")
    with client.websocket_connect(PATH, headers=headers) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json()
    assert closed.value.code == FORBIDDEN
    assert advice in closed.value.reason
    assert len(closed.value.reason.encode()) <= 123  # a close frame has no more room


def test_who_is_logged_out_in_the_middle_hears_no_more(hub: LiveHub, monkeypatch):
    monkeypatch.setattr(live_socket, "GUARD_S", 0.01)
    is_known = True
    client = TestClient(Starlette(routes=[live_route(hub, lambda _: is_known)]), base_url="http://here")
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        assert socket.receive_json()["type"] == "ready"
        is_known = False
        told = socket.receive_json()
        assert (told["type"], told["retry"]) == ("error", False)
        assert "log in" in told["message"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
    assert closed.value.code == FORBIDDEN


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://here"},
        {"origin": "https://here"},  # TLS ended on the way
        {"origin": "https://far", "x-forwarded-host": "far"},
        {"origin": "https://far", "x-forwarded-host": "Far:443, between"},
        {"origin": "http://far", "x-forwarded-host": "far:80"},
        {"origin": "https://far:8443", "x-forwarded-host": "far:8443"},
    ],
)
def test_the_own_page_is_let_in_also_behind_a_proxy(client: TestClient, headers: dict[str, str]):
    with client.websocket_connect(PATH, headers={"host": "here", **headers}) as socket:
        socket.send_json(HELLO)
        assert socket.receive_json()["type"] == "ready"


def kept(tmp_path: Path, session: str) -> np.ndarray:
    file = tmp_path / "live" / session / "sound.pcm"
    return np.frombuffer(file.read_bytes(), "<i2") if file.exists() else np.zeros(0, "<i2")


@pytest.mark.parametrize(("wish", "expected"), [({}, 0), ({"keep_sound": False}, 0), ({"keep_sound": True}, 1)])
def test_sound_is_kept_only_for_who_asks(client: TestClient, speech: Samples, tmp_path: Path, wish, expected: int):
    with client.websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, **wish})
        session = socket.receive_json()["session"]
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert kept(tmp_path, session).tolist() == to_pcm16(speech[: expected * len(speech)]).tolist()


def test_the_wish_to_keep_the_sound_holds_from_where_it_is_made_and_ends_no_caption(
    client: TestClient, speech: Samples, tmp_path: Path
):
    third = len(speech) // 3
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        session = socket.receive_json()["session"]
        finals = []
        for part, wish in enumerate((True, False)):
            send(socket, speech[part * third : (part + 1) * third], part * third)
            socket.send_json({"do": "change", **HELLO, "keep_sound": wish})
            said, ready = finals_until(socket, "ready")
            assert ready["keep_sound"] is wish
            finals += said
        send(socket, speech[2 * third :], 2 * third)
        socket.send_json({"do": "finish"})
        finals += finals_until(socket, "finished")[0]
    assert len(finals) == 2
    expected = np.concatenate([np.zeros(third, np.float32), speech[third : 2 * third]])
    assert kept(tmp_path, session).tolist() == to_pcm16(expected).tolist()


def test_the_sound_is_kept_in_one_piece_over_a_change_of_model(client: TestClient, speech: Samples, tmp_path: Path):
    cut = len(speech) // 2
    with client.websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, "keep_sound": True})
        session = socket.receive_json()["session"]
        send(socket, speech[:cut])
        socket.send_json({"do": "change", **HELLO, "model": "two", "keep_sound": True})
        finals_until(socket, "ready")
        send(socket, speech[cut:], cut)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert kept(tmp_path, session).tolist() == to_pcm16(speech).tolist()
    assert KeptSound(tmp_path / "live" / session).stretches() == [Stretch(0, len(speech))]


def test_a_wish_that_was_taken_back_without_a_connection_holds_when_it_is_back(
    client: TestClient, speech: Samples, tmp_path: Path
):
    with client.websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, "keep_sound": True})
        session = socket.receive_json()["session"]
        send(socket, speech[:16_000])
        socket.send_json({"do": "change", **HELLO, "keep_sound": True})
        finals_until(socket, "ready")
    with client.websocket_connect(PATH) as socket:
        socket.send_json({**HELLO, "session": session})
        assert socket.receive_json()["keep_sound"] is False
        send(socket, speech[16_000:], 16_000)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert len(kept(tmp_path, session)) == 16_000


def test_a_session_in_use_is_not_deleted(client: TestClient, hub: LiveHub, tmp_path: Path):
    Record(tmp_path / "live", "an-old-session-of-before").begin()
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        session = socket.receive_json()["session"]
        hub.keep_tidy(-1)
        assert [p.name for p in (tmp_path / "live").iterdir()] == [session]


def test_a_page_that_sends_nothing_gives_its_place_back_and_loses_no_word(
    client: TestClient, hub: LiveHub, speech: Samples, monkeypatch
):
    monkeypatch.setattr(live_socket, "IDLE_S", 0.5)
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        socket.receive_json()
        send(socket, speech[: -SAMPLE_RATE // 2 * 3])  # in the middle of the last line
        finals, message = finals_until(socket, "error")
    assert len(finals) == 2
    assert "press Start to go on" in message["message"]
    assert len(hub) == 0


def test_what_nobody_comes_back_to_ends_by_itself(client: TestClient, hub: LiveHub, monkeypatch):
    monkeypatch.setattr(live_hub, "RESUME_S", 0.1)
    monkeypatch.setattr(live_hub, "TIDY_S", 0.2)
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        socket.receive_json()
        hub.keep_tidy(7)
        assert len(hub) == 1
    deadline = time.monotonic() + 10
    while len(hub) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(hub) == 0


def test_what_was_said_last_is_final_on_disk_even_if_nobody_comes_back(
    client: TestClient, hub: LiveHub, speech: Samples, tmp_path: Path, monkeypatch
):
    with client.websocket_connect(PATH) as socket:
        socket.send_json(HELLO)
        session = socket.receive_json()["session"]
        send(socket, speech[: -SAMPLE_RATE // 2 * 3])  # in the middle of the last line
        while not any(c["index"] == 1 for c in socket.receive_json().get("captions", [])):
            pass
    monkeypatch.setattr(live_hub, "RESUME_S", -1.0)
    hub.sweep()
    assert len(hub) == 0
    assert len(Record(tmp_path / "live", session).lines()) == 2
    with client.websocket_connect(PATH) as socket:  # who comes later goes on from disk
        socket.send_json({**HELLO, "session": session})
        assert len(finals_until(socket, "ready")[0]) == 2


def test_of_large_packets_too_only_so_many_wait(hub: LiveHub, monkeypatch):
    read = 0

    class Socket:
        async def receive(self) -> dict:
            nonlocal read
            read += 1
            return {"type": "websocket.receive", "bytes": bytes(1000)}

    async def flood() -> None:
        conversation = live_socket.Conversation(hub, Socket(), lambda: True)  # pyright: ignore[reportArgumentType]
        task = asyncio.create_task(conversation._receive())  # and nobody works on it
        await asyncio.sleep(0.3)
        assert read == 11
        for _ in range(5):
            await conversation._next()
        await asyncio.sleep(0.3)
        assert read == 16
        task.cancel()

    monkeypatch.setattr(live_socket, "MAX_INCOMING_BYTES", 10_500)
    asyncio.run(flood())


@pytest.mark.parametrize("packets", range(0, 60, 3))
def test_nothing_of_a_connection_outlives_it(hub: LiveHub, speech: Samples, packets: int):
    """Whatever its tasks were doing when the page went away."""

    class Socket:
        sent = 0

        async def receive(self) -> dict:
            self.sent += 1
            if self.sent == 1:
                return {"type": "websocket.receive", "text": json.dumps(HELLO)}
            if self.sent <= 1 + packets:
                at = 160 * (self.sent - 2)
                return {"type": "websocket.receive", "bytes": pack(at, speech[at : at + 160])}
            await asyncio.sleep(0.0001 * packets)
            return {"type": "websocket.disconnect"}

        async def send_text(self, text: str) -> None: ...

    async def visit() -> None:
        await live_socket.Conversation(hub, Socket(), lambda: True).run()  # pyright: ignore[reportArgumentType]
        await asyncio.sleep(0.1)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(visit())
