"""Settings of a live session, changes of settings, and saved audio."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qal.api.live_hub import LiveHub
from qal.audio.samples import Samples, to_pcm16
from qal.captions.saved_audio import SampleRange, SavedAudio
from tests.api.live_client import JOIN, LiveClient, finals_until, send


def test_change_of_model_loses_no_sample(live_client: LiveClient, hub: LiveHub, speech: Samples):
    engines = hub._engines.engines  # pyright: ignore[reportAttributeAccessIssue]
    cut = len(speech) // 2
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        socket.receive_json()
        send(socket, speech[:cut])
        socket.send_json({"do": "change", "model": "two", "language": None})
        before, ready = finals_until(socket, "ready")
        assert ready["next"] == cut
        send(socket, speech[cut:], cut)
        socket.send_json({"do": "finish"})
        after, _ = finals_until(socket, "finished")
    assert engines["one"].utterances
    assert engines["two"].utterances
    assert {u.language for u in engines["one"].utterances} == {"en"}
    indices = [c["index"] for c in before + after]
    assert indices == sorted(set(indices))


def test_join_message_sets_gate_and_task(live_client: LiveClient, hub: LiveHub, speech: Samples):
    gate = {"hang_over_ms": 2000, "start_threshold": 0.6}
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "task": "translate", "gate": gate})
        ready = socket.receive_json()
        assert (ready["task"], ready["gate"]) == ("translate", {"start_threshold": 0.6, "hang_over_ms": 2000})
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    assert len(finals) == 1  # a second of silence no longer ends a line
    engines: Any = hub._engines
    assert {u.task for u in engines.engines["one"].utterances} == {"translate"}


def test_join_message_sets_mode_hints_and_previous_text(live_client: LiveClient, hub: LiveHub, speech: Samples):
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "mode": "single", "expect": "Ada Lovelace", "previous_text": True})
        assert socket.receive_json()["mode"] == "single"
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals, _ = finals_until(socket, "finished")
    engines: Any = hub._engines
    utterances = engines.engines["one"].utterances
    assert len(utterances) == len(finals) == 2
    assert [u.previous_text for u in utterances] == ["Ada Lovelace", f"Ada Lovelace {finals[0]['text']}"]


def test_contradictory_gate_thresholds_change_no_setting(live_client: LiveClient):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        socket.receive_json()
        socket.send_json({"do": "change", **JOIN, "gate": {"start_threshold": 0.1}})
        problem = socket.receive_json()
        assert problem["type"] == "problem"
        assert "end_threshold" in problem["message"]
        assert socket.receive_json()["type"] == "ready"


def test_a_setting_out_of_range_is_named(live_client: LiveClient):
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "gate": {"start_threshold": 2}})
        assert "start_threshold: " in socket.receive_json()["message"]


@pytest.mark.parametrize("settings", [{"model": "broken"}, {"model": "nowhere"}, {"model": "two", "language": "xx"}])
def test_failed_change_keeps_the_old_settings(live_client: LiveClient, speech: Samples, settings: dict):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
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


def saved_pcm(tmp_path: Path, session: str) -> np.ndarray:
    file = tmp_path / "live" / session / "sound.pcm"
    return np.frombuffer(file.read_bytes(), "<i2") if file.exists() else np.zeros(0, "<i2")


@pytest.mark.parametrize(("settings", "saved_share"), [({}, 0), ({"keep_sound": False}, 0), ({"keep_sound": True}, 1)])
def test_audio_is_saved_only_if_requested(
    live_client: LiveClient, speech: Samples, tmp_path: Path, settings: dict, saved_share: int
):
    with live_client.connect() as socket:
        socket.send_json({**JOIN, **settings})
        session = socket.receive_json()["session"]
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert saved_pcm(tmp_path, session).tolist() == to_pcm16(speech[: saved_share * len(speech)]).tolist()


def test_audio_saving_starts_and_stops_at_the_change_and_ends_no_caption(
    live_client: LiveClient, speech: Samples, tmp_path: Path
):
    third = len(speech) // 3
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        finals = []
        for i, enabled in enumerate((True, False)):
            send(socket, speech[i * third : (i + 1) * third], i * third)
            socket.send_json({"do": "change", **JOIN, "keep_sound": enabled})
            new_finals, ready = finals_until(socket, "ready")
            assert ready["keep_sound"] is enabled
            finals += new_finals
        send(socket, speech[2 * third :], 2 * third)
        socket.send_json({"do": "finish"})
        finals += finals_until(socket, "finished")[0]
    assert len(finals) == 2
    expected = np.concatenate([np.zeros(third, np.float32), speech[third : 2 * third]])
    assert saved_pcm(tmp_path, session).tolist() == to_pcm16(expected).tolist()


def test_saved_audio_is_continuous_over_a_change_of_model(live_client: LiveClient, speech: Samples, tmp_path: Path):
    cut = len(speech) // 2
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "keep_sound": True})
        session = socket.receive_json()["session"]
        send(socket, speech[:cut])
        socket.send_json({"do": "change", **JOIN, "model": "two", "keep_sound": True})
        finals_until(socket, "ready")
        send(socket, speech[cut:], cut)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert saved_pcm(tmp_path, session).tolist() == to_pcm16(speech).tolist()
    assert SavedAudio(tmp_path / "live" / session).saved_ranges() == [SampleRange(0, len(speech))]


def test_audio_saving_revoked_while_disconnected_stops_on_reconnect(
    live_client: LiveClient, speech: Samples, tmp_path: Path
):
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "keep_sound": True})
        session = socket.receive_json()["session"]
        send(socket, speech[:16_000])
        socket.send_json({"do": "change", **JOIN, "keep_sound": True})
        finals_until(socket, "ready")
    with live_client.connect() as socket:
        socket.send_json({**JOIN, "session": session})
        assert socket.receive_json()["keep_sound"] is False
        send(socket, speech[16_000:], 16_000)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert len(saved_pcm(tmp_path, session)) == 16_000
