"""Whoever is quicker than the page loses no words, no button and no place on the server."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.live_page import LEAD_IN_S, assert_heard, finals, start, write_speech

PRESS_TWICE = "const button = document.querySelector('.qal-live .start'); button.click(); button.click()"


@pytest.fixture
def told():
    """told(page) -> a list for each live socket, which fills with what the server says."""

    def listen(page: Page) -> list[list[dict]]:
        sockets: list[list[dict]] = []

        def opened(socket) -> None:
            sockets.append(messages := [])
            socket.on("framereceived", lambda data: messages.append(json.loads(data)))

        page.on("websocket", opened)
        return sockets

    return listen


def assert_off(page: Page) -> None:
    expect(page.locator(".qal-live .qal-badge")).to_have_text("off")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


def test_a_hasty_hand_on_start_and_stop(lasting, browse, told, tmp_path, english_corpus, base_directory):
    wav, truth, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 1)
    page = browse(lasting.shared("app_streaming.py"), microphone=wav)
    sockets = told(page)
    page.wait_for_function("window.qalSettings?.model")

    page.evaluate(PRESS_TWICE)  # stopped before its socket is open
    assert_off(page)
    assert len(sockets) == 1

    page.get_by_role("button", name="Start", exact=True).dblclick()
    expect(page.locator(".qal-live .qal-badge")).to_have_text(re.compile("listening|speech"))
    page.evaluate(PRESS_TWICE)  # stopped; the second press is too early for another start
    assert_off(page)
    assert len(sockets) == 2

    start(page)
    page.wait_for_timeout(1000 * duration_s)
    assert_heard(finals(page), truth)
    assert [messages[-1]["type"] for messages in sockets] == ["finished"] * 3


def test_settings_may_change_while_a_model_loads_and_while_somebody_speaks(
    lasting, browse, told, tmp_path, english_corpus, base_directory
):
    wav, truth, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 2)
    page = browse(lasting.shared("app_streaming.py"), microphone=wav)
    sockets = told(page)
    choose(page, "Model", "base")
    start(page)
    choose(page, "Model", "base-adaptive")
    page.get_by_text("What is made of the sound").click()
    expect(page.locator(".qal-live .tentative").first).to_be_visible()
    page.get_by_label("in English").click()
    page.wait_for_timeout(2000)
    page.get_by_label("range slider for Hang over (ms)").click(position={"x": 50, "y": 5})
    page.wait_for_timeout(1000 * (duration_s - LEAD_IN_S))
    assert_heard(finals(page), truth)
    ready = [(m["model"], m["task"], m["gate"]["hang_over_ms"]) for m in sockets[0] if m["type"] == "ready"]
    assert [model for model, *_ in ready] == ["base", *["base-adaptive"] * 3]
    assert [task for _, task, _ in ready] == [*["transcribe"] * 2, *["translate"] * 2]
    assert ready[-1][2] > ready[0][2]
    assert [messages[-1]["type"] for messages in sockets] == ["finished"]


def test_a_model_that_fails_at_the_very_end_leaves_start_to_be_pressed(lasting, browse, base_directory):
    def answer(socket) -> None:
        socket.on_message(lambda data: reply(socket, json.loads(data)) if isinstance(data, str) else None)

    def reply(socket, message: dict) -> None:
        if "do" not in message:
            models[socket] = message["model"]
            socket.send(json.dumps({**message, "type": "ready", "session": "s", "next": 0, "ack": 0}))
        elif models[socket] == "base-adaptive":
            socket.send(json.dumps({"type": "finished"}))
            failing = next(other for other in models if other is not socket)
            failing.send(json.dumps({"type": "error", "message": "its sound could not be read", "retry": False}))

    models: dict = {}
    page = browse(lasting.shared("app_streaming.py"), sockets=answer)
    choose(page, "Compare with", "base")
    start(page)
    expect(page.locator(".qal-live .qal-badge")).to_have_text(re.compile("^listening"))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qal-problem")).to_contain_text("its sound could not be read")
    assert_off(page)


def test_a_wish_that_was_refused_ends_no_session_that_comes_back(lasting, browse):
    def answer(socket) -> None:
        sockets.append(socket)
        socket.on_message(lambda data: reply(socket, json.loads(data)) if isinstance(data, str) else None)

    def reply(socket, message: dict) -> None:
        hellos.extend([message] if "do" not in message else [])
        if message["language"] == "ru":
            socket.send(json.dumps({"type": "problem", "message": "it has no Russian; captions go on as before"}))
            message = hellos[0]
        socket.send(json.dumps({**message, "type": "ready", "session": "s", "next": 0, "ack": 0}))

    sockets: list = []
    hellos: list[dict] = []
    page = browse(lasting.shared("app_streaming.py"), sockets=answer)
    start(page)
    expect(page.locator(".qal-live .qal-badge")).to_have_text(re.compile("^listening"))
    choose(page, "Language", "Russian")
    expect(page.locator(".qal-problem")).to_contain_text("no Russian")
    sockets[-1].close()
    page.wait_for_timeout(2000)
    expect(page.locator(".qal-live .qal-badge")).to_have_text(re.compile("^listening"))
    assert [hello["language"] for hello in hellos] == [None, None]
    choose(page, "Language", "English")
    expect(page.locator(".qal-problem")).to_be_hidden()


def test_a_line_break_in_a_corrected_line_breaks_no_subtitles(lasting, browse):
    def answer(socket) -> None:
        socket.on_message(lambda data: reply(socket, json.loads(data)) if isinstance(data, str) else None)

    def reply(socket, message: dict) -> None:
        socket.send(json.dumps({**message, "type": "ready", "session": "s", "next": 0, "ack": 0}))
        socket.send(json.dumps({"type": "update", "captions": [line], "ack": 0, "level": None}))

    times = {"start_s": 0, "end_s": 1}
    line = {"index": 0, **times, "text": "One", "final": True, "committed": 0, "words": [], "language": "en"}
    page = browse(lasting.shared("app_streaming.py"), sockets=answer)
    start(page)
    text = page.locator(".qal-live .final span")
    text.click()
    text.press("End")
    text.press("Enter")
    text.press("Enter")
    text.press_sequentially("two")
    with page.expect_download() as download:
        page.get_by_label("Download").select_option("srt")
    assert download.value.path().read_text("utf-8") == "1\n00:00:00,000 --> 00:00:01,000\nOne two\n"


def test_a_copy_that_is_not_allowed_is_said(lasting, browse):
    page = browse(lasting.shared("app_streaming.py"))
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()) }")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".qal-problem")).to_contain_text("use Download")


def choose(page: Page, field: str, name: str) -> None:
    page.get_by_label(field, exact=True).click()
    page.get_by_role("option", name=name, exact=True).click()
