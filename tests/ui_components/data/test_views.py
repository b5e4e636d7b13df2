"""The HTML of the Data tab: how a dataset is split, counts with their nouns, long speaker names."""

import pytest

from qal.corpus.manifest import CorpusInfo, Row
from qal.corpus.statistics import SplitStatistics
from ui_components.data.corpora import RowPage
from ui_components.data.views import corpus_html, row_details, rows_html, shortened

LONG_ID = "0123456789abcdef" * 8
INFO = CorpusInfo(name="x", languages=("en",), utterances={}, duration_s=1, version="0" * 64)


def row(**values) -> Row:
    values = {"text": "words", "language": "en", "duration_s": 1.0, "split": "train", "sha256": ""} | values
    return Row.model_validate({"audio": "a.wav", **values})


def statistics(**values: int) -> SplitStatistics:
    numbers = {"minutes": 1, "shortest_s": 1, "median_s": 1, "longest_s": 1, "beyond_window": 0} | values
    return SplitStatistics.model_validate({"split": "all", "language": "all", **numbers})


@pytest.mark.parametrize("speaker", [LONG_ID, f"<b>{LONG_ID}"])
def test_long_speaker_names_are_shortened_with_the_full_name_as_title(speaker):
    html = rows_html(RowPage([(0, row(speaker=speaker))], 0, 1), None)
    assert html.count(LONG_ID) == 1
    assert f'{LONG_ID}">' in html
    assert shortened(speaker) in html.replace("&lt;", "<").replace("&gt;", ">")
    assert len(shortened(speaker)) == 21
    assert LONG_ID not in row_details(row(speaker=speaker))
    assert shortened("anna") == "anna"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_row_without_text_says_so(text):
    assert "no text" in rows_html(RowPage([(0, row(text=text))], 0, 1), None)


def test_overview_says_how_the_dataset_is_split():
    one = statistics(utterances=1, words=1, speakers=1)
    info = INFO.model_copy(update={"split_by": "speaker", "split_note": "5 of 9 <test> examples differ."})
    html = corpus_html(info, [one], [1.0])
    split = "<dt>Split</dt><dd dir=auto>By speaker: no speaker of a test example is trained on. 5 of 9 &lt;test&gt;"
    assert split in html
    assert "<b>1</b><span>clip</span>" in html
    assert "<b>1</b><span>word</span>" in html
    assert "<dt>Split</dt>" not in corpus_html(INFO, [one], [1.0])
