"""Helpers for tests of the Live page: the speech of the microphone, and what the page shows."""

import wave
from pathlib import Path
from typing import NamedTuple

import jiwer
import numpy as np
from playwright.sync_api import Page, expect

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.manifest import Corpus
from qal.text.normalisation.basic import normalise_basic

LEAD_IN_S, PAUSE_S = 5.0, 1.5
MAX_WER = 0.3


class SpeechFile(NamedTuple):
    """A WAV file of real utterances for the browser's microphone."""

    path: Path
    text: str
    duration_s: float


def silence(duration_s: float) -> Samples:
    return np.zeros(int(duration_s * SAMPLE_RATE), np.float32)


def write_speech(path: Path, corpus: Corpus, utterances: int) -> SpeechFile:
    """Writes utterances of the test split, with silence before the first and after each."""
    rows = [row for row in corpus.select("test") if 3 < row.duration_s < 6][:utterances]
    arrays = [silence(LEAD_IN_S)]
    for row in rows:
        arrays += [decode(corpus.audio_path(row)), silence(PAUSE_S)]
    samples = np.concatenate(arrays)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return SpeechFile(path, " ".join(row.text for row in rows), len(samples) / SAMPLE_RATE)


def start(page: Page) -> None:
    page.get_by_role("button", name="Start", exact=True).click()


def stop_and_read_captions(page: Page) -> list[str]:
    """Stops the recording and returns the texts of the final captions."""
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qal-live .qal-badge")).to_have_text("Stopped")
    assert page.locator(".qal-live .tentative").count() == 0
    return page.locator(".qal-live .final span").all_inner_texts()


def assert_transcribed(captions: list[str], reference: str, max_wer: float = MAX_WER) -> None:
    """Asserts that the word error rate of the captions is at most `max_wer`."""
    assert jiwer.wer(normalise_basic(reference), normalise_basic(" ".join(captions))) <= max_wer, captions


def socket_answer(page: Page) -> str:
    """Opens a live socket in the page; returns the type of the first message, or "closed" and the close code."""
    return page.evaluate("""() => new Promise((resolve) => {
      const socket = new WebSocket(new URL("qal/live", location.href).href.replace("http", "ws"));
      socket.onopen = () => socket.send(JSON.stringify({model: "base-adaptive", language: null}));
      socket.onmessage = (event) => { resolve(JSON.parse(event.data).type); socket.close(); };
      socket.onclose = (event) => resolve(`closed ${event.code}`);
    })""")
