"""The Data tab in a real browser: search, audio view, trimming, and augmentation preview."""

import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.sounds import spoken_corpus, write_audio
from ui_components.data.sample_corpus import FETCH_LABEL

pytestmark = pytest.mark.long  # each test starts a server and opens a page

RATE = 16_000
CLIP_VIEW = '.qal-sound[aria-label="Clip"]'
AUGMENTED_OUTLINE = '.qal-sound[aria-label="Augmented"] .outline'
# The x position, in CSS pixels, of the column with the most ink.
PEAK_POSITION_JS = """(canvas) => {
  const {width, height} = canvas, ratio = width / canvas.clientWidth;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const ink = Array.from({length: width}, (_, x) => {
    let sum = 0;
    for (let y = 0; y < height; y++) {
      const i = 4 * (y * width + x);
      sum += data[i + 3] ? 255 - data[i] : 0;
    }
    return sum;
  });
  return ink.indexOf(Math.max(...ink)) / ratio;
}"""


@pytest.fixture
def open_data(serve, browse, tmp_path, english_corpus):
    def open_page(clips: int = 4) -> Page:
        if clips:
            spoken_corpus(tmp_path / "data" / "voices", english_corpus, clips)
        (tmp_path / "data").mkdir(exist_ok=True)
        page = browse(serve("app.py", "--data", str(tmp_path / "data")))
        page.get_by_role("tab", name="Data", exact=True).click()
        return page

    return open_page


def choose_file(page: Page, path: Path) -> Locator:
    page.get_by_role("tab", name="Inspect a file").click()
    page.locator(".qal-own input[type=file]").first.set_input_files(path)
    view = page.locator(CLIP_VIEW)
    expect(view.locator(".name")).to_have_text(path.name)
    return view


def playhead_s(view: Locator) -> float:
    return float(view.get_by_role("slider", name="Position").get_attribute("aria-valuenow") or 0)


def write_impulse(path: Path, duration_s: float, at_s: float) -> Path:
    """Writes silence with 10 ms of noise at `at_s`."""
    samples = np.zeros(int(duration_s * RATE), np.float32)
    samples[int(at_s * RATE) : int((at_s + 0.01) * RATE)] = 0.9 * np.random.default_rng(0).choice(
        [-1, 1], int(0.01 * RATE)
    )
    return write_audio(path, samples)


def test_clip_is_searched_opened_played_and_seeked(open_data):
    page = open_data()
    expect(page.locator(".qal-corpus")).to_contain_text("CC0-1.0")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(4)
    text = rows.nth(1).get_by_role("button").inner_text()
    page.get_by_label("Search", exact=True).fill(text)
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button").click()

    view = page.locator(CLIP_VIEW)
    expect(view.locator(".name")).to_have_text(text)
    expect(view.locator(".regions i").first).to_be_attached()
    expect(view.locator(".qal-figures dt")).to_have_text(
        ["Duration", "Sample rate", "Channels", "Signal to noise", "Loudness", "Peak", "Clipped", "Speech"]
    )
    expect(page.locator("tr.chosen")).to_have_count(1)

    box = view.locator(".timeline").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 40)
    duration_s = float(view.get_by_label("Selection to, in seconds").input_value())
    page.wait_for_function(
        "([view, minimum]) => document.querySelector(view + ' .playhead').getAttribute('aria-valuenow') >= minimum",
        arg=[CLIP_VIEW, duration_s / 2 - 0.1],
    )
    assert playhead_s(view) == pytest.approx(duration_s / 2, abs=0.1)
    view.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(
        "([view, minimum]) => document.querySelector(view + ' .playhead').getAttribute('aria-valuenow') > minimum",
        arg=[CLIP_VIEW, duration_s / 2 + 0.2],
    )
    view.get_by_role("slider", name="Position").press("Home")
    assert playhead_s(view) < duration_s / 2


def test_zoom_keeps_outline_and_spectrogram_aligned(open_data, tmp_path):
    page = open_data(clips=0)
    view = choose_file(page, write_impulse(tmp_path / "click.wav", 8.0, 5.0))
    outline, mel, scroller = (view.locator(f".{name}") for name in ("outline", "mel", "scroller"))

    def peak_positions() -> tuple[float, float]:
        page.wait_for_timeout(400)
        return outline.evaluate(PEAK_POSITION_JS), mel.evaluate(PEAK_POSITION_JS)

    width = scroller.evaluate("(node) => node.clientWidth")
    assert peak_positions() == (pytest.approx(width * 5 / 8, abs=6), pytest.approx(width * 5 / 8, abs=8))
    for _ in range(3):
        view.get_by_role("button", name="Zoom in").click()
    assert scroller.evaluate("(node) => node.scrollWidth") == pytest.approx(8 * width, abs=2)
    scroller.evaluate("(node) => { node.scrollLeft = 4.6 * node.clientWidth; }")
    assert peak_positions() == (pytest.approx(0.4 * width, abs=8), pytest.approx(0.4 * width, abs=14))

    scroller.hover(position={"x": 0.4 * width, "y": 50})
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    assert peak_positions() == (pytest.approx(0.4 * width, abs=14), pytest.approx(0.4 * width, abs=24))
    view.get_by_role("button", name="Fit").click()
    assert scroller.evaluate("(node) => node.scrollWidth") == width


def test_selection_is_downloaded_with_exact_samples(open_data, tmp_path):
    page = open_data(clips=0)
    rate = 44_100
    path = write_audio(
        tmp_path / "stereo.wav", np.random.default_rng(0).normal(0, 0.1, (2, 4 * rate)).astype(np.float32), rate
    )
    view = choose_file(page, path)
    for label, value in (("Selection from, in seconds", "1.25"), ("Selection to, in seconds", "2.75")):
        view.get_by_label(label).fill(value)
        view.get_by_label(label).press("Enter")
    with page.expect_download() as download:
        view.get_by_role("button", name="Download selection as WAV").click()
    assert download.value.suggested_filename == "stereo-1.25-2.75.wav"
    with wave.open(str(download.value.path())) as cut:
        assert (cut.getnchannels(), cut.getframerate(), cut.getnframes()) == (2, rate, 1.5 * rate)

    box = view.locator(".timeline").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20, steps=4)
    page.mouse.up()
    assert float(view.get_by_label("Selection from, in seconds").input_value()) == pytest.approx(1.0, abs=0.05)
    assert float(view.get_by_label("Selection to, in seconds").input_value()) == pytest.approx(2.0, abs=0.05)
    end = view.get_by_role("slider", name="End of the selection")
    end.press("ArrowLeft")
    assert float(end.get_attribute("aria-valuenow") or 0) == pytest.approx(1.95, abs=0.06)
    view.get_by_role("button", name="Play selection").click()
    page.wait_for_timeout(2500)
    assert playhead_s(view) == pytest.approx(1.95, abs=0.25)
    expect(view.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_augmentation_preview_is_playable_and_a_new_random_sample_differs(open_data):
    page = open_data()
    page.locator("tr[data-row] button").first.click()
    expect(page.locator(f"{CLIP_VIEW} .name")).not_to_be_empty()
    page.get_by_role("button", name="Augment", exact=True).click()
    players = page.locator('.qal-sound[aria-label="Original"], .qal-sound[aria-label="Augmented"]')
    expect(players.get_by_role("button", name="Play", exact=True)).to_have_count(2)
    expect(page.get_by_text("Sample 1. Applied:")).to_be_visible()
    before = page.locator(AUGMENTED_OUTLINE).evaluate("(canvas) => canvas.toDataURL()")
    page.get_by_role("button", name="New random sample").click()
    expect(page.get_by_text("Sample 2. Applied:")).to_be_visible()
    page.wait_for_function(
        "([outline, before]) => document.querySelector(outline).toDataURL() !== before",
        arg=[AUGMENTED_OUTLINE, before],
    )


def test_file_that_is_not_audio_gives_one_error_sentence(open_data, tmp_path):
    page = open_data(clips=0)
    expect(page.get_by_role("button", name=FETCH_LABEL).first).to_be_visible()
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"not audio at all" * 100)
    page.get_by_role("tab", name="Inspect a file").click()
    page.locator(".qal-own input[type=file]").first.set_input_files(broken)
    expect(page.get_by_text("broken.wav: not readable as audio")).to_be_visible()
    expect(page.locator(f"{CLIP_VIEW} .placeholder")).to_be_visible()
