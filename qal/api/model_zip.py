"""GET /qal/model.zip?name=…&form=…: a model's folder as a zip, made while it is sent, so that no copy lies on the disk.

Behind the same login as the page. Which folder a name means is the list's to say; a name is never a path."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from qal.api.live_socket import Allowed, same_origin
from qal.errors import QalError

PATH = "/qal/model.zip"
PIECE = 1 << 20  # bytes
BLOBS = "blobs"  # where the hub's cache keeps what its snapshots link to
Find = Callable[[str, str], tuple[Path, str]]  # name, form -> (folder, the zip's name); raises QalError


def model_zip_route(find: Find, allowed: Allowed) -> Route:
    async def serve(request: Request) -> Response:
        if not same_origin(request) or not allowed(request):
            return PlainTextResponse("log in, then reload the page", 403)
        try:
            asked = [request.query_params.get(name, "") for name in ("name", "form")]
            folder, name = await run_in_threadpool(find, *asked)
        except QalError as error:
            return PlainTextResponse(str(error), 404)
        safe = re.sub(r"[^A-Za-z0-9.-]", "-", name)
        headers = {"Content-Disposition": f'attachment; filename="{safe}"', "X-Accel-Buffering": "no"}
        return StreamingResponse(zipped(folder, safe.removesuffix(".zip")), 200, headers, "application/zip")

    return Route(PATH, serve, methods=["GET"])


def zipped(folder: Path, inside: str) -> Iterator[bytes]:
    """The bytes of a zip with the folder's files in a folder called `inside`; weights do not get smaller, so they are
    stored as they are."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for path in files_of(folder):
            name = f"{inside}/{path.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as out:
                while piece := source.read(PIECE):
                    out.write(piece)
                    yield sink.taken()
    yield sink.taken()


def files_of(folder: Path) -> list[Path]:
    """Not hidden; links only where they stay inside, or lead to the blobs of the hub's cache."""
    whole = folder.resolve()
    roots = (whole, whole.parents[1] / BLOBS)  # models--x--y/snapshots/<commit>
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return [path for path in found if any(path.resolve().is_relative_to(root) for root in roots)]


class _Sink(io.RawIOBase):
    """Holds what was written until it is taken; nothing can be written over."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece) -> int:  # type: ignore[override]
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken
