"""A real server in a process of its own, and a real browser."""

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

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

Serve = Callable[..., str]
Open = Callable[..., Page]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """serve("app.py", "--auth", "a:b") -> the page's address; every server ends with the test."""
    servers: list[subprocess.Popen] = []

    def start(script: str, *arguments: str) -> str:
        command = [sys.executable, script, "--port", str(free_port()), "--runs", str(tmp_path / "runs"), *arguments]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        servers.append(server)
        assert server.stdout
        for line in server.stdout:
            if address := re.search(r"http://\S+", line):
                return address[0]
        raise AssertionError(f"{script} ended with {server.wait()} before it was ready")

    yield start
    for server in servers:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture
def asked() -> set[str]:
    """The hosts that the pages of this test asked for anything."""
    return set()


@pytest.fixture
def browse(playwright: Playwright, asked: set[str]) -> Iterator[Open]:
    """browse(address, microphone=wav) -> an open page; the microphone speaks the file once."""
    browsers: list[Browser] = []

    def open_page(address: str, microphone: Path | None = None) -> Page:
        speech = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
        browsers.append(playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *speech]))
        page = browsers[-1].new_context(permissions=["microphone"], accept_downloads=True).new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: asked.add(urlsplit(request.url).hostname or "no host"))
        page.goto(address)
        return page

    yield open_page
    for browser in browsers:
        browser.close()
