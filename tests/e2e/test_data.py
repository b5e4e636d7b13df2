"""A corpus is looked through, a row seen, heard and cut, and altered as training would."""

import wave
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.sounds import spoken_corpus, write

pytestmark = pytest.mark.long  # each opens pages and servers of its own

RATE = 16_000
SOUND = '.qal-sound[aria-label="Sound"]'
ALTERED = '.qal-sound[aria-label="Augmented"] .outline'
BRIGHTEST = """(canvas) => {
  const {width, height} = canvas, sharp = width / canvas.clientWidth;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const inked = Array.from({length: width}, (_, x) => {
    let sum = 0;
    for (let y = 0; y < height; y++) {
      const i = 4 * (y * width + x);
      sum += data[i + 3] ? 255 - data[i] : 0;
    }
    return sum;
  });
  return inked.indexOf(Math.max(...inked)) / sharp;
}"""


@pytest.fixture
def open_data(serve, browse, tmp_path, english_corpus):
    def open_page(spoken: int = 4) -> Page:
        if spoken:
            spoken_corpus(tmp_path / "data" / "voices", english_corpus, spoken)
        (tmp_path / "data").mkdir(exist_ok=True)
        page = browse(serve("app.py", "--data", str(tmp_path / "data")))
        page.get_by_role("tab", name="Data", exact=True).click()
        return page

    return open_page


def choose_file(page: Page, path: Path) -> Locator:
    page.get_by_role("tab", name="Your own file").click()
    page.locator(".qal-own input[type=file]").first.set_input_files(path)
    sound = page.locator(SOUND)
    expect(sound.locator(".name")).to_have_text(path.name)
    return sound


def position(sound: Locator) -> float:
    return float(sound.get_by_role("slider", name="Position").get_attribute("aria-valuenow") or 0)


def impulse(path: Path, duration_s: float, at_s: float) -> Path:
    samples = np.zeros(int(duration_s * RATE), np.float32)
    samples[int(at_s * RATE) : int((at_s + 0.01) * RATE)] = 0.9 * np.random.default_rng(0).choice(
        [-1, 1], int(0.01 * RATE)
    )
    return write(path, samples)


def test_a_row_is_searched_picked_seen_heard_and_sought_in(open_data):
    page = open_data()
    expect(page.locator(".qal-corpus")).to_contain_text("CC0-1.0")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(4)
    text = rows.nth(1).get_by_role("button").inner_text()
    page.get_by_label("Search", exact=True).fill(text)
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button").click()

    sound = page.locator(SOUND)
    expect(sound.locator(".name")).to_have_text(text)
    expect(sound.locator(".regions i").first).to_be_attached()
    expect(sound.locator(".qal-figures dt")).to_have_text(
        ["Duration", "Sample rate", "Channels", "Signal to noise", "Loudness", "Peak", "Clipped", "Speech"]
    )
    expect(page.locator("tr.chosen")).to_have_count(1)

    box = sound.locator(".wide").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 40)
    duration_s = float(sound.get_by_label("Selection to, in seconds").input_value())
    page.wait_for_function(
        "([sound, least]) => document.querySelector(sound + ' .playhead').getAttribute('aria-valuenow') >= least",
        arg=[SOUND, duration_s / 2 - 0.1],
    )
    assert position(sound) == pytest.approx(duration_s / 2, abs=0.1)
    sound.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(
        "([sound, least]) => document.querySelector(sound + ' .playhead').getAttribute('aria-valuenow') > least",
        arg=[SOUND, duration_s / 2 + 0.2],
    )
    sound.get_by_role("slider", name="Position").press("Home")
    assert position(sound) < duration_s / 2


def test_a_zoom_keeps_outline_and_spectrogram_together(open_data, tmp_path):
    page = open_data(spoken=0)
    sound = choose_file(page, impulse(tmp_path / "click.wav", 8.0, 5.0))
    outline, mel, scroller = (sound.locator(f".{name}") for name in ("outline", "mel", "scroller"))

    def seen_at() -> tuple[float, float]:
        page.wait_for_timeout(400)
        return outline.evaluate(BRIGHTEST), mel.evaluate(BRIGHTEST)

    width = scroller.evaluate("(node) => node.clientWidth")
    assert seen_at() == (pytest.approx(width * 5 / 8, abs=6), pytest.approx(width * 5 / 8, abs=8))
    for _ in range(3):
        sound.get_by_role("button", name="Zoom in").click()
    assert scroller.evaluate("(node) => node.scrollWidth") == pytest.approx(8 * width, abs=2)
    scroller.evaluate("(node) => { node.scrollLeft = 4.6 * node.clientWidth; }")
    assert seen_at() == (pytest.approx(0.4 * width, abs=8), pytest.approx(0.4 * width, abs=14))

    scroller.hover(position={"x": 0.4 * width, "y": 50})
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    assert seen_at() == (pytest.approx(0.4 * width, abs=14), pytest.approx(0.4 * width, abs=24))
    sound.get_by_role("button", name="Whole").click()
    assert scroller.evaluate("(node) => node.scrollWidth") == width


def test_a_trim_is_cut_to_the_sample(open_data, tmp_path):
    page = open_data(spoken=0)
    rate = 44_100
    path = write(
        tmp_path / "stereo.wav", np.random.default_rng(0).normal(0, 0.1, (2, 4 * rate)).astype(np.float32), rate
    )
    sound = choose_file(page, path)
    for label, value in (("Selection from, in seconds", "1.25"), ("Selection to, in seconds", "2.75")):
        sound.get_by_label(label).fill(value)
        sound.get_by_label(label).press("Enter")
    with page.expect_download() as download:
        sound.get_by_role("button", name="Download the cut WAV").click()
    assert download.value.suggested_filename == "stereo-1.25-2.75.wav"
    with wave.open(str(download.value.path())) as cut:
        assert (cut.getnchannels(), cut.getframerate(), cut.getnframes()) == (2, rate, 1.5 * rate)

    box = sound.locator(".wide").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20, steps=4)
    page.mouse.up()
    assert float(sound.get_by_label("Selection from, in seconds").input_value()) == pytest.approx(1.0, abs=0.05)
    assert float(sound.get_by_label("Selection to, in seconds").input_value()) == pytest.approx(2.0, abs=0.05)
    end = sound.get_by_role("slider", name="End of the selection")
    end.press("ArrowLeft")
    assert float(end.get_attribute("aria-valuenow") or 0) == pytest.approx(1.95, abs=0.06)
    sound.get_by_role("button", name="Play selection").click()
    page.wait_for_timeout(2500)
    assert position(sound) == pytest.approx(1.95, abs=0.25)
    expect(sound.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_augmentation_shows_two_that_can_be_played_and_another_draw_differs(open_data):
    page = open_data()
    page.locator("tr[data-row] button").first.click()
    expect(page.locator(f"{SOUND} .name")).not_to_be_empty()
    page.get_by_role("button", name="Augment", exact=True).click()
    players = page.locator('.qal-sound[aria-label="Original"], .qal-sound[aria-label="Augmented"]')
    expect(players.get_by_role("button", name="Play", exact=True)).to_have_count(2)
    expect(page.get_by_text("Draw 1. Applied:")).to_be_visible()
    before = page.locator(ALTERED).evaluate("(canvas) => canvas.toDataURL()")
    page.get_by_role("button", name="Another draw").click()
    expect(page.get_by_text("Draw 2. Applied:")).to_be_visible()
    page.wait_for_function(
        "([altered, before]) => document.querySelector(altered).toDataURL() !== before",
        arg=[ALTERED, before],
    )


def test_a_file_that_is_no_sound_is_one_sentence(open_data, tmp_path):
    page = open_data(spoken=0)
    expect(page.get_by_role("button", name="Fetch the Russian sample corpus").first).to_be_visible()
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"not audio at all" * 100)
    page.get_by_role("tab", name="Your own file").click()
    page.locator(".qal-own input[type=file]").first.set_input_files(broken)
    expect(page.get_by_text("broken.wav: not readable as audio")).to_be_visible()
    expect(page.locator(f"{SOUND} .nothing")).to_be_visible()
