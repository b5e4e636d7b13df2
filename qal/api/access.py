"""Access to the routes of the server: only pages of its own origin, and only users who are logged in."""

from collections.abc import Callable

from starlette.requests import HTTPConnection

from qal.api.origin import is_same_origin

Allowed = Callable[[HTTPConnection], bool]  # True if the connection's user is logged in
UserOf = Callable[[HTTPConnection], str | None]  # the name of the connection's user; None if there is no login
FORBIDDEN = 4403  # close code of a WebSocket, for a reason that a new connection does not change
WRONG_ORIGIN = "the server has another address than this page; let the proxy forward Host or X-Forwarded-Host"
LOG_IN = "log in, then reload the page"
INVALID_MESSAGE = "the page sent an invalid message; reload the page"


def no_user(connection: HTTPConnection) -> None:
    """The user of every connection to a server without a login."""


def refusal_reason(connection: HTTPConnection, allowed: Allowed) -> str | None:
    """Returns why a connection may not use a route, None if it may."""
    if not is_same_origin(connection):
        return WRONG_ORIGIN
    return None if allowed(connection) else LOG_IN
