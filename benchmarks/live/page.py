"""Time from opening the page to its first captions: the real server, and a browser whose microphone is a file."""

import shutil
import tempfile
import time
import wave
from pathlib import Path

from benchmarks.browser import PATIENCE_MS, served
from benchmarks.live.spoken import Clip, make_stream
from qal.audio.samples import SAMPLE_RATE, Samples

MICROPHONE = ("--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
PAGE_IS_READY = "document.querySelector('.qal-live .start')?.onclick && window.qalSettings?.model"


def first_captions(model: str, clips: list[Clip]) -> dict[str, float]:
    """Seconds from starting the server to its address, and from opening the page to its first captions.

    Start is pressed as soon as the page reacts to it; speech begins one pause after the microphone is opened."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        speech = write_wav(Path(folder) / "speech.wav", make_stream(clips).samples)
        live = str(Path(folder) / "live")
        with served("app.py", "--model", model, "--live", live) as (address, server_s):
            flags = [*MICROPHONE, f"--use-file-for-fake-audio-capture={speech}%noloop"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
            page = browser.new_page(permissions=["microphone"])
            page.set_default_timeout(PATIENCE_MS)
            began, took = time.perf_counter(), {}
            page.goto(address, wait_until="commit")
            page.wait_for_function(PAGE_IS_READY)
            took["start_pressed"] = time.perf_counter() - began
            page.evaluate("document.querySelector('.qal-live .start').click()")
            for kind in ("tentative", "final"):
                page.locator(f".qal-live .{kind}").first.wait_for()
                took[f"first_{kind}"] = time.perf_counter() - began
            browser.close()
    return {"server_s": round(server_s, 2), **{f"{name}_s": round(value, 2) for name, value in took.items()}}


def write_wav(path: Path, samples: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
