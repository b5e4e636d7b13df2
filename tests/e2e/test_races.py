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


def test_a_hasty_hand_on_start_and_stop(serve, browse, told, tmp_path, english_corpus, base_directory):
    wav, truth, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 1)
    page = browse(serve("app_streaming.py"), microphone=wav)
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
    serve, browse, told, tmp_path, english_corpus, base_directory
):
    wav, truth, duration_s = write_speech(tmp_path / "speech.wav", english_corpus, 2)
    page = browse(serve("app_streaming.py"), microphone=wav)
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


def test_a_model_that_fails_at_the_very_end_leaves_start_to_be_pressed(serve, browse, base_directory):
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
    page = browse(serve("app_streaming.py"), sockets=answer)
    choose(page, "Compare with", "base")
    start(page)
    expect(page.locator(".qal-live .qal-badge")).to_have_text(re.compile("^listening"))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qal-problem")).to_contain_text("its sound could not be read")
    assert_off(page)


def choose(page: Page, field: str, name: str) -> None:
    page.get_by_label(field, exact=True).click()
    page.get_by_role("option", name=name, exact=True).click()
