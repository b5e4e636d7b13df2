"""The work of a page that was closed stops and frees its place in Gradio's queue, with real events."""

import threading
import time
from collections.abc import Iterator

import gradio as gr
import httpx
import pytest

from tests.waiting import wait_until
from ui_components.app.open_page import require_open_page

TIMEOUT_S = 60


class Work:
    """A handler without an end that stops only if its page is closed, and one that shares its place."""

    def __init__(self):
        self.started, self.stopped = threading.Event(), threading.Event()

    def run(self) -> str:
        self.started.set()
        deadline_s = time.monotonic() + TIMEOUT_S
        try:
            while time.monotonic() < deadline_s:
                require_open_page()
                time.sleep(0.01)
        finally:
            self.stopped.set()
        return "not stopped"

    def next(self) -> str:
        return "ran"


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def address(work: Work) -> Iterator[str]:
    with gr.Blocks() as page:
        text = gr.Textbox()
        page.load(work.run, None, text, concurrency_limit=1, concurrency_id="one")
        page.load(work.next, None, text, concurrency_limit=1, concurrency_id="one")
    _, local, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield f"{local}gradio_api"
    page.close()


def join(address: str, fn_index: int, session: str) -> None:
    event = {"data": [], "fn_index": fn_index, "session_hash": session}
    assert httpx.post(f"{address}/queue/join", json=event, trust_env=False).status_code == 200


def test_closed_page_gives_its_place_to_the_next(work, address):
    join(address, 0, "first")
    with httpx.stream("GET", f"{address}/queue/data", params={"session_hash": "first"}, trust_env=False) as stream:
        lines = stream.iter_lines()
        next(lines)
        wait_until(work.started.is_set)
        assert not work.stopped.is_set()
    assert work.stopped.wait(TIMEOUT_S)
    join(address, 1, "second")
    with httpx.stream(
        "GET", f"{address}/queue/data", params={"session_hash": "second"}, timeout=TIMEOUT_S, trust_env=False
    ) as stream:
        assert any('"ran"' in line for line in stream.iter_lines())


def test_handler_outside_of_a_page_is_not_stopped():
    require_open_page()
