from pathlib import Path

import gradio as gr
import pytest

from qal.corpus.manifest import read_corpus
from qal.errors import AudioDecodeError, CorpusError
from tests.sounds import tones_corpus
from tests.ui_components.conftest import SilentProgress
from ui_components.data import actions
from ui_components.data.corpora import ALL_SPLITS, ROWS_PER_PAGE, babble_paths, load_corpus, page_of
from ui_components.data.views import BIN_EDGES_S, histogram, histogram_html, rows_html

ROW_COUNT = 2 * ROWS_PER_PAGE + 1


@pytest.fixture
def tones(studio) -> str:
    return str(tones_corpus(studio.data / "tones", ROW_COUNT).folder)


def row_event(row):
    return gr.EventData(None, {"row": row})


def test_studio_without_datasets_says_how_to_get_one(studio):
    update = actions.update_choices(studio, None)
    assert update.corpus.choices == []
    assert "qal corpus import" in update.note
    assert (update.fetch.visible, update.overview.visible, update.clips.visible) == (True, False, False)
    assert actions.overview_of(studio, None) == ""


def test_dataset_has_an_overview_and_pages_of_clips(studio, tones):
    choices = actions.update_choices(studio, None)
    assert (choices.corpus.value, choices.note) == (tones, "")
    assert (choices.fetch.visible, choices.overview.visible) == (False, True)
    corpus = actions.show_corpus(studio, tones)
    assert corpus.version
    assert corpus.version[0] == tones
    assert f"<b>{ROW_COUNT}</b><span>clips</span>" in corpus.overview
    assert (corpus.search, corpus.split, corpus.row_index, corpus.page_number) == ("", ALL_SPLITS, None, 0)
    assert (corpus.back.interactive, corpus.forward.interactive) == (False, True)
    assert corpus.rows.count("data-row=") == ROWS_PER_PAGE
    assert f"1–{ROWS_PER_PAGE} of {ROW_COUNT} clips" in corpus.position


def test_every_row_is_on_exactly_one_page(studio, tones):
    corpus = load_corpus(studio.data, tones).corpus
    pages = [page_of(corpus, "", ALL_SPLITS, number) for number in range(3)]
    assert [index for page in pages for index, _ in page.rows] == list(range(ROW_COUNT))
    assert [page.is_last for page in pages] == [False, False, True]
    assert page_of(corpus, "", ALL_SPLITS, 99).number == 2
    assert page_of(corpus, "", ALL_SPLITS, -1).number == 0


def test_next_previous_and_first_page(studio, tones):
    table = actions.show_next_page(studio, tones, "", ALL_SPLITS, 0, None)
    assert (table.page_number, table.back.interactive) == (1, True)
    assert actions.show_previous_page(studio, tones, "", ALL_SPLITS, 1, None).page_number == 0
    assert actions.show_first_page(studio, tones, "", ALL_SPLITS, 2, None).page_number == 0


@pytest.mark.parametrize("search", ["number 29", "SPEAKER 1 number 29", "audio/29.wav"])
def test_search_matches_words_in_text_speaker_and_file(studio, tones, search):
    page = page_of(load_corpus(studio.data, tones).corpus, search, ALL_SPLITS, 0)
    assert [row.text for _, row in page.rows] == ["tone number 29"]


def test_split_filter_shows_only_rows_of_the_split(studio, tones):
    corpus = load_corpus(studio.data, tones).corpus
    page = page_of(corpus, "", "test", 0)
    assert {row.split for _, row in page.rows} == {"test"}
    assert page.total == len(corpus.select("test"))
    assert page_of(corpus, "no such words", ALL_SPLITS, 0).total == 0


def test_clicked_clip_is_opened_in_the_audio_view(studio, tones):
    row = read_corpus(Path(tones)).rows[3]
    opened = actions.open_clip(studio, tones, row_event(3))
    assert opened.row_index == 3
    assert opened.view
    assert opened.selection
    assert opened.view["name"] == row.text
    assert row.audio in opened.view["details"]
    assert opened.selection.path == Path(tones).resolve() / row.audio
    assert len(opened.selection.babble_paths) == actions.BABBLE_VOICES
    assert opened.selection.path not in opened.selection.babble_paths


@pytest.mark.parametrize("row", [-1, ROW_COUNT, "0", None, 1.5, True, [0]])
def test_invalid_row_index_from_the_browser_is_refused(studio, tones, row):
    with pytest.raises(CorpusError, match="no longer in the dataset"):
        actions.open_clip(studio, tones, row_event(row))


def test_folder_outside_the_data_folder_is_refused(studio, tmp_path, tones):
    elsewhere = tones_corpus(tmp_path / "elsewhere", 3).folder
    for folder in (str(elsewhere), f"{tones}/../../elsewhere", "/etc"):
        with pytest.raises(CorpusError, match="choose a dataset first"):
            actions.open_clip(studio, folder, row_event(0))


def test_clip_with_missing_audio_is_reported(studio, tones):
    (Path(tones) / "audio" / "0.wav").unlink()
    indices = [index for index, row in enumerate(read_corpus(Path(tones), 1).rows) if row.audio == "audio/0.wav"]
    with pytest.raises(AudioDecodeError, match="no such file"):
        actions.open_clip(studio, tones, row_event(indices[0]))


def test_corpus_is_reloaded_only_after_a_change_on_disk(studio, tones):
    def refresh(version):
        return actions.refresh(studio, version, tones, "", ALL_SPLITS, 0, None)

    assert len(load_corpus(studio.data, tones).corpus.rows) == ROW_COUNT
    first = refresh(None)
    assert f"<b>{ROW_COUNT}</b>" in first.overview
    assert all(output == gr.skip() for output in refresh(first.version))
    tones_corpus(Path(tones), ROW_COUNT + 1)
    assert f"<b>{ROW_COUNT + 1}</b>" in refresh(first.version).overview
    assert len(load_corpus(studio.data, tones).corpus.rows) == ROW_COUNT + 1


def test_corpus_with_one_row_has_no_babble_voices(studio):
    corpus = tones_corpus(studio.data / "one", 1)
    assert babble_paths(corpus, corpus.rows[0], 5) == ()


def test_text_of_a_corpus_is_escaped(studio):
    folder = str(tones_corpus(studio.data / "injection", 2, text="<img src=x onerror=alert({i})>").folder)
    page = rows_html(page_of(load_corpus(studio.data, folder).corpus, "", ALL_SPLITS, 0), None)
    assert "<img" not in page
    assert "&lt;img" in page


def test_histogram_counts_every_duration_once():
    durations_s = [0.0, 0.5, 1.0, 1.01, 29.9, 30.0, 31.0, 500.0]
    counts = histogram(durations_s)
    assert len(counts) == len(BIN_EDGES_S) - 1
    assert counts[0] == 3
    assert counts[-2:] == [2, 2]
    assert sum(counts) == len(durations_s)
    assert ">30 s: 2" in histogram_html(durations_s)


def test_uploaded_file_is_opened_and_the_upload_field_emptied(tmp_path, studio):
    corpus = tones_corpus(tmp_path / "tones", 1)
    path = str(corpus.folder / "audio" / "0.wav")
    opened = actions.open_upload(studio, path, SilentProgress())
    assert opened.upload is None
    assert opened.view
    assert opened.selection
    assert (opened.view["name"], opened.selection.path) == ("0.wav", Path(path))
    with pytest.raises(AudioDecodeError, match="choose an audio file"):
        actions.open_upload(studio, None, SilentProgress())
