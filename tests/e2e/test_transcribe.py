"""Transcribing in a real browser: a video becomes text, a word is corrected, the subtitles obey the rules."""

from pathlib import Path

import numpy as np
import pysubs2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus
from qal.text.subtitles.rules import SubtitleRules
from tests.videos import write_video

PAUSE_S = 0.6
RULES = SubtitleRules()
CORRECTED = "Correctedword"


@pytest.fixture
def video(tmp_path: Path, english_corpus: Corpus) -> Path:
    """A video of about a minute."""
    rows = sorted(english_corpus.select("test"), key=lambda row: -row.duration_s)[:12]
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
    samples = np.concatenate([part for row in rows for part in (decode(english_corpus.audio_path(row)), pause)])
    return write_video(tmp_path / "Talk v1.0.mp4", samples, SAMPLE_RATE, lambda time_s: 0.0, picture_s=2.0)


def upload(page: Page, *paths: Path) -> None:
    tab = page.get_by_role("tabpanel").filter(has=page.get_by_role("button", name="Transcribe", exact=True))
    tab.locator(".qal-drop input[type=file]").set_input_files(paths)
    for path in paths:
        expect(tab.get_by_text(path.stem[:6]).first).to_be_visible()


def start(page: Page) -> None:
    page.get_by_role("button", name="Transcribe", exact=True).click()


def badges(page: Page):
    return page.locator(".qal-files .qal-badge")


def subtitles(page: Page, path: Path) -> pysubs2.SSAFile:
    """Downloads the opened file as SRT, and reads it."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).locator("visible=true").click()
    assert download.value.suggested_filename == "Talk v1.0.srt"
    download.value.save_as(path)
    return pysubs2.load(str(path))


@pytest.mark.long
def test_video_is_transcribed_corrected_and_downloaded_as_subtitles_that_obey_the_rules(
    serve, browse, tmp_path, video, base_directory
):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"not audio at all" * 100)
    address = serve("app.py", "--model", "base", "--data", str(tmp_path / "data"))
    page = browse(f"{address}#transcribe")
    upload(page, video, broken)
    start(page)
    expect(page.locator(".qal-files .open", has_text="Talk v1.0.mp4")).to_be_visible()
    page.reload()  # in the middle
    expect(badges(page)).to_have_text(["Failed", "Done"])
    expect(page.get_by_text("not readable as audio")).to_be_visible()
    expect(page.locator(".qal-editor li").first).to_be_visible()  # the opened file is remembered
    expect(page.locator(".qal-result .qal-sound:not(.is-empty)")).to_be_visible()

    word = page.locator(".qal-editor li i").nth(1)
    word.click()
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox", name="Word", exact=True)
    field.fill(CORRECTED)
    field.press("Enter")
    expect(word).to_have_text(CORRECTED)
    lines = page.locator(".qal-editor li").count()
    page.keyboard.press("s")  # splits the line before the word
    expect(page.locator(".qal-editor li")).to_have_count(lines + 1)
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.locator(".qal-editor li")).to_have_count(lines)

    cues = subtitles(page, tmp_path / "out.srt")
    assert CORRECTED in cues[0].plaintext
    for cue in cues:
        assert len(cue.plaintext.split("\n")) <= RULES.max_lines
        assert max(map(len, cue.plaintext.split("\n"))) <= RULES.max_letters
        assert cue.duration <= 1000 * RULES.max_duration_s
    violations = Axe().run(page, context=".qal-result").response["violations"]
    assert not violations, [(v["id"], [node["target"] for node in v["nodes"]][:4]) for v in violations]

    page.reload()
    expect(page.locator(".qal-editor li i", has_text=CORRECTED)).to_be_visible()


@pytest.mark.long
def test_restarted_server_continues_a_file_that_it_had_not_finished(serve, browse, tmp_path, video, base_directory):
    arguments = ("app.py", "--model", "base", "--data", str(tmp_path / "data"))
    address = serve(*arguments)
    page = browse(f"{address}#transcribe")
    upload(page, video)
    start(page)
    expect(badges(page).first).to_have_text("Transcribing")
    serve.stop(kill=True)
    serve(*arguments, address=address)
    page.goto(f"{address}#transcribe")
    page.reload()
    expect(badges(page).first).to_have_text("Stopped")
    page.get_by_role("button", name="Continue").first.click()
    expect(badges(page).first).to_have_text("Done")
    expect(page.locator(".qal-editor li").first).to_be_visible()
