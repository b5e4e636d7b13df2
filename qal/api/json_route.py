"""Routes of the page's scripts: a JSON body in, a JSON object out, errors as {"message": ...}."""

import logging
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from qal.api.access import INVALID_MESSAGE, Allowed, UserOf, no_user, refusal_reason
from qal.captions.session_info import SessionAccessError
from qal.errors import OptionError, QalError
from qal.json_text import json_text

MAX_BODY_BYTES = 8192
TOO_LONG = "the request is too long; reload the page"
LOG = logging.getLogger("qal")

Body = TypeVar("Body", bound=BaseModel)


def json_route(
    path: str,
    body_type: type[Body],
    handle: Callable[[Body, str | None], BaseModel],
    allowed: Allowed,
    user_of: UserOf = no_user,
    max_body_bytes: int = MAX_BODY_BYTES,
    too_long: str = TOO_LONG,
) -> Route:
    """Returns a POST route behind the login and for the server's own pages only.

    Args:
        path: the path of the route.
        body_type: the model of the request's body.
        handle: called in a thread with the body and the user's name. The message of a QalError is for the user.
        allowed: whether a connection may use the server.
        user_of: returns the name of a connection's user.
        max_body_bytes: longer bodies are refused.
        too_long: the message for a longer body."""

    async def serve(request: Request) -> Response:
        if reason := refusal_reason(request, allowed):
            return error_response(403, reason)
        try:
            body = parse_body(body_type, await read_body(request, max_body_bytes, too_long))
            result = await run_in_threadpool(handle, body, user_of(request))
            text = json_text(result.model_dump(), ensure_ascii=False)
            return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})
        except SessionAccessError as error:
            return error_response(403, str(error))
        except QalError as error:
            return error_response(400, str(error))
        except Exception:
            LOG.exception("the request %s failed", path)
            return error_response(500, "the server could not do this; try again")

    return Route(path, serve, methods=["POST"])


def parse_body(body_type: type[Body], body: bytes) -> Body:
    """Raises OptionError for invalid JSON, unknown fields and values out of range."""
    try:
        return body_type.model_validate_json(body)
    except ValidationError as error:
        raise OptionError(INVALID_MESSAGE) from error


async def read_body(request: Request, max_bytes: int, too_long: str) -> bytes:
    """Reads the body of a request.

    Raises:
        OptionError: it has more than `max_bytes`; `too_long` is the message.
        ClientDisconnect: the client has left before its end."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise OptionError(too_long)
    return bytes(body)


def error_response(status: int, message: str) -> JSONResponse:
    """Returns an error as the page's scripts read it."""
    return JSONResponse({"message": message}, status)
