"""Live captions where the network blocks WebSockets: requests and server-sent events in a real browser."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from qal.captions.record import CAPTIONS_FILE
from tests.e2e.live_page import assert_transcribed, start, stop_and_read_captions, write_speech
from tests.e2e.tls_proxy import tls_proxy, under_path

EVENTS, MESSAGES = "**/qal/live/events", "**/qal/live/messages"
NOTE = ".qal-transport"
# Breaks events on demand, delays requests by different times, and loses the response of every fifth one.
BAD_NETWORK = """
const realFetch = window.fetch;
let requests = 0;
window.lost = 0;
window.fetch = async (address, options = {}) => {
  if (String(address).endsWith("/qal/live/events")) {
    const aborter = new AbortController();
    options.signal.addEventListener("abort", () => aborter.abort());
    window.breakEvents = () => aborter.abort();
    return realFetch(address, { ...options, signal: aborter.signal });
  }
  if (!String(address).endsWith("/qal/live/messages")) return realFetch(address, options);
  const isLost = ++requests % 5 === 0;
  await new Promise((resolve) => setTimeout(resolve, 37 * requests % 400));
  const response = await realFetch(address, options);
  if (!isLost) return response;
  window.lost++;
  throw new TypeError("the response was lost");
};
"""


def block(socket) -> None:
    """Closes a WebSocket at once, as a network does that blocks it."""
    socket.close()


@pytest.mark.long
def test_blocked_websockets_and_a_bad_network_lose_no_speech(module_servers, browse, speech):
    wav, reference, duration_s = speech
    sockets = []
    page = browse(
        module_servers.shared("app_streaming.py"),
        microphone=wav,
        sockets=lambda socket: (sockets.append(socket), socket.close()),
        script=BAD_NETWORK,
    )
    expect(page.locator(NOTE)).to_be_hidden()
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    expect(page.locator(NOTE)).to_contain_text("blocks WebSockets")
    for _ in range(2):
        page.wait_for_timeout(2500)
        page.evaluate("breakEvents()")
    page.wait_for_timeout(1000 * duration_s)
    assert_transcribed(stop_and_read_captions(page), reference)
    assert page.evaluate("lost") > 5
    expect(page.locator(".qal-problem")).to_be_hidden()

    tried = len(sockets)
    page.reload()
    start(page)
    expect(page.locator(NOTE)).to_be_visible()
    assert len(sockets) == tried  # the tab knows that they are blocked


@pytest.mark.long
def test_settings_comparison_saved_audio_and_corrections_work_without_websockets(serve, browse, speech, tmp_path):
    wav, reference, duration_s = speech
    address = serve("app_streaming.py", "--data", str(tmp_path / "data"), "--live", str(tmp_path / "live"))
    page = browse(address, microphone=wav, sockets=block)
    page.get_by_label("Compare with").click()
    page.get_by_role("option", name="base", exact=True).click()
    page.get_by_role("button", name="Advanced settings").click()
    page.get_by_label("After each pause").check()
    page.get_by_label("Save audio").check()
    start(page)
    page.wait_for_timeout(1000 * duration_s / 2)
    assert page.locator(".qal-live .tentative").count() == 0
    page.get_by_label("Live (partial results)").check()
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    page.wait_for_timeout(1000 * duration_s)
    stop_and_read_captions(page)
    panes = page.locator(".qal-live .lane").all()
    assert len(panes) == 2
    for pane in panes:
        assert_transcribed(pane.locator(".final span").all_inner_texts(), reference)
    assert len(list((tmp_path / "live").glob("*/sound.pcm"))) == 2
    add = page.locator(".qal-live .final").first.get_by_role("button")
    add.click()
    expect(add).to_have_text("✓ In dataset")


@pytest.mark.long
def test_translation_and_gate_settings_are_used_without_websockets(serve, browse, speech, tmp_path):
    wav, _, duration_s = speech
    page = browse(
        serve("app_streaming.py", "--live", str(tmp_path / "live"), "--model", "base"), microphone=wav, sockets=block
    )
    page.get_by_role("button", name="Advanced settings").click()
    page.get_by_label("Translate to English").check()
    page.get_by_label("Adaptive end of a segment").uncheck()
    silence = page.get_by_label("number input for Silence to end a segment (ms)")
    silence.fill("2000")
    silence.press("Tab")
    start(page)
    page.wait_for_timeout(1000 * (duration_s + 2))
    assert len(stop_and_read_captions(page)) == 1  # the pauses are shorter
    (file,) = (tmp_path / "live").glob(f"*/{CAPTIONS_FILE}")
    assert json.loads(file.read_text(encoding="utf-8"))["language"] is None  # a translation


@pytest.mark.long
def test_restarted_server_loses_no_speech_without_websockets(serve, browse, speech, tmp_path):
    wav, reference, duration_s = speech
    live = ("--live", str(tmp_path / "live"))
    address = serve("app_streaming.py", *live)
    page = browse(address, microphone=wav, sockets=block)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    serve.stop(kill=True)
    expect(page.locator(".qal-live .qal-badge")).to_contain_text("Reconnecting")
    serve("app_streaming.py", *live, address=address)
    page.wait_for_timeout(1000 * duration_s)
    assert_transcribed(stop_and_read_captions(page), reference)
    assert len(list((tmp_path / "live").iterdir())) == 1


@pytest.mark.long
def test_websockets_that_are_blocked_while_captioning_lose_no_speech(module_servers, browse, speech):
    wav, reference, duration_s = speech
    sockets = []

    def connect_once(socket) -> None:
        sockets.append(socket)
        if len(sockets) == 1:
            socket.connect_to_server()
        else:
            socket.close()

    page = browse(module_servers.shared("app_streaming.py"), microphone=wav, sockets=connect_once)
    start(page)
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    expect(page.locator(NOTE)).to_be_hidden()
    sockets[0].close()  # the machine has joined another network
    expect(page.locator(NOTE)).to_be_visible()
    page.wait_for_timeout(1000 * duration_s)
    assert_transcribed(stop_and_read_captions(page), reference)


@pytest.mark.long
def test_captions_without_websockets_work_behind_a_proxy_with_a_login(
    serve, browse, tmp_path, english_corpus, base_directory
):
    wav, reference, duration_s = write_speech(Path(tmp_path / "speech.wav"), english_corpus, 2)
    options = ("--auth", "anna:secret", "--public-host", "behind", "--root_path", "/qal-demo")
    server = serve("app_streaming.py", *options)
    with tls_proxy(server, under_path("/qal-demo")) as site:
        page = browse(f"{site}/qal-demo/", microphone=wav, sockets=block)
        page.get_by_label("username").fill("anna")
        page.get_by_label("password").fill("secret")
        page.get_by_role("button", name="Login").click()
        start(page)
        expect(page.locator(NOTE)).to_be_visible()
        page.wait_for_timeout(1000 * (duration_s + 2))
        assert_transcribed(stop_and_read_captions(page), reference)


def test_network_that_blocks_websockets_and_holds_back_events_is_named(module_servers, browse):
    page = browse(module_servers.shared("app_streaming.py"), sockets=block)
    page.route(EVENTS, lambda route: None)  # never answered
    start(page)
    expect(page.locator(".qal-problem")).to_contain_text("holds back the captions")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    expect(page.locator(NOTE)).to_be_hidden()


def test_unreachable_server_is_not_taken_for_a_blocked_websocket(module_servers, browse):
    page = browse(module_servers.shared("app_streaming.py"), sockets=block)
    page.route(EVENTS, lambda route: route.abort())
    start(page)
    expect(page.locator(".qal-problem")).to_contain_text("Cannot reach the server")
    expect(page.locator(NOTE)).to_be_hidden()
    page.unroute(EVENTS)
    start(page)
    expect(page.locator(NOTE)).to_be_visible()


@pytest.mark.parametrize(("status", "message"), [(401, "Log in"), (403, "another address"), (400, "invalid message")])
def test_refused_events_and_messages_are_explained(module_servers, browse, status, message):
    def refuse(route: Route) -> None:
        route.fulfill(status=status, content_type="application/json", body=json.dumps({"message": message}))

    page = browse(module_servers.shared("app_streaming.py"), sockets=block)
    page.route(EVENTS, refuse)
    assert_start_shows(page, message)
    page.unroute(EVENTS)
    if status != 400:  # the events say why a message is not valid
        page.route(MESSAGES, refuse)
        assert_start_shows(page, message)


def assert_start_shows(page: Page, message: str) -> None:
    start(page)
    expect(page.locator(".qal-problem")).to_contain_text(message)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
