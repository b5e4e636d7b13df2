"""Fixtures for the tests with a real server process and a real browser."""

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

from tests.e2e.live_page import SpeechFile, write_speech

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
TIMEOUT_MS = 120_000  # long, because the machine may be busy

Open = Callable[..., Page]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Servers:
    """Starts server processes: `servers("app.py", "--auth", "a:b")` returns the address of the page.

    Runs and live sessions are stored in `folder`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._running: list[subprocess.Popen] = []
        self._addresses: dict[tuple[str, ...], str] = {}

    def shared(self, script: str, *arguments: str) -> str:
        """The address of a running server with the same arguments, else of a new one."""
        if (script, *arguments) not in self._addresses:
            self._addresses[script, *arguments] = self(script, *arguments)
        return self._addresses[script, *arguments]

    def __call__(self, script: str, *arguments: str, address: str | None = None) -> str:
        port = str(urlsplit(address).port if address else free_port())
        command = [sys.executable, script, "--port", port, "--runs", str(self.folder / "runs"), *arguments]
        if "--live" not in arguments:
            command += ["--live", str(self.folder / "live")]
        if script == "app.py" and "--evaluations" not in arguments:
            command += ["--evaluations", str(self.folder / "evaluations")]
        if script == "app.py" and "--transcripts" not in arguments:
            command += ["--transcripts", str(self.folder / "transcripts")]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._running.append(server)
        assert server.stdout
        for line in server.stdout:
            if match := re.search(r"http://\S+", line):
                return match[0]
        raise AssertionError(f"{script} exited with code {server.wait()} before it was ready")

    def stop(self, kill: bool = False) -> None:
        while self._running:
            server = self._running.pop()
            server.kill() if kill else server.terminate()
            server.wait(30)


@pytest.fixture
def speech(tmp_path, english_corpus) -> SpeechFile:
    """Three utterances as a WAV file for the microphone."""
    return write_speech(tmp_path / "speech.wav", english_corpus, 3)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Servers]:
    """Servers that are stopped after the test."""
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def module_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that are stopped after the last test of the module, because a start takes seconds."""
    servers = Servers(tmp_path_factory.mktemp("module_servers"))
    yield servers
    servers.stop()


@pytest.fixture
def studio_folder(module_servers: Servers) -> Path:
    """The folder of `module_servers`, with empty runs/ and data/."""
    for name in ("runs", "data"):
        shutil.rmtree(module_servers.folder / name, ignore_errors=True)
        (module_servers.folder / name).mkdir()
    return module_servers.folder


@pytest.fixture
def studio(module_servers: Servers, studio_folder: Path) -> str:
    """The address of a studio with the runs and data of `studio_folder`."""
    return module_servers.shared("app.py", "--data", str(studio_folder / "data"))


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser without microphone audio. A browser with microphone audio is started for each page."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def requested_hosts() -> set[str]:
    """The hosts of all requests that the pages of this test made."""
    return set()


@pytest.fixture
def browse(playwright: Playwright, browser: Browser, requested_hosts: set[str]) -> Iterator[Open]:
    """browse(address, microphone=wav) opens a page whose microphone plays a file once.

    Further arguments of the returned function:
        sockets: receives every live socket that the page opens, in place of the server.
        permissions: the granted browser permissions.
        script: JavaScript that runs before the page's own scripts."""
    opened: list[Browser | BrowserContext] = []

    def open_page(
        address: str,
        microphone: Path | None = None,
        sockets: Callable[[WebSocketRoute], None] | None = None,
        permissions: Sequence[str] = ("microphone",),
        script: str = "",
    ) -> Page:
        page_browser = browser
        if microphone:
            audio_flag = f"--use-file-for-fake-audio-capture={microphone}%noloop"
            page_browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, audio_flag])
            opened.append(page_browser)
        context = page_browser.new_context(permissions=[*permissions], accept_downloads=True, ignore_https_errors=True)
        opened.append(context)
        page = context.new_page()
        page.add_init_script(script)
        if sockets:
            page.route_web_socket("**/qal/live", sockets)
        page.set_default_timeout(TIMEOUT_MS)
        page.on("request", lambda request: requested_hosts.add(urlsplit(request.url).hostname or "no host"))
        page.goto(address)
        return page

    yield open_page
    for resource in reversed(opened):
        resource.close()
