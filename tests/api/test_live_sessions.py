"""The recorded sessions of the Live page: who may list, read, correct and delete them."""

import json
import shutil
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from qal.api.live_events import LiveEvents
from qal.api.live_hub import LiveHub
from qal.api.live_sessions import DELETED, MAX_KNOWN, MAX_LISTED, session_routes
from qal.api.live_socket import PATH, live_route
from qal.audio.samples import Samples
from qal.captions.final_captions import Caption
from qal.captions.record import SessionRecord, delete_old_sessions, make_private, new_session_id
from qal.captions.session_info import MAX_TEXT_CHARACTERS, SessionInfo, add_info, read_info
from qal.engine.words import Word
from tests.api.event_session import EventSession
from tests.api.live_client import JOIN, FakeEngines, caption_two_sentences, finals_until, send
from tests.waiting import wait_until

CAPTIONS = (
    Caption(0, 1.0, 2.5, "One line.", final=True, words=(Word("One", 1.0, 2.5, 0.9),), language="en"),
    Caption(2, 4.0, 6.0, "Another line.", final=True, language="en"),
)


class Page:
    """Requests of a page to the routes of the sessions, as a user of the server."""

    def __init__(self, hub: LiveHub, live: Path, user: str | None = None, logged_in: bool = True):
        def allowed(connection) -> bool:
            return logged_in

        def user_of(connection) -> str | None:
            return user

        transports = [live_route(hub, allowed, user_of), *LiveEvents(hub, allowed, user_of).routes()]
        self.app = Starlette(routes=[*transports, *session_routes(hub, live, allowed, user_of)])
        self.client = TestClient(self.app, base_url="http://here")

    def connect(self, headers: Mapping[str, str] | None = None) -> AbstractContextManager[Any]:
        """Opens a WebSocket of a live session."""
        return self.client.websocket_connect(PATH, headers=dict(headers or {}))

    def ask(self, action: str, **body: Any) -> tuple[int, dict[str, Any]]:
        response = self.client.post(f"/qal/sessions/{action}", json=body)
        return response.status_code, response.json()

    def listed(self, *known: str) -> list[str]:
        return [summary["session"] for summary in self.ask("list", sessions=known)[1]["sessions"]]


@pytest.fixture
def live(tmp_path: Path) -> Path:
    return tmp_path / "live"


@pytest.fixture
def page(hub: LiveHub, live: Path) -> Page:
    """A page of a server without a login."""
    return Page(hub, live)


def recorded(live: Path, user: str | None = None, started: float = 1.0, **info: Any) -> str:
    """Records an ended session with two captions; returns its id."""
    record = SessionRecord(live, new_session_id())
    record.create()
    for caption in CAPTIONS:
        record.append(caption, 0)
    add_info(record, SessionInfo(user=user, started=started, **info))
    return record.folder.name


def test_session_is_read_with_its_lines_and_their_words(page: Page, live: Path):
    session = recorded(live, model="one", group="g", place=1)
    status, content = page.ask("read", session=session)
    assert status == 200
    assert [caption["text"] for caption in content["captions"]] == ["One line.", "Another line."]
    assert content["captions"][0]["words"] == [{"text": "One", "start_s": 1.0, "end_s": 2.5, "probability": 0.9}]
    assert [caption["has_audio"] for caption in content["captions"]] == [False, False]
    assert (content["model"], content["group"], content["place"]) == ("one", "g", 1)
    assert (content["lines"], content["duration_s"], content["preview"]) == (2, 6.0, "One line.")


def test_without_a_login_only_sessions_with_a_given_id_are_listed(page: Page, live: Path):
    mine, _ = recorded(live), recorded(live)
    assert page.listed() == []
    assert page.listed(mine, new_session_id(), "../..", "") == [mine]


def test_with_a_login_the_sessions_of_the_user_are_listed_and_nobody_elses(hub: LiveHub, live: Path):
    old, new, theirs = recorded(live, "anna", 1.0), recorded(live, "anna", 2.0), recorded(live, "bekele")
    before_the_login = recorded(live, started=0.5)
    anna, bekele = Page(hub, live, "anna"), Page(hub, live, "bekele")
    assert anna.listed() == [new, old]
    assert anna.listed(theirs, before_the_login) == [new, old, before_the_login]
    assert bekele.listed(old, new) == [theirs]


def test_session_of_another_user_is_refused_everywhere(hub: LiveHub, live: Path):
    session = recorded(live, "anna")
    other = Page(hub, live, "bekele")
    actions = [("read", {}), ("edit", {"index": 0, "text": "x"}), ("delete", {})]
    for action, fields in actions:
        status, answer = other.ask(action, session=session, **fields)
        assert status == 403
        assert "another user" in answer["message"]
        assert "One line" not in json.dumps(answer)
    for connection in (other.connect(), EventSession(other.app)):
        with connection as live_session:
            live_session.send_json({**JOIN, "session": session})
            assert "another user" in live_session.receive_json()["message"]
            with pytest.raises(WebSocketDisconnect):
                live_session.receive_json()
    assert Page(hub, live, "anna").ask("read", session=session)[0] == 200


def test_sessions_are_refused_without_a_login_and_to_other_origins(hub: LiveHub, live: Path):
    session = recorded(live)
    for action in ("list", "read", "edit", "delete"):
        assert Page(hub, live, logged_in=False).ask(action, session=session)[0] == 403
        headers = {"origin": "https://evil.example"}
        response = Page(hub, live).client.post(f"/qal/sessions/{action}", json={"session": session}, headers=headers)
        assert response.status_code == 403
    assert SessionRecord(live, session).exists()


@pytest.mark.parametrize(
    "session", ["../../etc/passwd", "..", "", "a" * 65, "x/../../live/yyyyyyyyyyyyyyyy", "a\0b" * 6]
)
def test_malformed_ids_are_refused_and_touch_nothing(page: Page, live: Path, tmp_path: Path, session: str):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").touch()
    recorded(live)
    before = sorted(tmp_path.rglob("*"))
    for action, fields in (("read", {}), ("edit", {"index": 0, "text": "x"}), ("delete", {})):
        assert page.ask(action, session=session, **fields)[0] == 400
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("list", {"sessions": ["x"] * (MAX_KNOWN + 1)}),
        ("list", {"sessions": "x"}),
        ("list", {"folder": "/"}),
        ("read", {}),
        ("edit", {"session": "a" * 24, "index": -1, "text": "x"}),
        ("edit", {"session": "a" * 24, "index": 0, "text": "x" * (MAX_TEXT_CHARACTERS + 1)}),
        ("delete", {"session": 1}),
    ],
)
def test_invalid_requests_are_refused(page: Page, action: str, body: dict):
    assert page.ask(action, **body)[0] == 400


def test_corrected_text_is_read_again_after_a_restart(page: Page, live: Path, hub: LiveHub):
    session = recorded(live)
    for text in ("First try.", "Right: «ቃል»."):
        assert page.ask("edit", session=session, index=2, text=text) == (200, {"done": True})
    engines: Any = FakeEngines()
    restarted = LiveHub(engines, live.parent / "runs", live, lambda: {"one"})
    captions = Page(restarted, live).ask("read", session=session)[1]["captions"]
    restarted.close()
    assert [caption["text"] for caption in captions] == ["One line.", "Right: «ቃል»."]
    assert [caption["edited"] for caption in captions] == [False, True]
    assert [caption["words"] for caption in captions][1] == []
    assert [c.text for c in SessionRecord(live, session).stored_captions()][1] == "Another line."  # as it was spoken


def test_only_existing_lines_can_be_corrected(page: Page, live: Path):
    session = recorded(live)
    status, answer = page.ask("edit", session=session, index=1, text="x")
    assert (status, "no longer on the server" in answer["message"]) == (400, True)
    assert not (live / session / "edits.json").exists()


def test_deleted_session_leaves_nothing_on_disk(page: Page, live: Path):
    session, other = recorded(live), recorded(live)
    page.ask("edit", session=session, index=0, text="x")
    (live / session / "sound.pcm").touch()
    assert page.ask("delete", session=session) == (200, {"done": True})
    assert [folder.name for folder in live.iterdir()] == [other]
    assert page.ask("read", session=session) == (400, {"message": DELETED})


def test_session_is_deleted_from_memory_but_not_while_it_is_captioned(
    page: Page, hub: LiveHub, live: Path, speech: Samples
):
    with page.connect() as socket:
        socket.send_json(JOIN)
        session = socket.receive_json()["session"]
        send(socket, speech)
        status, answer = page.ask("delete", session=session)
        assert (status, "press Stop first" in answer["message"]) == (400, True)
    wait_until(lambda: hub._slots[session].disconnected_at is not None)
    assert page.ask("delete", session=session)[0] == 200
    assert (len(hub), [*live.iterdir()]) == (0, [])


def test_user_and_group_of_a_session_are_recorded_once_in_private_files(hub: LiveHub, live: Path, speech: Samples):
    anna = Page(hub, live, "anna")
    session, _ = caption_two_sentences(anna, speech)
    with anna.connect() as socket:
        socket.send_json({**JOIN, "session": session, "model": "two", "group": "later", "place": 1})
        finals_until(socket, "ready")
    info = read_info(SessionRecord(live, session))
    assert (info.user, info.model, info.task, info.group, info.place) == ("anna", "one", "transcribe", "", 0)
    anna.ask("edit", session=session, index=0, text="x")
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (live / session).iterdir()}
    assert files == dict.fromkeys(["captions.jsonl", "session.json", "edits.json"], 0o600)
    assert anna.listed() == [session]


def test_resumed_session_goes_on_where_the_page_says_and_repeats_no_line(page: Page, hub: LiveHub, speech: Samples):
    """A page that was loaded again continues the numbers of the samples and of the lines."""
    session, before = caption_two_sentences(page, speech)
    with page.connect() as socket:
        socket.send_json({**JOIN, "session": session, "last_index": before[-1]["index"]})
        ready = socket.receive_json()
        send(socket, speech, ready["next"])
        socket.send_json({"do": "finish"})
        after, _ = finals_until(socket, "finished")
    captions = page.ask("read", session=session)[1]["captions"]
    assert (
        [c["index"] for c in captions]
        == [c["index"] for c in (*before, *after)]
        == sorted({c["index"] for c in captions})
    )
    assert after[0]["start_s"] > before[-1]["end_s"]


def test_pause_of_the_page_is_skipped_when_an_ended_session_is_resumed(page: Page, speech: Samples):
    session, before = caption_two_sentences(page, speech)
    start = 100 * len(speech)
    with page.connect() as socket:
        socket.send_json({**JOIN, "session": session})
        finals_until(socket, "ready")
        socket.send_json({"do": "finish"})
        finals_until(socket, "finished")
    with page.connect() as socket:
        socket.send_json({**JOIN, "session": session, "kept_from": start, "last_index": before[-1]["index"]})
        assert socket.receive_json()["next"] == start


def test_list_has_the_latest_sessions_with_captions(page: Page, live: Path):
    sessions = [recorded(live, started=float(i)) for i in range(MAX_LISTED + 5)]
    empty = SessionRecord(live, new_session_id())
    empty.create()
    assert page.listed(*sessions, empty.folder.name) == sessions[: -MAX_LISTED - 1 : -1]


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"user": 1}'])
def test_damaged_information_leaves_a_session_readable_by_its_id(page: Page, hub: LiveHub, live: Path, content: bytes):
    session = recorded(live, "anna")
    (live / session / "session.json").write_bytes(content)
    (live / session / "edits.json").write_bytes(content)
    assert page.ask("read", session=session)[0] == 200
    assert page.listed(session) == [session]
    assert Page(hub, live, "anna").listed() == []


def test_session_of_an_earlier_version_is_read_by_its_id(page: Page, live: Path):
    session = recorded(live)
    (live / session / "session.json").unlink()
    assert page.ask("read", session=session)[1]["started"] > 0


def test_old_sessions_are_deleted_with_their_information(live: Path):
    recorded(live, "anna")
    assert delete_old_sessions(live, 0) == 1
    assert not [*live.iterdir()]


def test_session_without_a_sample_is_deleted_with_its_information(page: Page, hub: LiveHub, live: Path):
    with page.connect() as socket:
        socket.send_json({**JOIN, "group": "g"})
        assert socket.receive_json()["type"] == "ready"
    wait_until(lambda: not len(hub) and not [*live.iterdir()])


@pytest.mark.parametrize("user", [None, "anna"])
@pytest.mark.parametrize("file", ["session.json", "captions.jsonl", "edits.json"])
def test_session_that_cannot_be_read_hides_no_other_of_the_list(
    hub: LiveHub, live: Path, monkeypatch, user: str | None, file: str
):
    """Such as one that is deleted meanwhile, or whose file belongs to another account."""
    damaged, whole = recorded(live, user), recorded(live, user)
    read_bytes = Path.read_bytes

    def read(path: Path) -> bytes:
        if path == live / damaged / file:
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    assert Page(hub, live, user).listed(damaged, whole) == [whole]


@pytest.mark.parametrize("content", [b"\n", b"0 x\n", b"\xff\xff", b"-5 10\n", b"1 2 3\n", bytes(20)])
def test_damaged_list_of_saved_audio_counts_as_none(page: Page, hub: LiveHub, live: Path, content: bytes):
    session = recorded(live)
    (live / session / "sound.pcm").write_bytes(bytes(20 * 32_000))
    (live / session / "sound.txt").write_bytes(content)
    status, read = page.ask("read", session=session)
    assert status == 200
    assert not any(caption["has_audio"] for caption in read["captions"])
    with page.connect() as socket:
        socket.send_json({**JOIN, "session": session, "keep_sound": True})
        assert finals_until(socket, "ready")[1]["session"] == session


def test_corrections_at_the_same_time_are_all_kept(page: Page, live: Path):
    record = SessionRecord(live, recorded(live))
    for index in range(10, 40):
        record.append(Caption(index, 10.0 + index, 11.0 + index, "spoken", final=True, language="en"), 0)

    def edit(index: int) -> int:
        return page.ask("edit", session=record.folder.name, index=index, text=f"corrected {index}")[0]

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(edit, range(10, 40))) == {200}
    captions = page.ask("read", session=record.folder.name)[1]["captions"]
    assert [c["text"] for c in captions[2:]] == [f"corrected {index}" for index in range(10, 40)]


def test_file_that_vanishes_or_cannot_be_read_keeps_no_old_session_and_no_start_of_the_server(live: Path, tmp_path):
    damaged, old = recorded(live), recorded(live)
    (live / damaged / "link").symlink_to(tmp_path / "missing")
    make_private(live)
    assert delete_old_sessions(live, 0) == 2
    assert not (live / old).exists()


def test_session_that_cannot_be_deleted_is_named_in_the_log_and_not_counted(live: Path, monkeypatch, caplog):
    kept, deleted = recorded(live), recorded(live)
    rmtree = shutil.rmtree

    def remove(folder: Path, *arguments: Any, **options: Any) -> None:
        if folder.name == kept:
            raise PermissionError(13, "Permission denied", str(folder))
        rmtree(folder, *arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", remove)
    assert delete_old_sessions(live, 0) == 1
    assert kept in caplog.text
    assert not (live / deleted).exists()
