"""The HTML of the Models tab: content, sorting, filtering and escaping."""

from dataclasses import replace
from pathlib import Path

import pytest

from qal.engine.model_directory import MeasuredScore
from qal.engine.weights.stock_models import STOCK_MODELS
from qal.text.error_measure import ErrorRate
from ui_components.models.comparison_view import ComparisonResult, comparison_html
from ui_components.models.inventory import Model
from ui_components.models.table import COLUMNS, filter_models, sorted_models, table_html
from ui_components.models.view import details_html, download_link

WER = MeasuredScore(wer=0.159, low=0.116, high=0.202, corpus="asterisk-ru")
MODELS = [
    Model("small", "small", "absent", None, 488_000_000, STOCK_MODELS["small"], base="small", licence="MIT."),
    Model(
        "mine", "mine", "run", Path("/runs/mine/model"), 148_000_000, STOCK_MODELS["base"], ("ru",), WER, True, "base"
    ),
    Model("tiny.en", "tiny.en", "cache", Path("/m/tiny.en"), 78_000_000, STOCK_MODELS["tiny.en"], base="tiny.en"),
    Model("bad", "bad", "cache", Path("/m/bad"), 5, problem="cannot be read: files are missing"),
]
XSS = '<img src=x onerror="alert(1)">'


def keys(models) -> list[str]:
    return [model.key for model in models]


def test_table_row_has_dimensions_wer_languages_and_place():
    table = table_html(MODELS, "mine", "")
    size = ("74 M", "6 + 6", "512", "148 MB", "≈ 488 MB")
    for text in (*size, "15.9 % (11.6 – 20.2)", "adaptive", "Russian", "Download", "Installed", "Fine-tuned here"):
        assert text in table
    assert table.count('aria-pressed="true"') == 1
    assert "cannot be read" in table


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", ["small", "mine", "tiny.en", "bad"]),
        ("name", ["bad", "mine", "small", "tiny.en"]),
        ("-size", ["small", "mine", "tiny.en", "bad"]),
        ("parameters", ["tiny.en", "mine", "small", "bad"]),
        ("-parameters", ["small", "mine", "tiny.en", "bad"]),
        ("error_rate", ["mine", "small", "tiny.en", "bad"]),
        ("-error_rate", ["mine", "small", "tiny.en", "bad"]),
        ("context", ["mine", "small", "tiny.en", "bad"]),
    ],
)
def test_sorted_models_without_a_value_come_last(order, expected):
    assert keys(sorted_models(MODELS, order)) == expected


def test_every_column_is_sortable():
    for column in COLUMNS:
        for order in (column.name, f"-{column.name}"):
            assert len(sorted_models(MODELS, order)) == len(MODELS)
            assert "aria-sort" in table_html(MODELS, None, order)


@pytest.mark.parametrize(
    ("words", "where", "expected"),
    [
        ("", "", ["small", "mine", "tiny.en", "bad"]),
        ("russian", "", ["mine"]),
        ("RU base", "", ["mine"]),
        ("asterisk", "", ["mine"]),
        ("", "here", ["mine", "tiny.en", "bad"]),
        ("", "run", ["mine"]),
        ("small", "absent", ["small"]),
        ("nonsense", "", []),
    ],
)
def test_filter_matches_words_and_place(words, where, expected):
    assert keys(filter_models(MODELS, words, where)) == expected


def test_table_without_match_says_to_clear_the_filter():
    assert "clear the filter" in table_html([], None, "")


def test_text_from_disk_and_models_is_escaped():
    wer = MeasuredScore(wer=0.1, low=0, high=1, corpus=XSS)
    hostile = Model(
        XSS,
        XSS,
        "cache",
        Path(f"/m/{XSS}"),
        1,
        STOCK_MODELS["base"],
        (XSS,),
        wer,
        True,
        XSS,
        (XSS,),
        XSS,
    )
    broken = Model(XSS, XSS, "cache", Path("/m"), 1, problem=XSS)
    results = [
        ComparisonResult(XSS, XSS, (XSS,)),
        ComparisonResult(XSS, problem=XSS),
    ]
    pages = [table_html([hostile, broken], XSS, ""), details_html(hostile), details_html(broken)]
    pages += [
        comparison_html(results, XSS, [XSS]),
        download_link(XSS, XSS, XSS),
    ]
    assert not any("<img" in page for page in pages)


def test_details_have_location_window_languages_and_data():
    card = details_html(MODELS[1])
    for text in ("/runs/mine/model", "adaptive (faster)", "99; fine-tuned for Russian", "asterisk-ru", "6 + 6 layers"):
        assert text in card
    assert "not downloaded" in details_html(MODELS[0])
    assert "files are missing" in details_html(MODELS[3])


def test_differences_from_the_reference_are_marked_and_counted():
    result = ComparisonResult("a", "one too four", ("en",), 0.5, 1.0, 2.0, error_rate=ErrorRate("WER", 0.667))
    page = comparison_html([result], "one two three four")
    marked = ('<mark title="two">too</mark>', "<del>three</del>")
    for text in (*marked, "WER 66.7 % (basic-2)", "RTF 0.50", "1.0 s", "loaded in 0.5 s"):
        assert text in page
    assert "Differences from the reference" in page


def test_differences_without_reference_are_from_the_first_model():
    results = [ComparisonResult("a", "one two"), ComparisonResult("b", "one two more")]
    page = comparison_html(results, "", ["c"])
    assert "<ins>more</ins>" in page
    assert "first model" in page
    assert "Waiting" in page
    assert "<mark" not in comparison_html(results[:1], "")


def test_silence_and_errors_are_sentences():
    assert "No speech" in comparison_html([ComparisonResult("a")], "")
    failed = ComparisonResult("a", problem="the model has no language 'ru'")
    assert "The model has no language" in comparison_html([failed], "")


def test_card_and_table_name_measure_split_examples_and_normaliser_of_the_error_rate():
    chinese = MeasuredScore(
        wer=1.0,
        low=1.0,
        high=1.0,
        cer=0.08,
        cer_low=0.06,
        cer_high=0.1,
        measure="CER",
        corpus="zh-tests",
        utterances=120,
        words=150,
        normaliser="basic-2",
        source="docs/benchmarks.md",
    )
    model = replace(MODELS[1], measured=chinese)
    for page in (details_html(model), table_html([model], None, "")):
        assert "CER 8.0 % (6.0 – 10.0)" in page
        assert "test set · 120 utterances, 150 words · normaliser basic-2" in page
    assert "source: docs/benchmarks.md" in details_html(model)
    assert "normaliser basic-1" in details_html(MODELS[1])  # written before normalisers had names
