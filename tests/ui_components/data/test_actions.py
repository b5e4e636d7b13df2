from pathlib import Path

import gradio as gr
import pytest

from qal.corpus.manifest import read_corpus
from qal.errors import AudioDecodeError, CorpusError
from tests.sounds import tones_corpus
from ui_components.data import actions
from ui_components.data.corpora import ALL, PAGE_ROWS, known_corpus, other_voices, page_of
from ui_components.data.views import EDGES_S, histogram, histogram_html, rows_html


class Silent(gr.Progress):
    """A progress bar that nobody looks at."""

    def __call__(self, *_, **__) -> None: ...


ROWS = 2 * PAGE_ROWS + 1


@pytest.fixture
def tones(studio) -> str:
    return str(tones_corpus(studio.data / "tones", ROWS).folder)


def event(row):
    return gr.EventData(None, {"row": row})


def test_an_empty_studio_says_how_to_get_a_corpus(studio):
    corpus, note, fetch, known, listed = actions.offer(studio, None)
    assert corpus.choices == []
    assert "qal corpus import" in note
    assert (fetch.visible, known.visible, listed.visible) == (True, False, False)
    assert actions.describe(studio, None) == ""


def test_a_corpus_is_described_and_its_rows_are_paged(studio, tones):
    corpus, note, fetch, known, _ = actions.offer(studio, None)
    assert (corpus.value, note, fetch.visible, known.visible) == (tones, "", False, True)
    version, figures, search, split, row, board, place, number, back, on = actions.another(studio, tones)
    assert version[0] == tones
    assert f"<b>{ROWS}</b><span>rows</span>" in figures
    assert (search, split, row, number, back.interactive, on.interactive) == ("", ALL, None, 0, False, True)
    assert board.count("data-row=") == PAGE_ROWS
    assert f"1–{PAGE_ROWS} of {ROWS} rows" in place


def test_every_row_is_on_exactly_one_page(studio, tones):
    corpus = known_corpus(studio.data, tones).corpus
    pages = [page_of(corpus, "", ALL, number) for number in range(3)]
    assert [place for page in pages for place, _ in page.rows] == list(range(ROWS))
    assert [page.is_last for page in pages] == [False, False, True]
    assert page_of(corpus, "", ALL, 99).number == 2
    assert page_of(corpus, "", ALL, -1).number == 0


def test_turning_back_and_on_returns_to_the_page(studio, tones):
    _, _, number, back, _ = actions.next_page(studio, tones, "", ALL, 0, None)
    assert (number, back.interactive) == (1, True)
    assert actions.page_before(studio, tones, "", ALL, number, None)[2] == 0
    assert actions.first_page(studio, tones, "", ALL, 2, None)[2] == 0


@pytest.mark.parametrize("search", ["number 29", "SPEAKER 1 number 29", "audio/29.wav"])
def test_a_search_finds_words_in_text_speaker_and_file(studio, tones, search):
    found = page_of(known_corpus(studio.data, tones).corpus, search, ALL, 0)
    assert [row.text for _, row in found.rows] == ["tone number 29"]


def test_a_split_shows_only_its_rows(studio, tones):
    corpus = known_corpus(studio.data, tones).corpus
    found = page_of(corpus, "", "test", 0)
    assert {row.split for _, row in found.rows} == {"test"}
    assert found.found == len(corpus.select("test"))
    assert page_of(corpus, "nothing like it", ALL, 0).found == 0


def test_a_row_becomes_a_sound(studio, tones):
    row = read_corpus(Path(tones)).rows[3]
    place, value, sound = actions.pick(studio, tones, event(3))
    assert place == 3
    assert value["name"] == row.text
    assert row.audio in value["told"]
    assert sound.path == Path(tones).resolve() / row.audio
    assert len(sound.others) == actions.VOICES
    assert sound.path not in sound.others


@pytest.mark.parametrize("row", [-1, ROWS, "0", None, 1.5, True, [0]])
def test_a_row_that_a_browser_made_up_is_refused(studio, tones, row):
    with pytest.raises(CorpusError, match="no longer in the corpus"):
        actions.pick(studio, tones, event(row))


def test_a_folder_that_is_no_corpus_of_the_studio_is_refused(studio, tmp_path, tones):
    elsewhere = tones_corpus(tmp_path / "elsewhere", 3).folder
    for folder in (str(elsewhere), f"{tones}/../../elsewhere", "/etc"):
        with pytest.raises(CorpusError, match="choose a corpus first"):
            actions.pick(studio, folder, event(0))


def test_a_row_whose_audio_is_gone_says_so(studio, tones):
    (Path(tones) / "audio" / "0.wav").unlink()
    places = [place for place, row in enumerate(read_corpus(Path(tones), 1).rows) if row.audio == "audio/0.wav"]
    with pytest.raises(AudioDecodeError, match="no such file"):
        actions.pick(studio, tones, event(places[0]))


def test_a_corpus_that_grew_is_read_anew(studio, tones):
    assert len(known_corpus(studio.data, tones).corpus.rows) == ROWS
    version, figures, *_ = actions.reread(studio, None, tones, "", ALL, 0, None)
    assert f"<b>{ROWS}</b>" in figures
    assert all(kept == gr.skip() for kept in actions.reread(studio, version, tones, "", ALL, 0, None))
    tones_corpus(Path(tones), ROWS + 1)
    assert f"<b>{ROWS + 1}</b>" in actions.reread(studio, version, tones, "", ALL, 0, None)[1]
    assert len(known_corpus(studio.data, tones).corpus.rows) == ROWS + 1


def test_a_corpus_with_one_row_has_no_other_voices(studio):
    corpus = tones_corpus(studio.data / "one", 1)
    assert other_voices(corpus, corpus.rows[0], 5) == ()


def test_words_of_a_corpus_are_escaped(studio):
    folder = str(tones_corpus(studio.data / "evil", 2, text="<img src=x onerror=alert({i})>").folder)
    board = rows_html(page_of(known_corpus(studio.data, folder).corpus, "", ALL, 0), None)
    assert "<img" not in board
    assert "&lt;img" in board


def test_a_histogram_counts_every_row_once():
    durations_s = [0.0, 0.5, 1.0, 1.01, 29.9, 30.0, 31.0, 500.0]
    counts = histogram(durations_s)
    assert len(counts) == len(EDGES_S) - 1
    assert counts[0] == 3
    assert counts[-2:] == [2, 2]
    assert sum(counts) == len(durations_s)
    assert ">30 s: 2" in histogram_html(durations_s)


def test_a_file_of_ones_own_is_looked_at_and_makes_room_for_the_next(tmp_path, studio):
    corpus = tones_corpus(tmp_path / "tones", 1)
    path = str(corpus.folder / "audio" / "0.wav")
    room, value, sound = actions.own(studio, path, Silent())
    assert (room, value["name"], sound.path) == (None, "0.wav", Path(path))
    with pytest.raises(AudioDecodeError, match="choose an audio file"):
        actions.own(studio, None, Silent())
