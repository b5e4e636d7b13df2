"""GET /qal/model.zip?name=…&form=…: downloads a model folder as a zip, made while it is sent (no copy on the disk).

It is behind the login of the page. A name is looked up in the list of models; it is never a path."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from qal.api.access import Allowed, refusal_reason
from qal.errors import QalError

PATH = "/qal/model.zip"
CHUNK_BYTES = 1 << 20
BLOBS = "blobs"  # folder of the hub's cache that its snapshots link to
FindModel = Callable[[str, str], tuple[Path, str]]  # (name, form) -> (folder, file name of the zip); raises QalError


def model_zip_route(find: FindModel, allowed: Allowed) -> Route:
    async def serve(request: Request) -> Response:
        if reason := refusal_reason(request, allowed):
            return PlainTextResponse(reason, 403)
        try:
            name, form = (request.query_params.get(parameter, "") for parameter in ("name", "form"))
            folder, zip_name = await run_in_threadpool(find, name, form)
        except QalError as error:
            return PlainTextResponse(str(error), 404)
        safe_name = re.sub(r"[^A-Za-z0-9.-]", "-", zip_name)
        headers = {"Content-Disposition": f'attachment; filename="{safe_name}"', "X-Accel-Buffering": "no"}
        chunks = zip_chunks(folder, safe_name.removesuffix(".zip"))
        return StreamingResponse(chunks, 200, headers, "application/zip")

    return Route(PATH, serve, methods=["GET"])


def zip_chunks(folder: Path, folder_in_zip: str) -> Iterator[bytes]:
    """Yields a zip with the files of the folder, uncompressed, as weights do not compress."""
    buffer = _Buffer()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in model_files(folder):
            name = f"{folder_in_zip}/{path.relative_to(folder).as_posix()}"
            entry = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while chunk := source.read(CHUNK_BYTES):
                    target.write(chunk)
                    yield buffer.take()
    yield buffer.take()


def model_files(folder: Path) -> list[Path]:
    """Returns the files of a folder without hidden ones and without links that lead outside.

    Links to the blobs of the hub's cache are included."""
    resolved = folder.resolve()
    roots = (resolved, resolved.parents[1] / BLOBS)  # models--x--y/snapshots/<commit>
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    return [path for path in files if any(path.resolve().is_relative_to(root) for root in roots)]


class _Buffer(io.RawIOBase):
    """A write-only file whose content can be taken out; it does not support seeking."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, chunk) -> int:  # type: ignore[override]
        self._chunks.append(bytes(chunk))
        return len(chunk)

    def take(self) -> bytes:
        content = b"".join(self._chunks)
        self._chunks = []
        return content
