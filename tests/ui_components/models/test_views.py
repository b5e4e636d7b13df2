"""The tab's tables and cards: nothing unescaped, sorted and filtered as asked."""

from pathlib import Path

import pytest

from qal.engine.model_directory import MeasuredWer
from qal.engine.stock_models import PUBLISHED
from ui_components.models.comparison_view import Heard, heard_html
from ui_components.models.inventory import Model
from ui_components.models.table import COLUMNS, matching, sorted_models, table_html
from ui_components.models.view import details_html, download_link

WER = MeasuredWer(wer=0.159, low=0.116, high=0.202, corpus="asterisk-ru")
MODELS = [
    Model("small", "small", "absent", None, 488_000_000, PUBLISHED["small"], base="small", licence="MIT."),
    Model("mine", "mine", "run", Path("/runs/mine/model"), 148_000_000, PUBLISHED["base"], ("ru",), WER, True, "base"),
    Model("tiny.en", "tiny.en", "cache", Path("/m/tiny.en"), 78_000_000, PUBLISHED["tiny.en"], base="tiny.en"),
    Model("bad", "bad", "cache", Path("/m/bad"), 5, problem="cannot be read: files are missing"),
]
EVIL = '<img src=x onerror="alert(1)">'


def keys(models) -> list[str]:
    return [model.key for model in models]


def test_a_row_tells_the_dimensions_and_the_error_rate():
    table = table_html(MODELS, "mine", "")
    size = ("74 M", "6 + 6", "512", "148 MB", "≈ 488 MB")
    for told in (*size, "15.9 % (11.6 – 20.2)", "adaptive", "Russian", "to fetch"):
        assert told in table
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
        ("wer", ["mine", "small", "tiny.en", "bad"]),
        ("-wer", ["mine", "small", "tiny.en", "bad"]),
        ("context", ["mine", "small", "tiny.en", "bad"]),
    ],
)
def test_models_are_sorted_and_what_has_no_value_comes_last(order, expected):
    assert keys(sorted_models(MODELS, order)) == expected


def test_every_column_can_be_sorted_by():
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
def test_models_are_filtered_by_words_and_place(words, where, expected):
    assert keys(matching(MODELS, words, where)) == expected


def test_an_empty_filter_says_what_to_do():
    assert "empty the filter" in table_html([], None, "")


def test_nothing_that_lies_on_the_disk_is_shown_as_html():
    wer = MeasuredWer(wer=0.1, low=0, high=1, corpus=EVIL)
    evil = Model(EVIL, EVIL, "cache", Path(f"/m/{EVIL}"), 1, PUBLISHED["base"], (EVIL,), wer, True, EVIL, (EVIL,), EVIL)
    broken = Model(EVIL, EVIL, "cache", Path("/m"), 1, problem=EVIL)
    heard = [Heard(EVIL, EVIL, (EVIL,)), Heard(EVIL, problem=EVIL)]
    pages = [table_html([evil, broken], EVIL, ""), details_html(evil), details_html(broken)]
    pages += [heard_html(heard, EVIL, [EVIL]), download_link(EVIL, EVIL, EVIL)]
    assert not any("<img" in page for page in pages)


def test_a_card_tells_what_is_known():
    card = details_html(MODELS[1])
    for told in ("/runs/mine/model", "adaptive context", "tuned for Russian", "asterisk-ru", "6 + 6 layers"):
        assert told in card
    assert "not on this machine" in details_html(MODELS[0])
    assert "files are missing" in details_html(MODELS[3])


def test_differences_to_the_reference_are_marked_and_counted():
    shown = heard_html([Heard("a", "one too four", ("en",), 0.5, 1.0, 2.0, wer=0.667)], "one two three four")
    marked = ('<mark title="two">too</mark>', "<del>three</del>")
    for told in (*marked, "WER 66.7 %", "RTF 0.50", "1.0 s", "loaded in 0.5 s"):
        assert told in shown
    assert "Against the reference" in shown


def test_without_a_reference_others_are_marked_against_the_first():
    shown = heard_html([Heard("a", "one two"), Heard("b", "one two more")], "", ["c"])
    assert "<ins>more</ins>" in shown
    assert "first model" in shown
    assert "waits" in shown
    assert "<mark" not in heard_html([Heard("a", "one two")], "")


def test_silence_and_an_error_have_words():
    assert "No speech" in heard_html([Heard("a")], "")
    assert "The model has no language" in heard_html([Heard("a", problem="the model has no language 'ru'")], "")
