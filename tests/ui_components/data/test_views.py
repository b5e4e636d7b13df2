"""The HTML of the Data tab: how a dataset is split, counts with their nouns, long speaker names, charts."""

import json
from pathlib import Path

import pytest

from qal.corpus.edit import RowEdit, edit_rows
from qal.corpus.manifest import Origin, Row, write_corpus
from qal.corpus.quality.measures import QUALITY_FILE, AudioMeasures, append_measures
from qal.corpus.query import Example, ExamplePage
from qal.corpus.versions.history import record_version
from tests.sounds import tones_corpus
from ui_components.data.dashboard.charts import dataset_board
from ui_components.data.dashboard.overview import overview_of
from ui_components.data.dashboard.overview_view import character_name, overview_html
from ui_components.data.views import row_details, rows_html, shortened

LONG_ID = "0123456789abcdef" * 8


def row(**values) -> Row:
    values = {"text": "words", "language": "en", "duration_s": 1.0, "split": "train", "sha256": ""} | values
    return Row.model_validate({"audio": "a.wav", **values})


def page(**values) -> ExamplePage:
    return ExamplePage([Example(0, row(**values), {}, {})], 0, 1, 1.0)


def corpus_of(folder: Path, *rows: Row, **origin) -> Path:
    return write_corpus(folder, Origin(name=folder.name, **origin), rows).folder


@pytest.mark.parametrize("speaker", [LONG_ID, f"<b>{LONG_ID}"])
def test_long_speaker_names_are_shortened_with_the_full_name_as_title(speaker):
    html = rows_html(page(speaker=speaker), None)
    assert html.count(LONG_ID) == 1
    assert f'{LONG_ID}">' in html
    assert shortened(speaker) in html.replace("&lt;", "<").replace("&gt;", ">")
    assert len(shortened(speaker)) == 21
    assert LONG_ID not in row_details(row(speaker=speaker))
    assert shortened("anna") == "anna"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_row_without_text_says_so(text):
    assert "no text" in rows_html(page(text=text), None)


def test_marked_row_shows_its_marks():
    html = rows_html(page(marks=("noisy", "<b>")), None)
    assert '<span class="mark">noisy</span><span class="mark">&lt;b&gt;</span>' in html
    assert 'class="marked"' in html


def test_overview_says_how_the_dataset_is_split(tmp_path):
    note = "5 of 9 <test> examples differ."
    folder = corpus_of(tmp_path / "x", row(), split_by="speaker", split_note=note)
    html = overview_html(overview_of(folder, "base"))
    split = "<dt>Split</dt><dd dir=auto>By speaker: no speaker of a test example is trained on. 5 of 9 &lt;test&gt;"
    assert split in html
    assert "<b>1</b><span>clip</span>" in html
    assert "<b>1</b><span>word</span>" in html
    assert "<dt>Split</dt>" not in overview_html(overview_of(corpus_of(tmp_path / "y", row()), "base"))


def test_overview_lists_recorded_versions_with_what_was_changed_the_newest_first(tmp_path):
    folder = corpus_of(tmp_path / "x", row())
    assert "Versions" not in overview_html(overview_of(folder, "base"))
    record_version(folder, "<as imported>")
    edit_rows(folder, [RowEdit(audio=row().audio, text="corrected")])
    html = overview_html(overview_of(folder, "base"))
    assert "Versions: 2" in html
    assert html.index("edits: text 1") < html.index("&lt;as imported&gt;")
    (folder / "versions/log.jsonl").write_text("{}\n{}\n")
    assert "Versions" not in overview_html(overview_of(folder, "base"))


def test_overview_counts_marked_clips_apart_and_tells_long_ones(tmp_path):
    rows = [row(audio=f"{i}.wav", marks=("noisy",) * (i < 2), duration_s=40.0 if i == 5 else 2.0) for i in range(6)]
    overview = overview_of(corpus_of(tmp_path / "x", *rows), "base")
    (part,) = overview.splits
    assert (overview.clips, part.clips, part.marked, overview.marks) == (6, 4, 2, {"noisy": 2})
    assert "1 clip is longer than 30 s" in overview_html(overview)


def test_text_in_capitals_or_without_punctuation_is_told(tmp_path):
    loud = [row(audio=f"{i}.wav", text="ALL OF THIS TEXT IS LOUD") for i in range(3)]
    html = overview_html(overview_of(corpus_of(tmp_path / "x", *loud), "base"))
    assert "are in capitals" in html
    assert "targets.lower_case" in html
    assert "no punctuation" in html


def test_charts_show_what_was_measured_and_every_clip_once(tmp_path):
    corpus = tones_corpus(tmp_path / "tones", 30)

    def charts() -> dict[str, dict]:
        board = json.loads(dataset_board("key", overview_of(corpus.folder, "base")))
        return {chart["name"]: chart["figure"] for chart in board["charts"]}

    assert {"duration_s", "characters_per_s", "words", "speakers"} <= charts().keys()
    assert "snr_db" not in charts()
    append_measures(corpus.folder / QUALITY_FILE, [AudioMeasures(sha256="0" * 64, snr_db=12.5)])
    assert sum(charts()["snr_db"]["data"][0]["y"]) == 30


def test_words_of_a_chart_are_escaped(tmp_path):
    rows = [row(audio=f"{i}.wav", speaker=f"<b>{i}") for i in range(2)]
    board = dataset_board("key", overview_of(corpus_of(tmp_path / "x", *rows), "base"))
    assert "<b>0" not in json.dumps(json.loads(board)["charts"][-1]["figure"]["layout"])


def test_tokens_of_the_model_are_counted_by_word(tmp_path, base_directory):
    text = "the the pneumonoultramicroscopicsilicovolcanoconiosis"
    overview = overview_of(corpus_of(tmp_path / "x", row(text=text)), str(base_directory))
    tokens = overview.tokens
    assert tokens
    assert (sum(tokens.words_by_tokens), tokens.words_by_tokens[0], tokens.words_by_tokens[-1]) == (2, 1, 1)
    assert tokens.single_share == 0.5
    assert tokens.longest[0][0].startswith("pneumono")
    assert overview_of(corpus_of(tmp_path / "y", row(text=text)), "no such model").tokens is None


@pytest.mark.parametrize(
    ("character", "name"), [("a", "latin small letter a"), (" ", "space"), ("\n", "line feed"), ("\x80", "u+0080")]
)
def test_characters_have_names(character, name):
    assert character_name(character) == name
