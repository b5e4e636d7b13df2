"""What is said to the Live page, and what it shows."""

import wave
from pathlib import Path

import jiwer
import numpy as np
from playwright.sync_api import Page, expect

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.manifest import Corpus
from qal.text.normalisation import normalise

LEAD_IN_S, PAUSE_S = 5.0, 1.5
MAX_WER = 0.3


def pause(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


def write_speech(path: Path, corpus: Corpus, utterances: int) -> tuple[Path, str, float]:
    """-> (WAV file, what is said, seconds)"""
    rows = [row for row in corpus.select("test") if 3 < row.duration_s < 6][:utterances]
    parts = [part for row in rows for part in (decode(corpus.audio_path(row)), pause(PAUSE_S))]
    samples = np.concatenate([pause(LEAD_IN_S), *parts])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path, " ".join(row.text for row in rows), len(samples) / SAMPLE_RATE


def start(page: Page) -> None:
    page.get_by_role("button", name="Start", exact=True).click()


def finals(page: Page) -> list[str]:
    """After the recording was stopped."""
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qal-live .qal-badge")).to_have_text("off")
    assert page.locator(".qal-live .tentative").count() == 0
    return page.locator(".qal-live .final span").all_inner_texts()


def assert_heard(lines: list[str], truth: str) -> None:
    assert jiwer.wer(normalise(truth), normalise(" ".join(lines))) <= MAX_WER, lines


def answer_of_socket(page: Page) -> str:
    """What the live socket says to a page that greets it."""
    return page.evaluate("""() => new Promise((resolve) => {
      const socket = new WebSocket(new URL("qal/live", location.href).href.replace("http", "ws"));
      socket.onopen = () => socket.send(JSON.stringify({model: "base-adaptive", language: null}));
      socket.onmessage = (event) => { resolve(JSON.parse(event.data).type); socket.close(); };
      socket.onclose = (event) => resolve(`closed ${event.code}`);
    })""")
