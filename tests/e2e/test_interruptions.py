"""Interruptions of the audio are reported and mended; the screen stays on; the microphone can be chosen."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.audio_stubs import CALLS, OBSERVED, SILENT_AT_FIRST, WAKE_LOCK
from tests.e2e.live_page import start, stop_and_read_captions

NOTE = ".qal-interruption"
REPORTED = "(text) => window.test.reported.some((note) => note.includes(text))"


@pytest.fixture
def address(module_servers) -> str:
    return module_servers.shared("app_streaming.py")


@pytest.fixture
def page(address, browse) -> Page:
    """A page that captions the beeps of the browser's fake microphone."""
    page = browse(address, script=OBSERVED + CALLS + WAKE_LOCK)
    start(page)
    page.wait_for_function("window.test.contexts.length && document.querySelector('.level i').style.width != '0%'")
    return page


def is_running(page: Page) -> None:
    page.wait_for_function("window.test.contexts.at(-1).state === 'running'")
    expect(page.locator(NOTE)).to_be_hidden()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()


def test_suspended_context_is_resumed_by_itself(page):
    page.evaluate("window.test.contexts.at(-1).suspend()")
    is_running(page)


def test_call_is_reported_and_captions_continue_when_it_is_over(page):
    page.evaluate("window.test.call()")
    expect(page.locator(NOTE)).to_contain_text("The browser paused the audio")
    page.evaluate("window.test.isCalling = false")
    is_running(page)


def test_call_is_mended_by_one_tap(page):
    page.evaluate("window.test.call()")
    expect(page.locator(NOTE)).to_be_visible()
    page.evaluate("window.test.isCalling = false")
    page.locator(NOTE).get_by_role("button", name="Continue").click()
    is_running(page)


def test_disconnected_microphone_is_opened_again(page):
    page.evaluate("window.test.tracks.at(-1).stop()")
    page.wait_for_function("window.test.tracks.length === 2 && window.test.tracks[1].readyState === 'live'")
    is_running(page)


def test_missing_microphone_is_reported_and_opened_with_one_tap(page):
    page.evaluate(
        """() => {
          const devices = navigator.mediaDevices, open = devices.getUserMedia;
          devices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
          window.test.connect = () => { devices.getUserMedia = open; };
          window.test.tracks.at(-1).stop();
        }"""
    )
    expect(page.locator(NOTE)).to_contain_text("The microphone was disconnected")
    page.evaluate("window.test.connect()")
    page.locator(NOTE).get_by_role("button", name="Reconnect").click()
    is_running(page)


def test_microphone_that_is_connected_again_is_used_by_itself(page):
    page.evaluate(
        """() => {
          const devices = navigator.mediaDevices, open = devices.getUserMedia;
          devices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
          window.test.connect = () => {
            devices.getUserMedia = open;
            devices.dispatchEvent(new Event("devicechange"));
          };
          window.test.tracks.at(-1).stop();
        }"""
    )
    expect(page.locator(NOTE)).to_be_visible()
    page.evaluate("window.test.connect()")
    is_running(page)


def test_muted_microphone_is_reported_and_opened_again(page):
    page.evaluate("Object.defineProperty(window.test.tracks.at(-1), 'muted', { value: true })")
    page.wait_for_function(REPORTED, arg="has muted the microphone")
    is_running(page)
    assert page.evaluate("window.test.tracks.length") == 2


def test_ten_seconds_of_zeros_are_reported_and_the_microphone_opened_again(address, browse):
    page = browse(address, script=OBSERVED + SILENT_AT_FIRST)
    start(page)
    page.wait_for_function(REPORTED, arg="complete silence for 10 seconds")
    page.wait_for_function("window.test.tracks.at(-1)?.readyState === 'live'")
    is_running(page)


def test_screen_stays_on_while_captioning(page):
    assert page.evaluate("[window.lock.requested, window.lock.held.released]") == [1, False]
    page.evaluate("window.lock.show('hidden')")
    page.evaluate("window.lock.show('visible')")
    page.wait_for_function("window.lock.requested === 2 && !window.lock.held.released")
    stop_and_read_captions(page)
    assert page.evaluate("window.lock.held.released")
    page.evaluate("window.lock.show('visible')")
    assert page.evaluate("window.lock.requested") == 2


def test_microphone_and_processing_are_remembered_and_changed_while_captioning(page):
    default = {"channelCount": 1, "echoCancellation": True, "noiseSuppression": True, "autoGainControl": True}
    assert page.evaluate("window.test.requests") == [default]
    page.locator("summary", has_text="Audio input").click()
    microphones = page.get_by_role("combobox", name="Microphone", exact=True)
    names = microphones.locator("option").all_inner_texts()
    assert names[0] == "Default microphone"
    expect(page.locator(".qal-options .device-name")).to_contain_text("Fake")
    microphones.select_option(names[-1])
    page.wait_for_function("window.test.tracks.length === 2")
    expect(page.locator(".qal-options .device-name")).to_have_text(f" · {names[-1]}")
    page.get_by_label("Noise suppression").uncheck()
    page.wait_for_function("window.test.tracks.length === 3")
    is_running(page)
    stop_and_read_captions(page)

    page.reload()
    page.locator("summary", has_text="Audio input").click()
    expect(page.get_by_label("Noise suppression")).not_to_be_checked()
    expect(microphones.locator("option:checked")).to_have_text(names[-1])
    start(page)
    page.wait_for_function("window.test.requests.length === 1")
    (request,) = page.evaluate("window.test.requests")
    assert request["noiseSuppression"] is False
    assert request["deviceId"]["exact"]


def test_missing_chosen_microphone_is_replaced_by_the_default_one_and_named(address, browse):
    choice = '{"deviceId": "gone", "label": "Lectern"}'
    page = browse(address, script=f"{OBSERVED} localStorage.setItem('qal-live-input', '{choice}');")
    start(page)
    expect(page.locator(".qal-remark")).to_have_text("“Lectern” is not connected. The default microphone is used.")
    is_running(page)
    page.locator("summary", has_text="Audio input").click()
    expect(page.get_by_role("combobox", name="Microphone", exact=True).locator("option:checked")).to_have_text(
        "Lectern (not connected)"
    )


def test_captions_fill_the_screen_and_the_look_is_remembered(address, browse):
    page = browse(address)
    page.get_by_text("View", exact=True).click()
    page.locator(".qal-options .text-size").fill("200")
    page.get_by_label("High contrast").check()
    page.get_by_role("button", name="Full screen", exact=True).click()
    box = page.locator(".qal-live .qal-captions").first.bounding_box()
    size = page.viewport_size
    assert box
    assert size
    assert box["width"] > 0.9 * size["width"]
    assert box["height"] > 0.8 * size["height"]
    page.get_by_role("button", name="Exit full screen").click()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    page.reload()
    expect(page.locator(".qal-live")).to_have_class("qal-live high-contrast")
    assert page.locator(".qal-live").evaluate("(node) => node.style.getPropertyValue('--qal-text-scale')") == "2"


def test_phone_without_full_screen_is_covered_by_the_captions(address, browse):
    page = browse(address, script="delete Element.prototype.requestFullscreen;")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_text("View", exact=True).click()
    page.get_by_role("button", name="Full screen", exact=True).click()
    expect(page.locator(".qal-live")).to_have_css("position", "fixed")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
