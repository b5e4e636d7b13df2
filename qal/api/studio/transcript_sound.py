"""GET /qal/transcript-sound?key=…: the sound of a transcribed file, in parts as the browser's player asks for them.

It is behind the login of the page. A key is looked up among the transcripts; it is never a path."""

import mimetypes
from collections.abc import Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from qal.api.access import Allowed, UserOf, no_user, refusal_reason
from qal.errors import QalError

PATH = "/qal/transcript-sound"
FindSound = Callable[[str, str | None], Path]  # (key, user) -> a file that browsers play; raises QalError


def transcript_sound_route(find: FindSound, allowed: Allowed, user_of: UserOf = no_user) -> Route:
    async def serve(request: Request) -> Response:
        if reason := refusal_reason(request, allowed):
            return PlainTextResponse(reason, 403)
        try:
            path = await run_in_threadpool(find, request.query_params.get("key", ""), user_of(request))
        except QalError as error:
            return PlainTextResponse(str(error), 404)
        kind = mimetypes.guess_type(path.name)[0] or ""
        media_type = kind if kind.startswith("audio/") else "application/octet-stream"
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return FileResponse(path, media_type=media_type, headers=headers)

    return Route(PATH, serve, methods=["GET"])
