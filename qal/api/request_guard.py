"""The outermost layer of the server: what every request must satisfy before any of it is processed.

In this order: the names in Host are the server's own (403), a browser's request comes from the server's own page (403),
the user is logged in (401), the body is not too large (413), the route is one that the pages use (404). It holds for
all routes, for HTTP and for WebSockets; a WebSocket is accepted and closed at once, because a page can read the reason
of a close, but not of a refused handshake.

Responses allow no other site: no CORS headers, cookies with SameSite=Lax, no display in frames of other sites. A file
that is opened as a page of its own has no rights on this server."""

import asyncio
import re
from collections.abc import Iterable
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qal.api.access import FORBIDDEN, LOG_IN, WRONG_ORIGIN, Allowed
from qal.api.audience.routes import OPEN_PATH as AUDIENCE_PATH
from qal.api.origin import HostNames, is_same_origin

MAX_BODY_BYTES = 4 << 20
MAX_LENGTH_DIGITS = 18  # of a Content-Length; more are refused before they are read as a number
MAX_LOGIN_BYTES = 16 << 10  # of the form of a user who is not logged in yet
MAX_LOGINS = 64  # forms at the same time, of users who are not logged in yet
BODY_TIMEOUT_S = 60.0  # between two parts of a body
UPLOAD_PATH = "/gradio_api/upload"  # Gradio limits the size of each file while it is received
FILE_PATH = "/gradio_api/file"
# Routes of Gradio that neither page uses: they run FFmpeg on any format, call other servers, or change Gradio itself.
CLOSED_PATHS = (
    *("process_recording", "proxy=", "file=http:", "file=https:", "file/", "deep_link", "dev/", "vibe", "undo-vibe"),
)
LOGIN_PATHS = ("/login", "/login/")
# What the login page loads, and what Gradio itself requests at the start. They say nothing about the user's data.
OPEN_PATHS = {"/", "/logout", "/theme.css", "/gradio_api/theme.css", "/gradio_api/startup-events", "/gradio_api/app_id"}
OPEN_PATHS |= {"/favicon.ico", "/manifest.json", "/robots.txt", "/pwa_icon"}
OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/")
READING_METHODS = ("GET", "HEAD")
UNKNOWN_HOST = "the server is not called by this name; start it with --public-host NAME to allow it"
OTHER_SITE = "a page of another site sent this request"
NOT_USED = "this page has no such address"
TOO_SLOW = "the request did not arrive in time"
BUSY = "too many users are logging in; try again in a minute"
TOO_LARGE = "the request is too large"
MALFORMED = "the request has no valid path"
SAME_SITE = re.compile(rb";\s*samesite=[^;]*", re.IGNORECASE)
OWN_HEADERS = [(b"x-frame-options", b"SAMEORIGIN"), (b"x-content-type-options", b"nosniff")]
FILE_HEADERS = [(b"content-security-policy", b"sandbox")]  # a dataset may hold web pages

RawHeaders = Iterable[tuple[bytes, bytes]]


class Refusal(NamedTuple):
    """Why a request is refused: the HTTP status and a sentence for the user."""

    status: int
    reason: str


class BodyError(Exception):
    """The body of a request has exceeded its limit of size or time while it was read."""


class RequestGuard:
    """ASGI middleware that refuses requests before they are processed.

    Args:
        app: the application.
        hosts: the names of the server.
        allowed: True if a connection's user is logged in, or if no login is needed.
        max_upload_bytes: limit of the body of an upload."""

    def __init__(self, app: ASGIApp, hosts: HostNames, allowed: Allowed, max_upload_bytes: int):
        self._app = app
        self._hosts = hosts
        self._allowed = allowed
        self._max_upload_bytes = max_upload_bytes
        self._logins = 0  # forms in progress, of users who are not logged in yet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_socket(scope, receive, send)
        else:
            await self._serve_request(scope, receive, send)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": FORBIDDEN, "reason": refusal.reason})

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) or self._declared_body_refusal(scope) or closed_path_refusal(scope)
        if refusal:
            await refusal_response(scope, refusal)(scope, receive, send)
            return
        if self._allowed(HTTPConnection(scope)) or scope["method"] in READING_METHODS:
            await self._answer(scope, receive, send)
            return
        if self._logins >= MAX_LOGINS:
            await refusal_response(scope, Refusal(503, BUSY))(scope, receive, send)
            return
        self._logins += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._logins -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = LimitedBody(receive, self._body_limit(scope))
        response = GuardedResponse(send, body, FILE_HEADERS if route_path(scope).startswith(FILE_PATH) else [])
        try:
            await self._app(scope, body.receive, response.send)
        except Exception:
            if not body.refusal:  # an exception of an app whose body was cut off is a result of that
                raise
        if body.refusal and not response.has_started:
            await refusal_response(scope, body.refusal)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        connection = HTTPConnection(scope)
        if not scope["path"].startswith("/"):  # an absolute address or `*` as the target
            return Refusal(400, MALFORMED)
        if not self._hosts.accept(connection.headers):
            return Refusal(403, UNKNOWN_HOST)
        if not is_same_origin(connection):
            return Refusal(403, WRONG_ORIGIN)
        if is_sent_by_another_site(scope, connection.headers):
            return Refusal(403, OTHER_SITE)
        if not self._allowed(connection) and not is_open(scope):
            return Refusal(401, LOG_IN)
        return None

    def _body_limit(self, scope: Scope) -> int:
        if not self._allowed(HTTPConnection(scope)):
            return MAX_LOGIN_BYTES
        is_upload = scope["method"] == "POST" and route_path(scope) == UPLOAD_PATH
        return self._max_upload_bytes if is_upload else MAX_BODY_BYTES

    def _declared_body_refusal(self, scope: Scope) -> Refusal | None:
        declared = Headers(scope=scope).get("content-length", "0")
        is_too_large = not declared.isdecimal() or len(declared) > MAX_LENGTH_DIGITS
        is_too_large = is_too_large or int(declared) > self._body_limit(scope)
        return Refusal(413, TOO_LARGE) if is_too_large else None


class LimitedBody:
    """Counts a request's body while the application receives it. The application gets no more than the limit, and does
    not wait for a body that stops arriving."""

    def __init__(self, receive: Receive, limit: int):
        self._receive = receive
        self._limit = limit
        self._received = 0
        self._is_complete = False
        self.refusal: Refusal | None = None  # why the body was cut off

    async def receive(self) -> Message:
        if self._is_complete:  # waits for the end of the connection
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                message = await self._receive()
        except TimeoutError as error:
            self.refusal = Refusal(408, TOO_SLOW)
            raise BodyError from error
        self._is_complete = not message.get("more_body", False)
        self._received += len(message.get("body") or b"")
        if self._received > self._limit:
            self.refusal = Refusal(413, TOO_LARGE)
            raise BodyError
        return message


class GuardedResponse:
    """Passes on a response without permission for other sites, but not what an application says of a cut-off body."""

    def __init__(self, send: Send, body: LimitedBody, headers: RawHeaders):
        self._send = send
        self._body = body
        self._headers = headers
        self.has_started = False

    async def send(self, message: Message) -> None:
        if self._body.refusal and not self.has_started:
            return
        if message["type"] == "http.response.start":
            self.has_started = True
            message = {**message, "headers": [*guarded_headers(message.get("headers", [])), *self._headers]}
        await self._send(message)


def guarded_headers(headers: RawHeaders) -> list[tuple[bytes, bytes]]:
    """Removes CORS headers, sets SameSite=Lax in cookies, and forbids other sites to show the response in a frame."""
    own = {name for name, _ in OWN_HEADERS}
    kept = [
        (name, value)
        for name, value in headers
        if not name.lower().startswith(b"access-control-") and name.lower() not in own
    ]
    same_site = [
        (name, SAME_SITE.sub(b"", value) + b"; SameSite=Lax" if name.lower() == b"set-cookie" else value)
        for name, value in kept
    ]
    return [*same_site, *OWN_HEADERS]


def is_open(scope: Scope) -> bool:
    """True for the requests that are answered without a login: those of the login page and of the audience's pages."""
    if scope["type"] != "http":
        return False
    path = route_path(scope)
    if scope["method"] == "POST":
        return path in LOGIN_PATHS
    is_page = path in OPEN_PATHS or path.startswith(OPEN_FOLDERS) or AUDIENCE_PATH.fullmatch(path)
    return scope["method"] in READING_METHODS and bool(is_page)


def closed_path_refusal(scope: Scope) -> Refusal | None:
    """Returns the refusal of a route of Gradio that the pages do not use, None for other paths."""
    route = route_path(scope).lower().removeprefix("/gradio_api/")
    is_closed = route != route_path(scope).lower() and route.startswith(CLOSED_PATHS)
    return Refusal(404, NOT_USED) if is_closed else None


def is_sent_by_another_site(scope: Scope, headers: Headers) -> bool:
    """True for requests that a page of another site makes without an origin, such as images, scripts and frames.

    Browsers mark them with Sec-Fetch-Site. A link to this site that the user follows is not one."""
    if scope["type"] != "http" or headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return False  # a WebSocket always has an origin
    is_document = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    return not (is_document and scope["method"] in READING_METHODS)


def route_path(scope: Scope) -> str:
    """Returns the path that selects the route, without the path under which a proxy shows the page."""
    path, root_path = scope["path"], scope.get("root_path", "")
    return path.removeprefix(root_path) if path.startswith(f"{root_path}/") else path


def refusal_response(scope: Scope, refusal: Refusal) -> Response:
    """Returns the response of a refusal, as JSON for scripts. The connection is closed if a body is on its way."""
    headers = Headers(scope=scope)
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    extra = {"Cache-Control": "no-store", **({"Connection": "close"} if has_body else {})}
    if "text/html" in headers.get("accept", ""):
        return PlainTextResponse(refusal.reason, refusal.status, extra)
    return JSONResponse({"detail": refusal.reason, "message": refusal.reason}, refusal.status, extra)
