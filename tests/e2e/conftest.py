"""A real server in a process of its own, and a real browser."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, WebSocketRoute, expect, sync_playwright

from tests.e2e.live_page import write_speech

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 120_000  # a busy machine is slow, not wrong

Open = Callable[..., Page]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Servers:
    """servers("app.py", "--auth", "a:b") -> the page's address; runs and live sessions are kept in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._running: list[subprocess.Popen] = []
        self._addresses: dict[tuple[str, ...], str] = {}

    def shared(self, script: str, *arguments: str) -> str:
        """The server that was started with the same before, else a new one."""
        if (script, *arguments) not in self._addresses:
            self._addresses[script, *arguments] = self(script, *arguments)
        return self._addresses[script, *arguments]

    def __call__(self, script: str, *arguments: str, address: str | None = None) -> str:
        port = str(urlsplit(address).port if address else free_port())
        command = [sys.executable, script, "--port", port, "--runs", str(self.folder / "runs"), *arguments]
        if "--live" not in arguments:
            command += ["--live", str(self.folder / "live")]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._running.append(server)
        assert server.stdout
        for line in server.stdout:
            if found := re.search(r"http://\S+", line):
                return found[0]
        raise AssertionError(f"{script} ended with {server.wait()} before it was ready")

    def stop(self, kill: bool = False) -> None:
        while self._running:
            server = self._running.pop()
            server.kill() if kill else server.terminate()
            server.wait(30)


@pytest.fixture
def speech(tmp_path, english_corpus) -> tuple[Path, str, float]:
    """(WAV file, what is said, seconds)"""
    return write_speech(tmp_path / "speech.wav", english_corpus, 3)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Servers]:
    """Servers that end with the test."""
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that end with the module: a start takes seconds."""
    servers = Servers(tmp_path_factory.mktemp("lasting"))
    yield servers
    servers.stop()


@pytest.fixture
def home(lasting: Servers) -> Path:
    """The lasting servers' folder, with empty runs/ and data/."""
    for name in ("runs", "data"):
        shutil.rmtree(lasting.folder / name, ignore_errors=True)
        (lasting.folder / name).mkdir()
    return lasting.folder


@pytest.fixture
def studio(lasting: Servers, home: Path) -> str:
    """The address of a studio whose runs and data are in `home`."""
    return lasting.shared("app.py", "--data", str(home / "data"))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Without a microphone's sound, which a browser is started with."""
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield started
    started.close()


@pytest.fixture
def asked() -> set[str]:
    """The hosts that the pages of this test asked for anything."""
    return set()


@pytest.fixture
def browse(playwright: Playwright, browser: Browser, asked: set[str]) -> Iterator[Open]:
    """browse(address, microphone=wav) -> an open page; the microphone speaks the file once.

    `sockets` is given every live socket that the page opens, in place of the server; `script` runs before the page's
    own scripts."""
    opened: list[Browser | BrowserContext] = []

    def open_page(
        address: str,
        microphone: Path | None = None,
        sockets: Callable[[WebSocketRoute], None] | None = None,
        permissions: Sequence[str] = ("microphone",),
        script: str = "",
    ) -> Page:
        used = browser
        if microphone:
            speech = f"--use-file-for-fake-audio-capture={microphone}%noloop"
            opened.append(used := playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, speech]))
        context = used.new_context(permissions=[*permissions], accept_downloads=True, ignore_https_errors=True)
        opened.append(context)
        page = context.new_page()
        page.add_init_script(script)
        if sockets:
            page.route_web_socket("**/qal/live", sockets)
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: asked.add(urlsplit(request.url).hostname or "no host"))
        page.goto(address)
        return page

    yield open_page
    for one in reversed(opened):
        one.close()
