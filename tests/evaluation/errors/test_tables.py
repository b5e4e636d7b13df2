"""Every figure of an error analysis can be traced to its rows."""

import csv
import io

import pytest

from qal.errors import EvaluationError
from qal.evaluation.errors.analysis import ErrorAnalysis, analyse
from qal.evaluation.errors.tables import Table, all_tables, csv_text
from qal.evaluation.records import ScoredRow


@pytest.fixture(scope="module")
def analysis() -> ErrorAnalysis:
    texts = [("one two three", "one too three four five six"), ("one two", "one two"), ("", "you"), ("déjà", "deja")]
    rows = [
        ScoredRow(
            audio=f"{i}.wav", reference=r, hypothesis=h, language="fr", speaker="AB"[i % 2], duration_s=1 + 9 * (i % 2)
        )
        for i, (r, h) in enumerate(texts * 2)
    ]
    return analyse(rows, with_phonemes=False)


def test_each_line_of_each_table_names_rows_that_exist(analysis):
    tables = all_tables(analysis)
    assert len({table.name for table in tables}) == len(tables)
    for table in tables:
        assert len(table.lines) == len(table.sources)
        assert all(len(line) == len(table.columns) for line in table.lines)
        assert all(0 <= row < len(analysis.found.rows) for sources in table.sources for row in sources)


def test_groups_of_a_breakdown_hold_each_row_once(analysis):
    for table in all_tables(analysis):
        if table.name in ("by_speaker", "by_duration"):
            assert sorted(row for sources in table.sources for row in sources) == list(range(8))


def test_csv_has_a_line_for_each_line_with_its_rows(analysis):
    for table in all_tables(analysis):
        lines = list(csv.DictReader(io.StringIO(csv_text(table))))
        assert len(lines) == len(table.lines)
        assert [line["rows"] for line in lines] == [" ".join(str(i + 1) for i in rows) for rows in table.sources]


def test_texts_with_quotes_and_line_breaks_stay_one_cell():
    table = Table("t", "T", ("text",), (('a "b"\n, c',),), ((0, 2),))
    assert list(csv.reader(io.StringIO(csv_text(table)))) == [["text", "rows"], ['a "b"\n, c', "1 3"]]


def test_groups_of_which_there_is_one_or_none_known_are_left_out(analysis):
    assert set(analysis.groups) == {"speaker", "duration", "speed"}


def test_analysis_without_rows_is_refused_in_a_sentence():
    with pytest.raises(EvaluationError, match="no scored examples"):
        analyse([])
