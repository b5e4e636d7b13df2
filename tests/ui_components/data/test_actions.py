from pathlib import Path

import gradio as gr
import pytest

from qal.corpus.manifest import read_corpus
from qal.corpus.quality.measures import QUALITY_FILE, AudioMeasures, append_measures
from qal.errors import AudioDecodeError, CorpusError, OptionError
from tests.sounds import tones_corpus
from tests.ui_components.conftest import SilentProgress
from ui_components.data import actions, arrivals
from ui_components.data.corpora import ALL, FILTER_FIELDS, ROWS_PER_PAGE, TableFilter, babble_paths, rows_page
from ui_components.data.views import is_last, rows_html

ROW_COUNT = 2 * ROWS_PER_PAGE + 1


@pytest.fixture
def tones(studio) -> str:
    return str(tones_corpus(studio.data / "tones", ROW_COUNT).folder)


def row_event(row):
    return gr.EventData(None, {"row": row})


def values(**changed) -> tuple:
    wanted = TableFilter(**changed)
    return tuple(getattr(wanted, name) for name in FILTER_FIELDS)


def test_studio_without_datasets_says_how_to_get_one(studio):
    update = actions.update_choices(studio, None)
    assert update.corpus.choices == []
    assert "qal corpus import" in update.note
    assert (update.fetch.visible, update.overview.visible, update.clips.visible) == (True, False, False)
    shown = actions.refresh(studio, None, None, 0, None, *values())
    assert (shown.overview, shown.charts, shown.rows) == ("", "", "")


def test_dataset_has_an_overview_charts_and_pages_of_clips(studio, tones):
    choices = actions.update_choices(studio, None)
    assert (choices.corpus.value, choices.note) == (tones, "")
    assert (choices.fetch.visible, choices.overview.visible) == (False, True)
    shown = actions.refresh(studio, None, tones, 0, None, *values())
    assert shown.version
    assert shown.version[0] == tones
    assert f"<b>{ROW_COUNT}</b><span>clips</span>" in shown.overview
    assert '"name":"duration_s"' in shown.charts.replace(" ", "")
    assert "latin small letter t" in shown.characters
    assert shown.speaker.choices == [("speaker 0", "speaker 0"), ("speaker 1", "speaker 1")]
    assert (shown.back.interactive, shown.forward.interactive) == (False, True)
    assert shown.rows.count("data-row=") == ROWS_PER_PAGE
    assert f"1–{ROWS_PER_PAGE} of {ROW_COUNT} clips" in shown.position


def test_every_row_is_on_exactly_one_page(tones):
    pages = [rows_page(Path(tones), TableFilter(), number) for number in range(3)]
    assert [example.index for page in pages for example in page.examples] == list(range(ROW_COUNT))
    assert [is_last(page) for page in pages] == [False, False, True]
    assert rows_page(Path(tones), TableFilter(), 99).number == 2
    assert rows_page(Path(tones), TableFilter(), -1).number == 0


def test_next_previous_and_first_page(studio, tones):
    table = actions.show_next_page(studio, tones, 0, None, *values())
    assert (table.page_number, table.back.interactive) == (1, True)
    assert actions.show_previous_page(studio, tones, 1, None, *values()).page_number == 0
    assert actions.show_first_page(studio, tones, 2, None, *values()).page_number == 0


@pytest.mark.parametrize("search", ["number 29", "SPEAKER 1 number 29", "audio/29.wav"])
def test_search_matches_words_in_text_speaker_and_file(tones, search):
    page = rows_page(Path(tones), TableFilter(search=search), 0)
    assert [example.row.text for example in page.examples] == ["tone number 29"]


def test_filters_by_split_speaker_and_measure(tones):
    page = rows_page(Path(tones), TableFilter(split="test"), 0)
    assert {example.row.split for example in page.examples} == {"test"}
    assert page.total == len(read_corpus(Path(tones)).select("test"))
    of_one = rows_page(Path(tones), TableFilter(speaker="speaker 1"), 0).examples
    assert {example.row.speaker for example in of_one} == {"speaker 1"}
    assert rows_page(Path(tones), TableFilter(measure="duration_s", low=0.4, high=0.6), 0).total == ROW_COUNT
    assert rows_page(Path(tones), TableFilter(measure="duration_s", low=0.6), 0).total == 0
    assert rows_page(Path(tones), TableFilter(search="no such words"), 0).total == 0


def test_unknown_columns_from_the_browser_are_refused(tones):
    for wanted in (TableFilter(split="x"), TableFilter(measure="1; DROP TABLE examples")):
        with pytest.raises(OptionError, match="reload the page"):
            rows_page(Path(tones), wanted, 0)
    with pytest.raises(CorpusError, match="is not a column"):
        rows_page(Path(tones), TableFilter(sort="text; DROP TABLE examples"), 0)


def test_measure_that_orders_the_table_has_a_column(tones):
    folder = Path(tones)
    append_measures(folder / QUALITY_FILE, [AudioMeasures(sha256="0" * 64, snr_db=12.5)])
    html = rows_html(
        rows_page(folder, TableFilter(sort="snr_db", descending=True), 0), None, TableFilter(sort="snr_db")
    )
    assert "Signal to noise (dB)" in html
    assert "<td>12.5</td>" in html
    assert "Duration (s)" not in rows_html(rows_page(folder, TableFilter(), 0), None, TableFilter(sort="duration_s"))


def test_clicked_clip_is_opened_in_the_audio_view_and_the_editor(studio, tones):
    row = read_corpus(Path(tones)).rows[3]
    opened = actions.open_clip(studio, tones, row_event(3))
    assert opened.row_index == 3
    assert opened.view
    assert opened.selection
    assert opened.view["name"] == row.text
    assert row.audio in opened.view["details"]
    assert (opened.text, opened.split, opened.opened.audio) == (row.text, row.split, row.audio)
    assert (opened.editor.visible, opened.unmark.visible) == (True, False)
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


def test_audio_outside_of_the_dataset_is_not_opened(studio, tones):
    manifest = Path(tones) / "manifest.jsonl"
    lines = manifest.read_text().splitlines()
    manifest.write_text("\n".join([lines[0].replace("audio/0.wav", "../../../etc/passwd"), *lines[1:]]))
    with pytest.raises(CorpusError, match="outside"):
        actions.open_clip(studio, tones, row_event(0))


def test_clip_with_missing_audio_is_reported(studio, tones):
    (Path(tones) / "audio" / "0.wav").unlink()
    indices = [index for index, row in enumerate(read_corpus(Path(tones), 1).rows) if row.audio == "audio/0.wav"]
    with pytest.raises(AudioDecodeError, match="no such file"):
        actions.open_clip(studio, tones, row_event(indices[0]))


def test_dataset_is_read_again_only_after_a_change_on_disk(studio, tones):
    def refresh(version):
        return actions.refresh(studio, version, tones, 0, None, *values())

    first = refresh(None)
    assert f"<b>{ROW_COUNT}</b>" in first.overview
    assert all(output == gr.skip() for output in refresh(first.version))
    tones_corpus(Path(tones), ROW_COUNT + 1)
    assert f"<b>{ROW_COUNT + 1}</b>" in refresh(first.version).overview


def test_dataset_with_one_row_has_no_babble_voices(studio):
    corpus = tones_corpus(studio.data / "one", 1)
    assert babble_paths(corpus.folder, corpus.rows[0].audio, 5) == ()


def test_text_of_a_dataset_is_escaped(studio):
    folder = str(tones_corpus(studio.data / "injection", 2, text="<img src=x onerror=alert({i})>").folder)
    shown = actions.refresh(studio, None, folder, 0, None, *values())
    for html in (shown.rows, shown.overview, shown.characters):
        assert "<img" not in html
    assert "&lt;img" in shown.rows


def test_uploaded_file_is_opened_and_the_upload_field_emptied(tmp_path, studio):
    corpus = tones_corpus(tmp_path / "tones", 1)
    path = str(corpus.folder / "audio" / "0.wav")
    opened = actions.open_upload(studio, path, SilentProgress())
    assert opened.upload is None
    assert opened.view
    assert opened.selection
    assert (opened.view["name"], opened.selection.path) == ("0.wav", Path(path))
    assert opened.editor.visible is False
    with pytest.raises(AudioDecodeError, match="choose an audio file"):
        actions.open_upload(studio, None, SilentProgress())


def test_another_dataset_is_shown_without_filters():
    *filters, row_index = arrivals.empty_filters()
    assert dict(zip(FILTER_FIELDS, filters, strict=True))["split"] == ALL
    assert row_index is None


def test_imported_recorded_renamed_and_deleted_datasets_are_selected(studio, tones):
    tones_corpus(studio.data / "new", 3)
    arrived = arrivals.show_arrived(studio, "0123:import:new", tones)
    assert arrived.corpus.value == str(studio.data / "new")
    for nothing in ("", "0123:check:new", "0123:import:gone", "0123:import:tones", "seen 0123:import:new"):
        assert arrivals.show_arrived(studio, nothing, tones).corpus == gr.skip()
    recorded = arrivals.show_recorded(studio, tones, gr.EventData(None, {"name": "new"}))
    assert recorded.value == str(studio.data / "new")
    assert arrivals.show_recorded(studio, tones, gr.EventData(None, {"name": "gone"})).value == tones
    assert arrivals.show_next(studio, str(studio.data / "new")).corpus.value == str(studio.data / "new")
    assert arrivals.show_next(studio, "").corpus.value == str(studio.data / "new")  # the first one
    assert arrivals.show_next(studio, None).corpus == gr.skip()
