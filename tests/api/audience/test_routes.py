"""The audience's routes on a real server: links, streams, reconnections, limits, and what a link does not open."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from qal.api.audience import hub as audience_hub
from qal.api.audience import routes as audience
from qal.api.audience.hub import AudienceHub
from qal.api.audience.links import AudienceLinks
from qal.api.audience.routes import FILES, PREFIX
from qal.captions.audience_link import PaneSource
from qal.captions.record import new_session_id
from tests.api.audience.server import Speaker, read_finals, serve, texts, watch
from tests.waiting import wait_until


@pytest.fixture
def address(hub: AudienceHub) -> Iterator[str]:
    with serve(hub) as address:
        yield address


@pytest.fixture
def speaker(live: Path, hub: AudienceHub) -> Speaker:
    return Speaker(live, hub)


@pytest.fixture
def token(hub: AudienceHub, speaker: Speaker) -> str:
    return switch_on(hub, speaker)


def switch_on(hub: AudienceHub, speaker: Speaker, previous: Speaker | None = None) -> str:
    sources = [PaneSource(session=speaker.session)]
    return hub.links.switch_on(sources, previous.session if previous else None).token


def status(address: str, token: str, path: str = "") -> int:
    return httpx.head(f"{address}{PREFIX}{token}{path}", trust_env=False).status_code


def test_session_has_no_link_until_it_is_switched_on(hub: AudienceHub, live: Path, speaker: Speaker, address: str):
    assert hub.links.of_session(speaker.session) is None
    assert [file.name for file in (live / speaker.session).iterdir()] == ["captions.jsonl"]
    assert status(address, speaker.session) == status(address, speaker.session, "/events") == 404


def test_session_id_opens_no_page(address: str, speaker: Speaker, token: str):
    assert token != speaker.session
    assert status(address, token) == status(address, token, "/events") == 200
    assert status(address, speaker.session) == status(address, speaker.session, "/events") == 404
    assert status(address, token[:-1]) == status(address, token[:-1] + "x" * 2) == 404


def test_viewer_gets_every_final_once_and_in_order_over_reconnections(address: str, speaker: Speaker, token: str):
    got, cursor = [], ""
    for part in range(5):
        with watch(address, token, cursor) as events:
            assert next(events).name == "state"
            for i in range(3):
                speaker.begin("sa")
                speaker.say(f"said {part} {i}")
            got += read_finals(events, 3)
            cursor = got[-1].id
        speaker.say(f"missed {part}")
        with watch(address, token, cursor) as events:
            got += read_finals(events, 1)
            cursor = got[-1].id
    assert texts(got) == [text for p in range(5) for text in (*(f"said {p} {i}" for i in range(3)), f"missed {p}")]


def test_cursor_can_be_given_in_the_address_too(address: str, speaker: Speaker, token: str):
    for text in ("one", "two"):
        speaker.say(text)
    with watch(address, token) as events:
        first, _ = read_finals(events, 2)
    with watch(address, token, params={"after": first.id}) as events:
        assert texts(read_finals(events, 1)) == ["two"]


def test_late_viewer_gets_what_was_said_before(address: str, speaker: Speaker, token: str):
    for i in range(5):
        speaker.say(f"line {i}")
    with watch(address, token) as events:
        assert texts(read_finals(events, 5)) == [f"line {i}" for i in range(5)]
        speaker.begin("and n")
        assert (event := next(events)).name == "partial"
        assert event.data["text"] == "and n"


def test_revoked_link_ends_the_streams_at_once_and_is_not_found(hub, address: str, speaker: Speaker, token: str):
    with watch(address, token) as events:
        assert next(events).name == "state"
        hub.links.switch_off(speaker.session)
        assert [event.name for event in events] == ["revoked"]  # and the stream is closed
    assert status(address, token) == status(address, token, "/events") == 404
    assert switch_on(hub, speaker) != token


def test_end_of_the_session_is_told_and_a_return_too(hub, address: str, speaker: Speaker, token: str):
    with watch(address, token) as events:
        assert next(events).data["live"]
        speaker.stop()
        while (state := next(events).data)["live"]:
            pass
        while not state["ended"]:
            state = next(events).data
        hub.session_opened(speaker.session)
        while not (state := next(events).data)["live"]:
            pass
        assert not state["ended"]


def test_next_recording_takes_the_link_over_with_all_lines(hub, live, address: str, speaker: Speaker, token: str):
    with watch(address, token) as events:
        speaker.say("before the break")
        speaker.stop()
        following = Speaker(live, hub)
        following.say("before the link has moved")
        assert switch_on(hub, following, speaker) == token
        following.say("after the break")
        expected = ["before the break", "before the link has moved", "after the break"]
        assert texts(read_finals(events, 3)) == expected
    with watch(address, token) as events:
        assert texts(read_finals(events, 3)) == expected
    assert hub.links.of_session(speaker.session) is None
    assert not AudienceLinks(live, lambda _: None).of_session(speaker.session)


def test_two_captions_are_sent_with_their_panes(hub, live, address: str, speaker: Speaker, token: str):
    second = Speaker(live, hub)
    sources = [PaneSource(session=speaker.session, label="a"), PaneSource(session=second.session, label="b")]
    assert hub.links.switch_on(sources).token == token
    speaker.say("hello")
    second.say("bonjour")
    with watch(address, token) as events:
        assert next(events).data["panes"] == ["a", "b"]
        assert [(e.data["pane"], e.data["text"]) for e in read_finals(events, 2)] == [(0, "hello"), (1, "bonjour")]


def test_link_survives_a_restart_of_the_server_and_streams_go_on(live, hub, speaker: Speaker, token: str):
    with serve(hub) as address, watch(address, token) as events:
        speaker.say("before")
        (before,) = read_finals(events, 1)
    restarted = AudienceHub(live)
    with serve(restarted) as address, watch(address, token, before.id) as events:
        assert not next(events).data["live"]
        resumed = restarted.tee(speaker.session, speaker.seen.append)
        restarted.session_opened(speaker.session)
        speaker._send = resumed
        speaker.say("after")
        assert texts(read_finals(events, 1)) == ["after"]


def test_deleted_session_revokes_its_link(hub, live: Path, address: str, speaker: Speaker, token: str, monkeypatch):
    monkeypatch.setattr(audience_hub, "CHECK_INTERVAL_S", 0.05)
    with watch(address, token) as events:
        assert next(events).name == "state"
        for file in (live / speaker.session).iterdir():
            file.unlink()
        (live / speaker.session).rmdir()
        assert status(address, token) == 404
        assert [event.name for event in events] == ["revoked"]
    assert hub.links.of_token(token) is None


def test_viewers_are_counted_while_they_are_connected(hub: AudienceHub, address: str, speaker: Speaker, token: str):
    link = hub.links.of_session(speaker.session)
    assert link
    with watch(address, token) as first, watch(address, token) as second:
        next(first)
        next(second)
        assert hub.viewers(link) == 2
    wait_until(lambda: hub.viewers(link) == 0)


@pytest.mark.parametrize("limit", ["MAX_VIEWERS", "MAX_VIEWERS_OF_A_LINK"])
def test_viewers_above_the_limit_are_refused_and_let_in_later(hub, address, speaker, token, monkeypatch, limit: str):
    monkeypatch.setattr(audience_hub, limit, 1)
    with watch(address, token) as events:
        next(events)
        refused = httpx.get(f"{address}{PREFIX}{token}/events", trust_env=False)
        assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (503, True)
    wait_until(lambda: not hub.viewers(hub.links.of_session(speaker.session)))
    with watch(address, token) as events:
        next(events)


def test_viewer_that_takes_no_data_blocks_nobody_and_is_dropped(hub, address, speaker, token, monkeypatch):
    monkeypatch.setattr(audience, "SEND_TIMEOUT_S", 2.0)
    link = hub.links.of_session(speaker.session)
    port = urlsplit(address).port or 0
    with socket.socket() as stuck, watch(address, token) as events, ThreadPoolExecutor(1) as pool:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        stuck.connect(("127.0.0.1", port))
        stuck.sendall(f"GET {PREFIX}{token}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_until(lambda: hub.viewers(link) == 2)
        lines = [f"{i} " + 50_000 * "x" for i in range(200)]  # more than the buffers of a connection hold
        received = pool.submit(read_finals, events, len(lines))
        for line in lines:
            speaker.say(line)
        assert len(speaker.seen) == len(lines)
        assert texts(received.result(60)) == lines
        wait_until(lambda: hub.viewers(link) == 1)


def test_captions_cost_nothing_without_viewers(hub: AudienceHub, speaker: Speaker, token: str):
    speaker.say("nobody reads this")
    assert hub._loop is None
    assert [update.captions[0].text for update in speaker.seen] == ["nobody reads this"]


def test_failing_page_of_the_speaker_does_not_keep_captions_from_the_viewers(hub, live, address, speaker, token):
    def fail(update) -> None:
        raise RuntimeError

    with watch(address, token) as events:
        next(events)
        speaker._send = hub.tee(speaker.session, fail)
        with pytest.raises(RuntimeError):
            speaker.say("said anyway")
        assert texts(read_finals(events, 1)) == ["said anyway"]


@pytest.mark.parametrize("path", ["", "?overlay=1", *FILES, "/events"])
def test_responses_are_not_stored_send_no_referrer_and_are_not_indexed(address: str, token: str, path: str):
    url = f"{address}{PREFIX}{path}" if path in FILES else f"{address}{PREFIX}{token}{path}"
    answer = httpx.head(url, trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex"


def test_page_has_a_strict_policy_and_is_the_same_for_every_token(address: str, token: str, speaker: Speaker):
    page = httpx.get(f"{address}{PREFIX}{token}", trust_env=False)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert token not in page.text
    assert speaker.session not in page.text
    unknown = httpx.get(f"{address}{PREFIX}{new_session_id()}", trust_env=False)
    assert (unknown.status_code, unknown.text) == (404, page.text)
    overlay = httpx.get(f"{address}{PREFIX}{token}?overlay=1", trust_env=False).headers["content-security-policy"]
    assert "style-src 'self' 'unsafe-inline'" in overlay
    assert "script-src 'self';" in overlay
