"""The Live page behind proxies that terminate TLS, as a share link or a web server does."""

import asyncio
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from qal.api.access import FORBIDDEN
from tests.e2e.live_page import assert_transcribed, socket_answer, start, stop_and_read_captions, write_speech
from tests.e2e.tls_proxy import AUTHORITY, keep_host, replace_host, tls_proxy, under_path

OPEN_TIMEOUT_S = 120  # a busy machine is slow


@pytest.mark.parametrize(
    ("rewriters", "path"),
    [pytest.param((keep_host, replace_host), "", marks=pytest.mark.long), ((under_path("/qal-demo"),), "/qal-demo")],
)
def test_login_and_captions_work_behind_a_proxy_that_terminates_tls(
    serve, browse, tmp_path, english_corpus, rewriters, path, requested_hosts, base_directory
):
    wav, reference, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 2)
    options = ["--public-host", "behind", *(["--root_path", path] if path else [])]
    server = serve("app_streaming.py", "--auth", "anna:secret", *options)
    with ExitStack() as proxies:
        sites = [proxies.enter_context(tls_proxy(server, rewrite)) for rewrite in rewriters]
        pages = {site: browse(f"{site}{path}/", microphone=wav) for site in sites}
        for site, page in pages.items():
            log_in(page, "wrong")
            expect(page.locator("body")).to_contain_text("Incorrect Credentials")
            assert socket_answer(page) == f"closed {FORBIDDEN}"
            assert answer_from_origin(site + path, site, page) == FORBIDDEN
            log_in(page, "secret")
            expect(page.locator(".qal-live .qal-captions").first).to_be_visible()
        for page in pages.values():
            start(page)
        for site, page in pages.items():
            assert answer_from_origin(site + path, site, page) == "ready"
            assert answer_from_origin(site + path, "https://evil.example", page) == FORBIDDEN
            assert answer_from_origin(site + path, "https://127.0.0.1", page) == FORBIDDEN
        next(iter(pages.values())).wait_for_timeout(1000 * duration_s)
        for page in pages.values():
            assert_transcribed(stop_and_read_captions(page), reference)
    assert requested_hosts <= {"127.0.0.1", "no host"}


def log_in(page: Page, password: str) -> None:
    page.get_by_label("username").fill("anna")
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Login").click()


def answer_from_origin(address: str, origin: str, page: Page) -> str | int:
    """Opens a live socket with this page's cookies from `origin`; returns a message type or a close code."""
    cookies = "; ".join(f"{c.get('name')}={c.get('value')}" for c in page.context.cookies())
    answer = first_answer(address.replace("https", "wss"), origin, cookies)
    with ThreadPoolExecutor(1) as executor:  # this thread's event loop is Playwright's
        return executor.submit(asyncio.run, answer).result()


async def first_answer(address: str, origin: str, cookies: str) -> str | int:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    async with connect(
        f"{address}/qal/live",
        ssl=context,
        origin=Origin(origin),
        additional_headers={"Cookie": cookies},
        open_timeout=OPEN_TIMEOUT_S,
    ) as socket:
        try:
            await socket.send(json.dumps({"model": "base-adaptive"}))
            return json.loads(await socket.recv())["type"]
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
