"""Access to a live session over either transport: login and origin."""

import pytest
from starlette.websockets import WebSocketDisconnect

from qal.api import live_connection
from qal.api.access import FORBIDDEN
from qal.api.live_hub import LiveHub
from tests.api.live_client import JOIN, LiveClient, OpenClient


@pytest.mark.parametrize(
    ("allowed", "headers", "reason"),
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
def test_logged_out_users_and_other_origins_are_refused(
    open_client: OpenClient, hub: LiveHub, allowed: bool, headers: dict[str, str], reason: str
):
    live_client = open_client(hub, lambda _: allowed)
    with live_client.connect(headers) as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_json()
    assert closed.value.code == FORBIDDEN
    assert reason in closed.value.reason
    assert len(closed.value.reason.encode()) <= 123  # the room of a close frame


def test_logout_closes_the_connection(open_client: OpenClient, hub: LiveHub, monkeypatch):
    monkeypatch.setattr(live_connection, "LOGIN_CHECK_INTERVAL_S", 0.01)
    is_logged_in = True
    live_client = open_client(hub, lambda _: is_logged_in)
    with live_client.connect() as socket:
        socket.send_json(JOIN)
        assert socket.receive_json()["type"] == "ready"
        is_logged_in = False
        received = socket.receive_json()
        assert (received["type"], received["retry"]) == ("error", False)
        assert "log in" in received["message"]
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
def test_own_origin_is_accepted_also_behind_a_proxy(live_client: LiveClient, headers: dict[str, str]):
    with live_client.connect({"host": "here", **headers}) as socket:
        socket.send_json(JOIN)
        assert socket.receive_json()["type"] == "ready"
