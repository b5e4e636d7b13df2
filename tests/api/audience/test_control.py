"""The speaker's switch of the audience link: who may use it, what it answers, and the address that it gives."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.audience import address as audience_address
from qal.api.audience.address import link_address, qr_code
from qal.api.audience.control import PATH, audience_control_route
from qal.api.audience.hub import AudienceHub
from qal.api.json_route import MAX_BODY_BYTES
from qal.captions.record import SessionRecord, new_session_id
from qal.captions.session_info import SessionInfo, add_info
from qal.errors import OptionError
from tests.api.audience.server import Speaker

PAGE = "https://captions.example/path/"
TOKEN = "t" * 32


@pytest.fixture
def client(hub: AudienceHub) -> TestClient:
    return make_client(hub)


def make_client(hub: AudienceHub, logged_in: bool = True, user: str | None = None) -> TestClient:
    route = audience_control_route(hub, "127.0.0.1", lambda: None, lambda _: logged_in, lambda _: user)
    return TestClient(Starlette(routes=[route]), base_url="http://here")


def body(do: str, *sessions: str, **fields) -> dict:
    return {"do": do, "panes": [{"session": s, "label": ""} for s in sessions], "page": PAGE, **fields}


def test_link_is_switched_on_shown_and_switched_off(client: TestClient, live: Path, hub: AudienceHub):
    session = Speaker(live, hub).session
    assert client.post(PATH, json=body("status", session)).json()["on"] is False
    on = client.post(PATH, json=body("on", session)).json()
    assert on["link"].startswith(f"{PAGE}qal/audience/")
    assert session not in on["link"]
    assert on["qr"].startswith("data:image/svg+xml")
    assert (on["session"], on["viewers"], on["is_local"]) == (session, 0, False)
    assert client.post(PATH, json=body("on", session)).json() == on
    assert client.post(PATH, json=body("status", session)).json() == on
    assert client.post(PATH, json=body("off", session)).json()["on"] is False
    assert client.post(PATH, json=body("status", session)).json()["on"] is False


def test_only_the_user_who_started_a_session_can_make_its_link(live: Path, hub: AudienceHub):
    session = Speaker(live, hub).session
    add_info(SessionRecord(live, session), SessionInfo(user="anna", started=1.0))
    for do in ("on", "status", "off"):
        assert make_client(hub, user="berta").post(PATH, json=body(do, session)).status_code == 403
    assert make_client(hub, user="anna").post(PATH, json=body("on", session)).json()["on"]


def test_link_that_is_made_before_the_recording_is_taken_over_by_it(client: TestClient, live: Path, hub: AudienceHub):
    before = client.post(PATH, json=body("on")).json()
    session = Speaker(live, hub).session
    after = client.post(PATH, json=body("on", session, previous=before["session"])).json()
    assert (after["link"], after["session"]) == (before["link"], session)


def test_other_sessions_cannot_take_a_link_without_the_id_of_its_session(client: TestClient, live, hub: AudienceHub):
    owner, other = Speaker(live, hub).session, Speaker(live, hub).session
    link = client.post(PATH, json=body("on", owner)).json()["link"]
    token = link.rpartition("/")[2]
    for previous in (None, token, new_session_id()):
        assert client.post(PATH, json=body("on", other, previous=previous)).json()["link"] != link
    client.post(PATH, json=body("off", token))
    assert client.post(PATH, json=body("status", owner)).json()["on"]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"do": "on"},
        body("fly", "a"),
        body("off"),
        body("status"),
        body("on", "../../etc/passwd-and-more"),
        body("on", new_session_id()),
        body("off", "../../etc/passwd-and-more"),
        body("on", "a", "b", "c"),
        {**body("on"), "page": "javascript:alert(1)"},
        {**body("on"), "page": "https://user@evil.example"},
        {**body("on"), "evil": 1},
    ],
)
def test_invalid_requests_are_refused_and_make_no_link(client: TestClient, live: Path, message: dict):
    assert client.post(PATH, json=message).status_code == 400
    assert list(live.glob("*/audience.json")) == []


def test_large_bodies_and_invalid_json_are_refused(client: TestClient):
    assert client.post(PATH, content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 400
    assert client.post(PATH, content=b"{").status_code == 400


def test_switch_needs_the_login_and_the_own_origin(hub: AudienceHub, client: TestClient, live: Path):
    session = Speaker(live, hub).session
    assert make_client(hub, logged_in=False).post(PATH, json=body("on", session)).status_code == 403
    foreign = client.post(PATH, json=body("on", session), headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert list(live.glob("*/audience.json")) == []


@pytest.mark.parametrize(
    ("page", "bound", "share", "expected"),
    [
        ("https://captions.example/path/", "127.0.0.1", None, "https://captions.example/path/qal/audience/"),
        ("https://captions.example/path?tab=live#x", "0.0.0.0", None, "https://captions.example/path/qal/audience/"),
        ("http://localhost:7860/", "127.0.0.1", "https://x.gradio.live", "https://x.gradio.live/qal/audience/"),
        ("http://localhost:7860/", "0.0.0.0", None, "http://198.51.100.7:7860/qal/audience/"),
        ("http://127.0.0.1:7860/?tab=live", "198.51.100.8", None, "http://198.51.100.8:7860/qal/audience/"),
        ("http://[::1]:7860/", "2001:db8::1", None, "http://[2001:db8::1]:7860/qal/audience/"),
    ],
)
def test_link_has_an_address_that_other_devices_can_open(monkeypatch, page, bound, share, expected):
    monkeypatch.setattr(audience_address, "own_address", lambda: "198.51.100.7")
    assert link_address(page, TOKEN, bound, share) == (expected + TOKEN, False)


@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0"])
def test_link_that_only_this_machine_can_open_says_so(monkeypatch, bound: str):
    monkeypatch.setattr(audience_address, "own_address", lambda: None)
    assert link_address("http://localhost:7860/", TOKEN, bound, None) == (
        f"http://localhost:7860/qal/audience/{TOKEN}",
        True,
    )


@pytest.mark.parametrize("page", ["", "ftp://x/", "http://", "http://[", "http://x:y/", "file:///etc/passwd"])
def test_page_without_a_web_address_is_refused(page: str):
    with pytest.raises(OptionError):
        link_address(page, TOKEN, "127.0.0.1", None)


def test_qr_code_is_an_image_without_other_addresses():
    code = qr_code("https://captions.example/qal/audience/" + TOKEN)
    assert code.startswith("data:image/svg+xml")
    assert len(code) < 20_000
