"""From the live socket to the viewers: captions over changes of settings, reconnections and the end of a session."""

from qal.api.live_hub import LiveHub
from qal.audio.samples import Samples
from qal.captions.audience_link import PaneSource
from tests.api.audience.server import read_finals, serve, texts, watch
from tests.api.live_client import JOIN, LiveClient, finals_until, send


def test_speaker_reaches_viewers_over_changes_and_reconnections(live_client: LiveClient, hub: LiveHub, speech: Samples):
    spoken = []
    with serve(hub.audience) as address:
        with live_client.connect() as socket:
            socket.send_json(JOIN)
            session = socket.receive_json()["session"]
            token = hub.audience.links.switch_on([PaneSource(session=session)]).token
            send(socket, speech)
            socket.send_json({"do": "change", "model": "two", "language": "en"})
            finals, ready = finals_until(socket, "ready")
            spoken += finals
        with watch(address, token) as events:
            assert next(events).data["live"]
            assert texts(read_finals(events, len(spoken))) == [c["text"] for c in spoken]
            with live_client.connect() as socket:
                last_index = spoken[-1]["index"]
                socket.send_json({**JOIN, "session": session, "last_index": last_index, "kept_from": ready["next"]})
                first_sample = socket.receive_json()["next"]
                send(socket, speech, first_sample)
                socket.send_json({"do": "change", "model": "one", "language": "en"})
                finals, ready = finals_until(socket, "ready")
                send(socket, speech, ready["next"])
                socket.send_json({"do": "finish"})
                finals += finals_until(socket, "finished")[0]
            assert len(finals) == 4
            assert texts(read_finals(events, 4)) == [c["text"] for c in finals]
            states = (event.data for event in events if event.name == "state")
            assert any(state["ended"] and not state["live"] for state in states)


def test_sessions_without_a_link_cost_nothing(live_client: LiveClient, hub: LiveHub, speech: Samples, tmp_path):
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, speech)
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    assert hub.audience._loop is None
    files = {file.name for file in (tmp_path / "live" / session).iterdir()}
    assert files == {"captions.jsonl", "session.json"}
