"""The Live page through proxies that end TLS, as a share link's or a web server's do."""

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

from qal.api.live_socket import FORBIDDEN
from tests.e2e.live_page import answer_of_socket, assert_heard, finals, start, write_speech
from tests.e2e.tls_proxy import AUTHORITY, keeps_host, names_itself, tls_proxy, under

PATIENCE_S = 120  # a busy machine is slow, not wrong


@pytest.mark.parametrize(("manners", "path"), [((keeps_host, names_itself), ""), ((under("/qal-demo"),), "/qal-demo")])
def test_captions_come_through_a_proxy_that_ends_tls(
    serve, browse, tmp_path, english_corpus, manners, path, asked, base_directory
):
    wav, truth, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 2)
    server = serve("app_streaming.py", "--auth", "anna:secret", *(["--root_path", path] if path else []))
    with ExitStack() as proxies:
        sites = [proxies.enter_context(tls_proxy(server, manner)) for manner in manners]
        pages = {site: browse(f"{site}{path}/", microphone=wav) for site in sites}
        for site, page in pages.items():
            log_in(page, "wrong")
            expect(page.locator("body")).to_contain_text("Incorrect Credentials")
            assert answer_of_socket(page) == f"closed {FORBIDDEN}"
            assert answer(site + path, site, page) == FORBIDDEN
            log_in(page, "secret")
            expect(page.locator(".qal-live .qal-captions").first).to_be_visible()
        for page in pages.values():
            start(page)
        for site, page in pages.items():
            assert answer(site + path, site, page) == "ready"
            assert answer(site + path, "https://evil.example", page) == FORBIDDEN
            assert answer(site + path, "https://127.0.0.1", page) == FORBIDDEN
        next(iter(pages.values())).wait_for_timeout(1000 * duration_s)
        for page in pages.values():
            assert_heard(finals(page), truth)
    assert asked <= {"127.0.0.1", "no host"}


def log_in(page: Page, password: str) -> None:
    page.get_by_label("username").fill("anna")
    page.get_by_label("password").fill(password)
    page.get_by_role("button", name="Login").click()


def answer(address: str, origin: str, page: Page) -> str | int:
    """What the live socket says to a page of `origin` that has this page's cookies: a type, or a closing code."""
    cookies = "; ".join(f"{c.get('name')}={c.get('value')}" for c in page.context.cookies())
    with ThreadPoolExecutor(1) as beside:  # Playwright has this thread's event loop
        return beside.submit(asyncio.run, first_word(address.replace("https", "wss"), origin, cookies)).result()


async def first_word(address: str, origin: str, cookies: str) -> str | int:
    trusting = ssl.create_default_context()
    AUTHORITY.configure_trust(trusting)
    async with connect(
        f"{address}/qal/live",
        ssl=trusting,
        origin=Origin(origin),
        additional_headers={"Cookie": cookies},
        open_timeout=PATIENCE_S,
    ) as socket:
        try:
            await socket.send(json.dumps({"model": "base-adaptive"}))
            return json.loads(await socket.recv())["type"]
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
