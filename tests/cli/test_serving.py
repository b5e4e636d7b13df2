"""Both pages as they are served: no route answers without a login, to another site, under another name, or to an
oversized body. The list of the routes is taken from the running application."""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import gradio as gr
import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from qal.api import live_connection, request_guard
from qal.api.access import FORBIDDEN
from qal.api.live_batches import pack_batch
from qal.api.live_events import CONNECTION_HEADER, EVENTS_PATH, MESSAGES_PATH
from qal.api.request_guard import MAX_BODY_BYTES, MAX_LOGIN_BYTES, UPLOAD_PATH
from qal.audio.samples import SAMPLE_RATE
from qal.captions.protocol import MAX_PACKET_BYTES, pack
from qal.cli.subcommands import live, studio
from tests.waiting import wait_until
from ui_components.app import connections
from ui_components.app.uploads import MAX_FIELD_BYTES, MAX_UPLOAD_BYTES

MESSAGE_TOO_BIG = 1009  # close code (RFC 6455)
OPEN = {  # (method, path) that are answered without a login
    *((method, path) for path in ("/", "/theme.css", "/favicon.ico", "/robots.txt") for method in ("GET", "HEAD")),
    *((method, path) for path in ("/manifest.json", "/logout", "/pwa_icon") for method in ("GET", "HEAD")),
    *(("GET", f"/gradio_api/{name}") for name in ("theme.css", "startup-events", "app_id")),
    *(("GET", f"/{folder}/x") for folder in ("assets", "static", "svelte")),
    *(("POST", path) for path in ("/login", "/login/")),
    *((method, f"/qal/audience/{name}") for name in ("page.css", "page.js") for method in ("GET", "HEAD")),
}
TOKEN = "t" * 32  # of an audience link; no session has it
FOREIGN_ORIGINS = ("https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", "http://localhost", "")
FORGED_HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example:7860",
    "192.0.2.1",
    "",
    "a b",
    "[::2]",
)


class Route(NamedTuple):
    """A route of the running application, with a value for each parameter of its path."""

    method: str  # WEBSOCKET for a WebSocket
    path: str


class Served(NamedTuple):
    """A page that is being served, and the cookies of a logged-in user."""

    page: gr.Blocks
    port: int
    cookies: dict[str, str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, cookies: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """Sends one request without following redirects; returns its response without a long body."""
        with (
            httpx.Client(trust_env=False, cookies=cookies, timeout=60) as client,
            client.stream(method, self.address + path, **options) as response,
        ):
            if int(response.headers.get("content-length", 0)) or response.status_code >= 400:
                response.read()
            return response

    def socket_answer(self, path: str, cookies: dict[str, str] | None = None, **options: Any) -> str | int:
        """Opens a WebSocket; returns the close code, or the type of the first message."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())}
        headers |= options.pop("headers", {})
        try:
            with connect(f"ws://127.0.0.1:{self.port}{path}", additional_headers=headers, **options) as connection:
                connection.send(json.dumps({"model": "no such model"}))
                return json.loads(connection.recv(60))["type"]
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
        except InvalidStatus as refused:
            return refused.response.status_code

    def routes(self) -> list[Route]:
        return sorted(set(routes_of(self.page.app)))


def routes_of(app: Any, prefix: str = "") -> Iterator[Route]:
    """Yields all routes of an application, those of mounted applications and of included routers too."""
    for route in getattr(app, "routes", []):
        path = prefix + re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
        inner = getattr(route, "app", None) or getattr(route, "original_router", None)
        if hasattr(route, "methods"):
            yield from (Route(method, path) for method in route.methods or ())
        elif type(route).__name__.endswith("WebSocketRoute"):
            yield Route("WEBSOCKET", path)
        elif hasattr(inner, "routes"):
            yield from routes_of(inner, path)
        else:
            yield Route("GET", f"{path}/x")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


Start = Callable[..., Served]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """start("studio" or "live", *arguments) serves a page with the login anna:secret."""
    pages: list[gr.Blocks] = []
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda page: pages.append(page))
    folder = tmp_path_factory.mktemp("served")

    def start_page(name: str, *arguments: str) -> Served:
        port = free_port()
        main = {"studio": studio.main, "live": live.main}[name]
        common = ["--port", str(port), "--runs", str(folder / "runs"), "--live", str(folder / "live")]
        main([*common, "--data", str(folder / "data"), "--model", "base", "--auth", "anna:secret", *arguments])
        page = pages[-1]
        login = httpx.post(
            f"http://127.0.0.1:{port}/login", data={"username": "anna", "password": "secret"}, trust_env=False
        )
        assert login.status_code == 200
        return Served(page, port, dict(login.cookies))

    yield start_page
    for page in pages:
        page.close()
    monkeypatch.undo()


@pytest.fixture(scope="module", params=["studio", "live"])
def served(request: pytest.FixtureRequest, start: Start, base_directory: Path) -> Served:
    return start(request.param)


def test_the_list_of_routes_is_complete(served):
    routes = set(served.routes())
    assert {Route("POST", "/gradio_api/queue/join"), Route("GET", "/config"), Route("WEBSOCKET", "/qal/live")} <= routes
    assert {Route("POST", path) for path in ("/qal/corrections", UPLOAD_PATH, EVENTS_PATH, MESSAGES_PATH)} <= routes
    if served.page.title and "/qal/recordings/add" in {route.path for route in routes}:
        assert {Route("POST", f"/qal/recordings/{name}") for name in ("list", "open", "begin", "remove")} <= routes
    assert {Route("POST", "/qal/live/audience"), Route("GET", "/qal/audience/x/events")} <= routes
    assert len(routes) > 60


def test_no_route_but_those_of_the_login_page_answers_without_a_login(served):
    answers = {}
    for method, path in served.routes():
        if method == "WEBSOCKET":
            assert served.socket_answer(path) == FORBIDDEN
        elif (method, path) not in OPEN:
            answers[method, path] = served.request(method, path).status_code
    assert {route: status for route, status in answers.items() if status != 401} == {}


@pytest.mark.parametrize("path", ["", "/events"])
def test_audience_link_is_looked_up_without_a_login(served, path):
    for method in ("GET", "HEAD"):
        assert served.request(method, f"/qal/audience/{TOKEN}{path}").status_code == 404  # no session has this link
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert served.request(method, f"/qal/audience/{TOKEN}{path}").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/qal/audience",
        "/qal/audience/",
        "/qal/audience/x",
        f"/qal/audience/{TOKEN}/",
        f"/qal/audience/{TOKEN}x",
        f"/qal/audience/{TOKEN}/config",
        f"/qal/audience/{TOKEN}/events/../../../../config",
        f"/qal/audience/{TOKEN}/%2e%2e/%2e%2e/config",
        "/qal/audience/page.html",
        "/qal/audience/texts.js",
        "/qal/audience/page.css/../../config",
        f"/x/qal/audience/{TOKEN}",
        "/qal/live/audience",
    ],
)
def test_no_other_address_is_opened_by_the_audience_links(served, path):
    assert raw_status(served, f"GET {path} HTTP/1.1\nHost: localhost") == 401
    assert raw_status(served, f"POST {path} HTTP/1.1\nHost: localhost\nContent-Length: 0") == 401


def test_login_page_is_answered_without_a_login(served):
    known = [route for route in served.routes() if route in OPEN]
    assert len(known) > 10
    assert 401 not in {served.request(*route).status_code for route in known}
    assert "auth_required" in served.request("GET", "/").text


@pytest.mark.parametrize("has_login", [False, True])
def test_no_route_answers_a_foreign_origin(served, has_login):
    cookies = served.cookies if has_login else None
    for method, path in served.routes():
        if method == "WEBSOCKET":
            assert served.socket_answer(path, cookies, origin=Origin("https://evil.example")) == FORBIDDEN
            continue
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        response = served.request(method, path, cookies, headers=headers)
        assert response.status_code == 403, (method, path)
        assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_other_ports_schemes_and_null_are_foreign_origins(served, origin):
    for method in ("GET", "POST", "OPTIONS", "HEAD"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        response = served.request(method, "/gradio_api/queue/join", served.cookies, headers=headers)
        assert response.status_code == 403
        assert not [name for name in response.headers if name.startswith("access-control-")]
    assert served.socket_answer("/qal/live", served.cookies, origin=Origin(origin)) == FORBIDDEN


def test_no_route_answers_a_forged_host(served):
    for method, path in served.routes():
        if method == "WEBSOCKET":
            continue
        for cookies in (None, served.cookies):
            headers = {"Host": f"evil.example:{served.port}"}
            assert served.request(method, path, cookies, headers=headers).status_code == 403, (method, path)


@pytest.mark.parametrize("host", FORGED_HOSTS)
def test_forged_names_in_host_and_x_forwarded_host_are_refused(served, host):
    statuses = [served.request("GET", "/config", served.cookies, headers={"Host": host}).status_code]
    if host:
        headers = {"X-Forwarded-Host": host}
        statuses.append(served.request("GET", "/config", served.cookies, headers=headers).status_code)
    assert set(statuses) <= {400, 403}


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:{port}", "localhost.", "127.0.0.1", "127.0.0.2:1", "[::1]:{port}"]
)
def test_own_names_in_host_are_accepted(served, host):
    host = host.replace("{port}", str(served.port))
    assert served.request("GET", "/config", served.cookies, headers={"Host": host}).status_code == 200
    own_origin = {"Host": host, "Origin": f"http://{host.lower()}"}
    response = served.request("GET", "/config", served.cookies, headers=own_origin)
    assert response.status_code == 200
    assert not [name for name in response.headers if name.startswith("access-control-")]


def raw_status(served: Served, head: str, body: bytes = b"") -> int:
    """Sends bytes as they are; returns the status of the response, 0 if the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        answer = connection.recv(65536).decode("latin-1")
    return int(answer.split(" ")[1]) if answer else 0


@pytest.mark.parametrize(
    "head",
    [
        "GET /config HTTP/1.0",
        "GET /config HTTP/1.1",
        "GET /config HTTP/1.1\nHost: localhost\nHost: evil.example",
        "GET /config HTTP/1.1\nHost: evil.example\nHost: localhost",
        "GET http://evil.example/config HTTP/1.1\nHost: localhost",
        "GET http://localhost/config HTTP/1.1\nHost: localhost",
        "OPTIONS * HTTP/1.1\nHost: localhost",
        "GET /config HTTP/1.1\nHost: evil@localhost",
        "GET /config HTTP/1.1\nHost: localhost/evil.example",
        "GET /config HTTP/1.1\nHost: localhost\nOrigin: http://localhost\nOrigin: https://evil.example",
        "GET //config HTTP/1.1\nHost: localhost",
        "GET /%2fconfig HTTP/1.1\nHost: localhost",
        "GET /assets/../config HTTP/1.1\nHost: localhost",
        "GET /assets/%2e%2e/config HTTP/1.1\nHost: localhost",
        "GET /static/..%2f..%2fgradio_api/info HTTP/1.1\nHost: localhost",
        "POST //gradio_api/queue/join HTTP/1.1\nHost: localhost\nContent-Length: 0",
        "GET /CONFIG HTTP/1.1\nHost: localhost",
        "PUT /login HTTP/1.1\nHost: localhost",
        "GET /login HTTP/1.1\nHost: localhost",
    ],
)
def test_unusual_requests_get_no_answer_without_a_login(served, head):
    assert 400 <= raw_status(served, head) < 500


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/gradio_api/openapi.json", "/gradio_api/info"])
def test_description_of_the_api_needs_a_login(served, path):
    assert served.request("GET", path).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 200),
    ],
)
def test_another_site_may_link_to_the_page_but_not_load_it(served, headers, status):
    response = served.request("GET", "/", served.cookies, headers=headers)
    assert response.status_code == status
    assert status != 200 or response.headers["x-frame-options"] == "SAMEORIGIN"


def test_cookies_of_the_login_are_not_sent_by_other_sites(served):
    response = served.request("POST", "/login", data={"username": "anna", "password": "secret"})
    cookies = response.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all(re.findall(r"samesite=(\w+)", cookie, re.IGNORECASE) == ["Lax"] for cookie in cookies)


def test_no_route_accepts_an_oversized_body(served):
    size = MAX_BODY_BYTES + 1
    for method, path in served.routes():
        if method == "WEBSOCKET" or path == UPLOAD_PATH:
            continue
        head = f"{method} {path} HTTP/1.1\nHost: localhost\nContent-Length: {size}\nContent-Type: application/json"
        assert raw_status(served, f"{head}\nCookie: {cookie_header(served)}") == 413, (method, path)
        assert raw_status(served, head) in (401, 413), (method, path)  # before the body was sent


def cookie_header(served: Served) -> str:
    return "; ".join(f"{name}={value}" for name, value in served.cookies.items())


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size >> 16):
        yield bytes(1 << 16)


def test_chunked_body_is_counted_while_it_is_received(served):
    head = "POST {} HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\nContent-Type: application/json"
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks(MAX_BODY_BYTES + (1 << 16)))
    logged_in = f"{head.format('/gradio_api/queue/join')}\nCookie: {cookie_header(served)}"
    assert raw_status(served, logged_in, sent) == 413
    small = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks(MAX_LOGIN_BYTES + (1 << 16)))
    form = head.format("/login").replace("application/json", "application/x-www-form-urlencoded")
    assert raw_status(served, form, small) == 413
    assert raw_status(served, head.format("/gradio_api/queue/join")) == 401


def test_upload_may_be_larger_than_other_bodies(served):
    files = {"files": ("x.wav", bytes(MAX_BODY_BYTES + (1 << 20)))}
    assert served.request("POST", UPLOAD_PATH, served.cookies, files=files).status_code == 200
    assert served.request("POST", UPLOAD_PATH, files={"files": ("x.wav", b"x")}).status_code == 401


def test_upload_has_a_limit_for_all_its_files_and_for_fields_that_are_not_files(served):
    head = f"POST {UPLOAD_PATH} HTTP/1.1\nHost: localhost\nContent-Type: multipart/form-data; boundary=x"
    head += f"\nCookie: {cookie_header(served)}\nContent-Length: "
    assert raw_status(served, f"{head}{MAX_UPLOAD_BYTES + MAX_BODY_BYTES + 1}") == 413
    field = {"field": "x" * (MAX_FIELD_BYTES + 1)}
    response = served.request("POST", UPLOAD_PATH, served.cookies, data=field, files={"files": ("x.wav", b"x")})
    assert response.status_code == 413


def test_folder_of_the_uploads_is_private(served):
    response = served.request("POST", UPLOAD_PATH, served.cookies, files={"files": ("x.wav", b"x")})
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    assert folder.stat().st_mode & 0o077 == 0
    assert Path(json.loads(response.text)[0]).is_relative_to(folder)


@pytest.mark.parametrize("size", [MAX_PACKET_BYTES + 1, 15 << 20])
@pytest.mark.parametrize("kind", [str, bytes])
def test_large_messages_of_websockets_are_not_accepted(served, size, kind):
    message = "x" * size if kind is str else bytes(size)
    with connect(
        f"ws://127.0.0.1:{served.port}/qal/live", additional_headers={"Cookie": cookie_header(served)}
    ) as connection:
        connection.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(60)
    assert closed.value.rcvd
    assert closed.value.rcvd.code == MESSAGE_TOO_BIG


@contextmanager
def live_events(served: Served) -> Iterator[Iterator[dict]]:
    """Joins a live session without a WebSocket; yields the server's messages as they arrive."""
    options: dict[str, Any] = {"cookies": served.cookies, "json": {"model": "base", "language": "en"}, "timeout": 60}
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", served.address + EVENTS_PATH, **options) as response,
    ):
        assert response.status_code == 200
        assert "content-encoding" not in response.headers
        yield (json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: "))


def test_live_session_without_a_websocket_passes_the_guard_as_it_is_produced(served):
    with live_events(served) as events:
        headers = {CONNECTION_HEADER: next(events)["connection"]}
        assert next(events)["type"] == "ready"
        packet = pack(0, np.zeros(SAMPLE_RATE, np.float32))
        batch = {"content": pack_batch(0, [packet, json.dumps({"do": "finish"})]), "headers": headers}
        assert served.request("POST", MESSAGES_PATH, served.cookies, **batch).status_code == 204
        assert next(event for event in events if event["type"] != "update") == {"type": "finished"}
    wait_until(lambda: served.request("POST", MESSAGES_PATH, served.cookies, **batch).status_code == 410)


def test_join_message_that_does_not_arrive_is_given_up(served, monkeypatch):
    monkeypatch.setattr(live_connection, "HELLO_TIMEOUT_S", 0.2)
    head = f"POST {EVENTS_PATH} HTTP/1.1\nHost: localhost\nContent-Length: 100\nCookie: {cookie_header(served)}"
    assert raw_status(served, head, b"{") == 408


def test_open_events_do_not_delay_the_end_of_the_server(start, base_directory, monkeypatch):
    monkeypatch.setattr(connections, "SHUTDOWN_GRACE_S", 0.1)
    served = start("live")
    with live_events(served) as events:
        assert next(events)["type"] == "connected"
        served.page.server.close()
        assert not served.page.server.thread.is_alive()
        with pytest.raises(httpx.RemoteProtocolError):
            list(events)


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/process_recording", "/gradio_api/proxy=https://x.hf.space/", "/gradio_api/vibe-code/"),
        *("/gradio_api/file=http://127.0.0.1:1/", "/gradio_api/file=https://192.0.2.1/", "/gradio_api/file/http://x/"),
        *("/gradio_api/deep_link?session_hash=x", "/gradio_api/dev/reload"),
    ],
)
def test_routes_of_gradio_that_the_pages_do_not_use_are_closed(served, path):
    for method in ("GET", "POST", "HEAD"):
        assert served.request(method, path, served.cookies).status_code == 404
        assert served.request(method, path).status_code == 401


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "page.xhtml"])
def test_a_web_page_in_a_dataset_has_no_rights_on_the_server(start, base_directory, tmp_path, name):
    served = start("studio", "--data", str(tmp_path))
    (tmp_path / name).write_text("<script>fetch('/config')</script>")
    response = served.request("GET", f"/gradio_api/file={tmp_path / name}", served.cookies)
    assert response.status_code == 200
    assert response.headers["content-security-policy"] == "sandbox"
    assert response.headers["x-content-type-options"] == "nosniff"


def is_closed(connection: socket.socket) -> bool:
    """True if the server closes the connection; waits for the answer, at most a minute."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connections_without_a_request_do_not_use_up_the_files_of_the_process(served, monkeypatch):
    monkeypatch.setattr(connections, "MAX_WAITING", 4)
    waiting = [socket.create_connection(("127.0.0.1", served.port), timeout=60) for _ in range(8)]
    assert all(is_closed(connection) for connection in waiting[:4])
    assert served.request("GET", "/config", served.cookies).status_code == 200
    for connection in waiting:
        connection.close()


def test_connection_without_a_complete_request_is_closed(served, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_S", 0.2)
    for start_of_request in (b"", b"GET /config HTTP/1.1\r\nHost: localhost\r\nX: "):
        with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
            connection.sendall(start_of_request)
            assert is_closed(connection)


def test_request_that_takes_longer_than_the_time_for_its_headers_is_answered(served, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_S", 0.05)
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")
        time.sleep(0.3)
        connection.sendall(b"username=b&password=c")
        assert connection.recv(65536).split(b" ")[1] == b"400"
    with connect(
        f"ws://127.0.0.1:{served.port}/qal/live", additional_headers={"Cookie": cookie_header(served)}
    ) as websocket:
        time.sleep(0.3)
        websocket.send("{}")
        assert json.loads(websocket.recv(60))["type"] == "error"


def test_body_that_stops_to_arrive_is_given_up(served, monkeypatch):
    monkeypatch.setattr(request_guard, "BODY_TIMEOUT_S", 0.2)
    head = "POST {} HTTP/1.1\nHost: localhost\nContent-Length: 100\nContent-Type: application/x-www-form-urlencoded"
    assert raw_status(served, head.format("/login"), b"username=") == 408
    logged_in = f"{head.format('/gradio_api/queue/join')}\nCookie: {cookie_header(served)}"
    assert raw_status(served, logged_in, b"{") == 408


def test_logins_in_progress_are_limited_and_keep_no_logged_in_user_waiting(served, monkeypatch):
    monkeypatch.setattr(request_guard, "MAX_LOGINS", 1)
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
        connection.sendall(head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n")
        wait_until(lambda: served.request("POST", "/login", data={"username": "b"}).status_code == 503)
        assert served.request("GET", "/config", served.cookies).status_code == 200
    wait_until(lambda: served.request("GET", "/").status_code == 200)


def test_tries_of_the_password_are_limited(start, base_directory):
    served = start("live")
    wrong = {"username": "anna", "password": "guess"}
    statuses = [served.request("POST", "/login", data=wrong).status_code for _ in range(10)]
    assert set(statuses) == {400}
    assert served.request("POST", "/login", data={**wrong, "password": "secret"}).status_code == 400


def test_public_host_names_a_proxy(start, base_directory):
    served = start("live", "--public-host", "captions.example", "behind")
    for headers in (
        {"Host": "captions.example", "Origin": "https://captions.example"},
        {"Host": "behind", "X-Forwarded-Host": "Captions.example:443", "Origin": "https://captions.example"},
    ):
        assert served.request("GET", "/config", served.cookies, headers=headers).status_code == 200
    for headers in (
        {"Host": "captions.example", "Origin": "http://captions.example", "X-Forwarded-Proto": "https"},
        {"Host": "behind", "X-Forwarded-Host": "evil.example", "Origin": "https://evil.example"},
        {"Host": "evil.example", "X-Forwarded-Host": "captions.example", "Origin": "https://captions.example"},
    ):
        assert served.request("GET", "/config", served.cookies, headers=headers).status_code == 403


def test_share_link_is_an_own_name_once_it_exists(start, base_directory):
    served = start("live")
    host = {"Host": "1a2b3c.gradio.live", "Origin": "https://1a2b3c.gradio.live"}
    assert served.request("GET", "/config", served.cookies, headers=host).status_code == 403
    served.page.share_url = "https://1a2b3c.gradio.live"
    assert served.request("GET", "/config", served.cookies, headers=host).status_code == 200
    assert urlsplit(served.page.share_url).hostname
