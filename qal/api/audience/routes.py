"""The pages of the audience: GET /qal/audience/TOKEN, its stream of captions (TOKEN/events), its style and script.

A viewer with the link needs no login: these routes are open (qal/api/request_guard.py) and give nothing but the
captions of the sessions of that link. The random token is the permission; it ends when the speaker revokes the link."""

import logging
import re
from pathlib import Path

from sse_starlette import EventSourceResponse, ServerSentEvent
from sse_starlette.sse import SendTimeoutError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from qal.api.audience.address import FOLDER
from qal.api.audience.hub import REVOKED, AudienceHub
from qal.captions.audience_link import TOKEN
from qal.captions.scheduler import BusyError
from qal.errors import OptionError

PAGE_FOLDER = Path(__file__).parent / "page"
PREFIX = f"/{FOLDER}"
FILES = {"page.css": ("text/css", ("page.css",)), "page.js": ("text/javascript", ("texts.js", "page.js"))}
OPEN_PATH = re.compile(rf"{PREFIX}({TOKEN.pattern}(/events)?|{'|'.join(map(re.escape, FILES))})")
PING_INTERVAL_S = 15
SEND_TIMEOUT_S = 30.0  # a connection that takes no data for so long is closed; its page connects again
RETRY_AFTER_S = "10"  # for viewers above the limit
POLICY = (
    "default-src 'none'; script-src 'self'; style-src {styles}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# Streaming software adds the user's own styles to an overlay; texts are never parsed as HTML.
STYLES, OVERLAY_STYLES = "'self'", "'self' 'unsafe-inline'"
HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
LOG = logging.getLogger("qal")


def audience_routes(hub: AudienceHub) -> list[BaseRoute]:
    """Returns the routes of the viewers."""

    async def serve_page(request: Request) -> Response:
        """Serves the same page for every token; it reads the captions, or shows that the link is not valid."""
        token = request.path_params["token"]
        policy = POLICY.format(styles=OVERLAY_STYLES if "overlay" in request.query_params else STYLES)
        status = 200 if TOKEN.fullmatch(token) and hub.links.is_valid(token) else 404
        return Response(page, status, {**HEADERS, "Content-Security-Policy": policy}, "text/html")

    page = (PAGE_FOLDER / "page.html").read_bytes()
    return [
        *(_file_route(name) for name in FILES),
        Route(f"{PREFIX}{{token}}/events", EventsApp(hub), methods=["GET"]),
        Route(f"{PREFIX}{{token}}", serve_page, methods=["GET"]),
    ]


class EventsApp:
    """ASGI application of the stream of captions: 404 without a valid link, 503 with too many viewers."""

    def __init__(self, hub: AudienceHub):
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        token = request.path_params["token"]
        if not TOKEN.fullmatch(token) or not self._hub.links.is_valid(token):
            await _error(404, REVOKED)(scope, receive, send)
            return
        try:
            with self._hub.viewer(token):
                await self._stream(token, request)(scope, receive, send)
        except BusyError as error:
            await _error(503, str(error), {"Retry-After": RETRY_AFTER_S})(scope, receive, send)
        except OptionError as error:
            await _error(404, str(error))(scope, receive, send)
        except SendTimeoutError:
            LOG.debug("a viewer took no data and was disconnected")

    def _stream(self, token: str, request: Request) -> EventSourceResponse:
        cursor = request.headers.get("last-event-id") or request.query_params.get("after")
        events = self._hub.events(token, cursor)
        return EventSourceResponse(
            events, headers=HEADERS, ping=PING_INTERVAL_S, ping_message_factory=_ping, send_timeout=SEND_TIMEOUT_S
        )


def _ping() -> ServerSentEvent:
    """An event and not a comment, so that the page notices a connection that is dead without an error."""
    return ServerSentEvent(data="{}", event="ping", sep="\n")


def _file_route(name: str) -> Route:
    media_type, parts = FILES[name]
    content = b"\n".join((PAGE_FOLDER / part).read_bytes() for part in parts)

    async def serve(request: Request) -> Response:
        return Response(content, 200, HEADERS, media_type)

    return Route(PREFIX + name, serve, methods=["GET"])


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"message": message}, status, {**HEADERS, **(headers or {})})
