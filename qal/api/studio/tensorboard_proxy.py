"""/qal/tensorboard/: a reverse proxy for TensorBoard on the page's own address and behind its login.

TensorBoard therefore works wherever the page does, also behind other proxies and share links. Its process is started
by the first request and terminated when there were no requests for a while."""

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

from qal.api.access import Allowed, refusal_reason
from qal.errors import OptionError, QalError
from qal.subcommand import qal_environment

PREFIX = "/qal/tensorboard"
IDLE_TIMEOUT_S = 900.0  # without a request; then the process is terminated
IDLE_CHECK_INTERVAL_S = 30.0
START_TIMEOUT_S, RESPONSE_TIMEOUT_S, TERMINATE_TIMEOUT_S = 60.0, 60.0, 5.0
MAX_BODY_BYTES = 1 << 20  # of a request
LOG_LINES = 20  # of stderr, kept for error messages
ADDRESS_PATTERN = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d+")
REQUEST_HEADERS = ("accept", "accept-language", "content-type", "if-none-match", "range")
RESPONSE_HEADERS = (
    *("content-type", "content-length", "content-encoding", "content-range", "accept-ranges", "vary"),
    *("content-security-policy", "x-content-type-options", "cache-control", "expires", "etag"),
)
STARTING_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">
<title>TensorBoard</title><style>:root{color-scheme:light dark}body{font:1rem system-ui,sans-serif;display:grid;
place-items:center;height:90vh;margin:0}</style><p role="status">TensorBoard is starting …</p></html>"""


def tensorboard_command(runs: Path) -> list[str]:
    """Returns the command for the logs of a runs folder; TensorBoard chooses a free port and prints its address."""
    arguments = ["--logdir", str(runs.absolute()), "--host", "127.0.0.1", "--port", "0", "--path_prefix", PREFIX]
    return [sys.executable, "-m", "qal.api.studio.tensorboard_process", *arguments, "--window_title", "Qal"]


class TensorBoard:
    """A TensorBoard process that is started on demand; at most one at a time.

    Args:
        command: serves on 127.0.0.1 and writes its address to stderr.
        idle_timeout_s: time without a request after which the process is terminated."""

    def __init__(self, command: list[str], idle_timeout_s: float = IDLE_TIMEOUT_S):
        self._command = command
        self._idle_timeout_s = idle_timeout_s
        self._process: subprocess.Popen[str] | None = None
        self._address: str | None = None
        self._last_request = 0.0  # on the monotonic clock
        self._starting: threading.Thread | None = None
        self._error: OptionError | None = None
        self._lock = threading.Lock()

    @property
    def is_running(self) -> bool:
        process = self._process
        return process is not None and process.poll() is None

    def wait_for_address(self) -> str:
        """Returns the address; starts the process if necessary. Raises OptionError if it does not start."""
        with self._lock:
            self._last_request = time.monotonic()
            if self._address is None or not self.is_running:
                self._address = self._start()
            return self._address

    def address_if_running(self) -> str | None:
        """Returns the address, or None while the process starts, without waiting.

        Raises OptionError once after a failed start; the next call starts the process again."""
        address, error = self._address, self._error
        if address and self.is_running:
            self._last_request = time.monotonic()
            return address
        if error:
            self._error = None
            raise error
        if not (self._starting and self._starting.is_alive()):
            self._starting = threading.Thread(target=self._start_in_background, daemon=True)
            self._starting.start()
        return None

    def close(self) -> None:
        with self._lock:
            self._terminate()

    def _start_in_background(self) -> None:
        try:
            self.wait_for_address()
        except OptionError as error:
            self._error = error

    def _start(self) -> str:
        """Starts the process and returns its address; the caller holds the lock."""
        self._terminate()
        process = self._process = subprocess.Popen(
            self._command,
            env=qal_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        log = _ProcessLog(process)
        address = log.wait_for_address(START_TIMEOUT_S)
        if address is None:
            self._terminate()
            raise OptionError(f"TensorBoard did not start ({log.last_line()}); run: pip install -r requirements.txt")
        threading.Thread(target=self._terminate_when_idle, args=[process], daemon=True).start()
        return address

    def _terminate(self) -> None:
        """Terminates the process; the caller holds the lock."""
        process = self._process
        self._process = None
        self._address = None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(TERMINATE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()

    def _terminate_when_idle(self, process: subprocess.Popen[str]) -> None:
        while process.poll() is None:
            time.sleep(min(IDLE_CHECK_INTERVAL_S, self._idle_timeout_s))
            with self._lock:
                is_idle = time.monotonic() - self._last_request >= self._idle_timeout_s
                if process is self._process and is_idle:
                    self._terminate()


class _ProcessLog:
    """Reads stderr of a process until it ends, because a full pipe would block the process."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process
        self._lines: deque[str] = deque(maxlen=LOG_LINES)
        self._address: str | None = None
        self._settled = threading.Event()  # the address was printed, or the process has ended
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_address(self, timeout_s: float) -> str | None:
        """Returns the printed address; None if the process ends or the time is over."""
        self._settled.wait(timeout_s)
        return self._address

    def last_line(self) -> str:
        """Returns the last line that is not empty, after the process has ended."""
        self._reader.join(TERMINATE_TIMEOUT_S)
        return next((line for line in reversed(self._lines) if line), "no error message")

    def _read(self) -> None:
        assert self._process.stderr
        with self._process.stderr as lines:
            for line in lines:
                self._lines.append(line.strip())
                if not self._address and (match := ADDRESS_PATTERN.search(line)):
                    self._address = match[0]
                    self._settled.set()
        self._settled.set()


def tensorboard_routes(board: TensorBoard, allowed: Allowed) -> list[Route]:
    client = httpx.AsyncClient(timeout=RESPONSE_TIMEOUT_S, trust_env=False)  # no proxy for the local address

    async def serve(request: Request) -> Response:
        if reason := refusal_reason(request, allowed):
            return PlainTextResponse(reason, 403)
        try:
            if "text/html" not in request.headers.get("accept", ""):
                address = await run_in_threadpool(board.wait_for_address)
            elif not (address := board.address_if_running()):
                return HTMLResponse(STARTING_PAGE, headers={"Cache-Control": "no-store"})
        except QalError as error:
            return PlainTextResponse(str(error), 503)
        return await _forward(client, address, request)

    async def add_slash(request: Request) -> Response:
        return RedirectResponse(PREFIX.rpartition("/")[2] + "/")  # relative: a proxy may have added a path before it

    return [
        Route(PREFIX, add_slash, methods=["GET"]),
        Route(PREFIX + "/{path:path}", serve, methods=["GET", "POST"]),
    ]


async def _forward(client: httpx.AsyncClient, address: str, request: Request) -> Response:
    """Sends the request to TensorBoard and returns its response as a stream; cookies are not forwarded."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return PlainTextResponse("the request is too large", 413)
    path = request.scope["raw_path"].decode("latin-1").partition(PREFIX)[2]
    query = f"?{request.url.query}" if request.url.query else ""
    headers = {name: request.headers[name] for name in REQUEST_HEADERS if name in request.headers}
    headers["accept-encoding"] = request.headers.get("accept-encoding", "identity")
    url = f"{address}{PREFIX}{path}{query}"
    forwarded = client.build_request(request.method, url, headers=headers, content=body)
    try:
        response = await client.send(forwarded, stream=True)
    except httpx.HTTPError:
        return PlainTextResponse("TensorBoard has stopped; reload this page", 502)
    response_headers = {name: response.headers[name] for name in RESPONSE_HEADERS if name in response.headers}
    return StreamingResponse(_raw_chunks(response), response.status_code, response_headers)


async def _raw_chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yields the body without decompressing it; the connection is released even if the client does not read it all."""
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    finally:
        await response.aclose()
