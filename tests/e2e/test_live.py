"""A microphone speaks real held-out recordings into the real page with the real model."""

import wave
from pathlib import Path

import jiwer
import numpy as np
import pytest
from playwright.sync_api import expect

from audio.decode import decode
from audio.samples import SAMPLE_RATE, Samples
from text.normalisation import normalise

LEAD_IN_S, PAUSE_S = 6.0, 1.5
MAX_WER = 0.3


def pause(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.float32)


@pytest.fixture
def speech(tmp_path, english_corpus) -> tuple[Path, str, float]:
    """(WAV file, what is said, seconds)"""
    rows = [row for row in english_corpus.select("test") if 3 < row.duration_s < 6][:3]
    parts = [part for row in rows for part in (decode(english_corpus.audio_path(row)), pause(PAUSE_S))]
    samples = np.concatenate([pause(LEAD_IN_S), *parts])
    with wave.open(str(tmp_path / "speech.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return tmp_path / "speech.wav", " ".join(row.text for row in rows), len(samples) / SAMPLE_RATE


@pytest.mark.parametrize("script", ["app.py", "app_streaming.py"])
def test_what_is_spoken_is_captioned(serve, browse, base_directory, speech, script, asked):
    wav, truth, duration_s = speech
    page = browse(serve(script, "--model", "base"), microphone=wav)
    page.get_by_role("button", name="Record").click()
    expect(page.locator(".qal-captions .tentative").first).to_be_visible()
    page.wait_for_timeout(1000 * duration_s)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".qal-meter")).to_contain_text("microphone off")
    lines = page.locator(".qal-captions .final span").all_inner_texts()
    assert jiwer.wer(normalise(truth), normalise(" ".join(lines))) <= MAX_WER, lines
    assert page.locator(".qal-captions .tentative").count() == 0
    assert asked <= {"127.0.0.1", "no host"}  # blob: and data: have none

    with page.expect_download() as download:
        page.get_by_role("button", name="Download TXT").click()
    saved = download.value.path().read_text(encoding="utf-8")
    assert all(line in saved for line in lines)

    page.get_by_role("button", name="Clear", exact=True).last.click()
    expect(page.locator(".qal-captions .empty")).to_be_visible()
