"""/qal/tensorboard/: TensorBoard on the page's own address, behind the page's login, through whatever proxy or share
link the page came through. Its process begins when somebody asks and ends when nobody does any more."""

import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from qal.api.live_socket import Allowed, same_origin
from qal.errors import OptionError, QalError
from qal.subcommand import qal_environment

PREFIX = "/qal/tensorboard"
IDLE_S = 900.0  # without a question it ends
LOOK_EVERY_S = 30.0
START_S, ANSWER_S, END_S = 60.0, 60.0, 5.0
MAX_BODY = 1 << 20  # bytes of a question
SERVES = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+")
ASKED_WITH = ("accept", "accept-language", "content-type", "if-none-match", "range")
ANSWERED_WITH = (
    *("content-type", "content-length", "content-encoding", "content-range", "accept-ranges", "vary"),
    *("content-security-policy", "x-content-type-options", "cache-control", "expires", "etag"),
)
STARTING = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">
<title>TensorBoard</title><style>:root{color-scheme:light dark}body{font:1rem system-ui,sans-serif;display:grid;
place-items:center;height:90vh;margin:0}</style><p role="status">TensorBoard is starting …</p></html>"""


def command_of(runs: Path) -> list[str]:
    """On a port that is free; it says which."""
    arguments = ["--logdir", str(runs.absolute()), "--host", "127.0.0.1", "--port", "0", "--path_prefix", PREFIX]
    return [sys.executable, "-m", "qal.api.tensorboard_process", *arguments, "--window_title", "Qal"]


class TensorBoard:
    """At most one process for a server; `command` makes it serve on 127.0.0.1 and write its address to stderr."""

    def __init__(self, command: list[str], idle_s: float = IDLE_S):
        self._command, self._idle_s = command, idle_s
        self._process: subprocess.Popen[str] | None = None
        self._address: str | None = None
        self._asked = 0.0  # on the monotonic clock
        self._starting: threading.Thread | None = None
        self._failure: OptionError | None = None
        self._lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        process = self._process
        return process is not None and process.poll() is None

    def address(self) -> str:
        """Where it serves; waits until it does. Raises OptionError where it does not start."""
        with self._lock:
            self._asked = time.monotonic()
            if self._address is None or not self.is_running:
                self._address = self._start()
            return self._address

    def address_now(self) -> str | None:
        """The same at once; None while it starts. Raises, once, what it failed with."""
        address, failure = self._address, self._failure
        if address and self.is_running:
            self._asked = time.monotonic()
            return address
        if failure:
            self._failure = None
            raise failure
        if not (self._starting and self._starting.is_alive()):
            self._starting = threading.Thread(target=self._try_to_start, daemon=True)
            self._starting.start()
        return None

    def close(self) -> None:
        with self._lock:
            self._end()

    def _try_to_start(self) -> None:
        try:
            self.address()
        except OptionError as error:
            self._failure = error

    def _start(self) -> str:
        """Holding the lock."""
        self._end()
        process = self._process = subprocess.Popen(
            self._command,
            env=qal_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        said = _Said(process)
        address = said.address(START_S)
        if address is None:
            self._end()
            raise OptionError(f"TensorBoard did not start ({said.last()}); pip install -r requirements.txt")
        threading.Thread(target=self._end_when_idle, args=[process], daemon=True).start()
        return address

    def _end(self) -> None:
        """Holding the lock."""
        process, self._process, self._address = self._process, None, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()

    def _end_when_idle(self, process: subprocess.Popen[str]) -> None:
        while process.poll() is None:
            time.sleep(min(LOOK_EVERY_S, self._idle_s))
            with self._lock:
                if process is self._process and time.monotonic() - self._asked >= self._idle_s:
                    self._end()


class _Said:
    """What a process writes to stderr, read as long as it runs: a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process
        self._lines: deque[str] = deque(maxlen=20)
        self._found: str | None = None
        self._done = threading.Event()  # the address was found, or there will be none
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def address(self, patience_s: float) -> str | None:
        self._done.wait(patience_s)
        return self._found

    def last(self) -> str:
        """The newest line, once it has ended."""
        self._reader.join(END_S)
        return next((line for line in reversed(self._lines) if line), "it said nothing")

    def _read(self) -> None:
        assert self._process.stderr
        with self._process.stderr as lines:
            for line in lines:
                self._lines.append(line.strip())
                if not self._found and (found := SERVES.search(line)):
                    self._found = found[0]
                    self._done.set()
        self._done.set()


def tensorboard_routes(board: TensorBoard, allowed: Allowed) -> list[Route]:
    client = httpx.AsyncClient(timeout=ANSWER_S, trust_env=False)  # no proxy stands before this machine itself

    async def serve(request: Request) -> Response:
        if not same_origin(request) or not allowed(request):
            return PlainTextResponse("log in, then reload the page", 403)
        try:
            if "text/html" not in request.headers.get("accept", ""):
                address = await run_in_threadpool(board.address)
            elif not (address := board.address_now()):
                return HTMLResponse(STARTING, headers={"Cache-Control": "no-store"})
        except QalError as error:
            return PlainTextResponse(str(error), 503)
        return await _passed_on(client, address, request)

    async def with_slash(request: Request) -> Response:
        return RedirectResponse(PREFIX.rpartition("/")[2] + "/")  # relative, as a proxy may have put a path before it

    return [
        Route(PREFIX, with_slash, methods=["GET"]),
        Route(PREFIX + "/{path:path}", serve, methods=["GET", "POST"]),
    ]


async def _passed_on(client: httpx.AsyncClient, address: str, request: Request) -> Response:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            return PlainTextResponse("that question is too long", 413)
    path = request.scope["raw_path"].decode("latin-1").partition(PREFIX)[2]
    query = f"?{request.url.query}" if request.url.query else ""
    headers = {name: request.headers[name] for name in ASKED_WITH if name in request.headers}
    headers["accept-encoding"] = request.headers.get("accept-encoding", "identity")
    question = client.build_request(request.method, f"{address}{PREFIX}{path}{query}", headers=headers, content=body)
    try:
        answer = await client.send(question, stream=True)
    except httpx.HTTPError:
        return PlainTextResponse("TensorBoard has just ended; reload this page", 502)
    given = {name: answer.headers[name] for name in ANSWERED_WITH if name in answer.headers}
    return StreamingResponse(_pieces(answer), answer.status_code, given)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    """As they are, compressed or not; the connection is free again even when nobody reads to the end."""
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()
