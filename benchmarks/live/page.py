"""From opening the page to its first captions: the real server, a real browser whose microphone speaks a file."""

import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audio.samples import SAMPLE_RATE, Samples
from benchmarks.live.spoken import Clip, make_stream
from errors import OptionError

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 60_000
MICROPHONE = ("--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
HEARS_CLICKS = "document.querySelector('.qal-live .start')?.onclick && window.qalSettings?.model"


def require_browser() -> None:
    """Raises OptionError where the page cannot be opened."""
    if not (importlib.util.find_spec("playwright") and shutil.which("chromium")):
        raise OptionError(
            "the part 'page' needs Playwright and Chromium; get them with make test, or name other --parts"
        )


def first_captions(model: str, clips: list[Clip]) -> dict[str, float]:
    """Seconds from starting the server to its address, and from opening the page to its first captions.

    Start is pressed as soon as the page hears it; somebody speaks a pause after the microphone is opened."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        speech = write_wav(Path(folder) / "speech.wav", make_stream(clips).samples)
        with caption_server(model, Path(folder)) as (address, server_s):
            flags = [*MICROPHONE, f"--use-file-for-fake-audio-capture={speech}%noloop"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
            page = browser.new_page(permissions=["microphone"])
            page.set_default_timeout(PATIENCE_MS)
            began, took = time.perf_counter(), {}
            page.goto(address, wait_until="commit")
            page.wait_for_function(HEARS_CLICKS)
            took["start_pressed"] = time.perf_counter() - began
            page.evaluate("document.querySelector('.qal-live .start').click()")
            for kind in ("tentative", "final"):
                page.locator(f".qal-live .{kind}").first.wait_for()
                took[f"first_{kind}"] = time.perf_counter() - began
            browser.close()
    return {"server_s": round(server_s, 2), **{f"{name}_s": round(value, 2) for name, value in took.items()}}


@contextmanager
def caption_server(model: str, folder: Path) -> Iterator[tuple[str, float]]:
    """-> its address, and the seconds until it was told."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    live = str(folder / "live")
    command = [sys.executable, "app_streaming.py", "--model", model, "--port", str(port), "--live", live]
    began = time.perf_counter()
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        told = server.stdout.readline()
        if not told:
            raise OptionError("the caption server did not start; its reason is above")
        yield told.split()[-1], time.perf_counter() - began
    finally:
        server.terminate()
        server.wait()


def write_wav(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
