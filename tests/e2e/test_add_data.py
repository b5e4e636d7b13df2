"""Adding data in a real browser: an archive with a table made on Windows, and sentences that are recorded."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus, read_corpus
from tests.e2e.conftest import Open
from tests.e2e.live_page import silence
from tests.e2e.train_page import open_train
from tests.sounds import write_audio

CLIPS = 40
SENTENCES = 10
TAKE_S = 4.0
MINUTE_MS = 60_000


def open_data(page: Page, inner: str) -> None:
    page.get_by_role("tab", name="Data", exact=True).click()
    page.get_by_role("tab", name=inner, exact=True).click()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def windows_archive(path: Path, corpus: Corpus) -> list[str]:
    """Writes clips and a table as Excel saves it on Windows, with names of columns that are not known."""
    rows = [row for row in corpus.rows if row.duration_s < 4 and ";" not in row.text][:CLIPS]
    lines = ["Aufnahme;Inhalt", *(f"clips\\{i}.wav;{row.text}" for i, row in enumerate(rows))]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Tabelle.csv", "\r\n".join(lines).encode("cp1252", "replace"))
        for i, row in enumerate(rows):
            archive.write(corpus.audio_path(row), f"clips/{i}.wav")
    return [row.text for row in rows]


def test_archive_is_dropped_its_column_fixed_imported_and_a_row_played(studio, studio_folder, browse, english_corpus):
    texts = windows_archive(studio_folder / "speech.zip", english_corpus)
    page = browse(studio)
    open_data(page, "Add data")
    choose(page, "Language", "English (en)")
    page.locator(".qal-drop input[type=file]").set_input_files(studio_folder / "speech.zip")
    expect(page.locator(".qal-preview")).to_contain_text("has no column for the text")
    choose(page, "Text", "Inhalt")
    expect(page.locator(".qal-preview .summary")).to_contain_text(f"{CLIPS} examples")
    expect(page.locator(".qal-preview td").first).to_have_text(texts[0])
    page.get_by_label("I may use these recordings").check()
    page.get_by_role("button", name="Import", exact=True).click()

    expect(page.locator(".qal-imports")).to_contain_text("Imported speech")
    expect(page.locator(".qal-corpus .facts")).to_contain_text(f"{CLIPS}clips")  # of the new dataset, which is shown
    assert sorted(row.text for row in read_corpus(studio_folder / "data" / "speech").rows) == sorted(texts)
    page.reload()
    expect(page.locator(".qal-imports")).to_contain_text("Imported speech")
    page.locator("tr[data-row] button").first.click()
    view = page.locator('.qal-sound[aria-label="Clip"]')
    expect(view.locator(".qal-figures dt").first).to_be_visible()
    view.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("document.querySelector('.qal-sound .playhead').getAttribute('aria-valuenow') > 0.2")


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_sentences_are_recorded_resumed_and_trained_on(serve, browse: Open, tmp_path, english_corpus):
    rows = [row for row in english_corpus.rows if 2 < row.duration_s < 4 and len(row.text) < 90]
    rows = list({row.text: row for row in rows}.values())[:SENTENCES]
    sound = np.concatenate([decode(english_corpus.audio_path(row)) for row in rows] + [silence(1)])
    speech = np.tile(sound, 12)  # the microphone speaks without an end
    microphone = write_audio(tmp_path / "speech.wav", speech, SAMPLE_RATE)
    (tmp_path / "data").mkdir()
    address = serve("app.py", "--data", str(tmp_path / "data"), "--model", "base")
    page = browse(address, microphone)
    open_data(page, "Record")
    form = page.locator(".qal-record .setup")
    form.get_by_label("Language").select_option("en")
    form.get_by_role("combobox", name="Speaker").fill("Anna")
    form.get_by_label("My own text").check()
    form.get_by_label("Sentences, one in each line").fill("\n".join(row.text for row in rows))
    form.get_by_label("The speaker has read this and agrees.").check()
    form.get_by_role("button", name="Begin recording").click()
    for number in range(1, SENTENCES + 1):
        if number == 4:  # the page is closed in between
            page.reload()
            open_data(page, "Record")
            page.locator(".qal-record").get_by_role("button", name="Continue recording").click()
        record_one(page, number)
    page.locator(".qal-record").get_by_role("button", name="Done").click()
    corpus = read_corpus(tmp_path / "data" / "my-voice")
    assert len(corpus.rows) == SENTENCES
    assert all(corpus.info.utterances.values())
    page.get_by_role("tab", name="Browse", exact=True).click()
    expect(page.locator(".qal-corpus .facts")).to_contain_text(f"{SENTENCES}clips")

    open_train(page, "New run")
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_enabled()
    start.click()
    expect(page.locator(".qal-run")).to_contain_text("step 3 of", timeout=10 * MINUTE_MS)


def record_one(page: Page, number: int) -> None:
    """Records the sentence that is shown, by key, and shows the next one."""
    panel = page.locator(".qal-record .session")
    expect(panel.locator(".count")).to_contain_text(f"{number - 1} recorded")
    panel.press("r")
    expect(panel.locator(".qal-badge")).to_have_text("Recording: read the sentence")
    page.wait_for_timeout(round(1000 * TAKE_S))
    panel.press("r")
    expect(panel.locator(".count")).to_contain_text(f"{number} recorded")
    if number < SENTENCES:
        panel.press("n")
