import dataclasses
import html
import json
import re
from typing import Any

import pytest

from qal.evaluation.report import RunReport
from qal.jobs.index import RunIndex
from qal.jobs.notes import Notes, write_notes
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import save_config
from qal.jobs.status import State
from tests.run_folders import metrics_rows_until, report_with_tuned_score, scripted_run
from ui_components.train.compare.figures import MAX_RUNS, Compared, compared_charts
from ui_components.train.compare.view import COLUMNS, Shown, differences_html, parameter_differences, table_html
from ui_components.train.run.charts import board_json

EVIL = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def shown(tmp_path):
    """shown(name, notes, **settings) -> a run of the table."""
    run_index = RunIndex()

    def make(
        name: str, notes: Notes | None = None, state: State = "finished", report: RunReport | None = None, **settings
    ) -> Shown:
        run = scripted_run(tmp_path / "runs", name, state)
        save_config(
            TrainingConfig(base="base", corpus=["data/asterisk-ru"]).model_copy(update=settings), run.config_file
        )
        if notes:
            write_notes(run, notes)
        if report is not None:
            run.report_file.write_text(report.to_json())
        entry = next(e for e in run_index.entries(tmp_path / "runs") if e.id == name)
        return Shown(entry, run_index.progress(run))

    return make


def row_of(table: str, run: str) -> str:
    return next(row for row in table.split("<tr") if f'data-run="{run}"' in row)


def cells(table: str, run: str) -> dict[str, str]:
    found = re.findall(r"<td(?: data-value=\"[^\"]*\")?>([^<]*)</td>", row_of(table, run))
    heads = re.findall(r'data-column="([^"]+)"', table)[1:]
    return dict(zip(heads, map(html.unescape, found), strict=True))


def test_a_row_says_what_a_run_is_and_came_to(shown):
    found = cells(table_html([shown("a")]), "a")
    assert found["state"] == "finished"
    assert (found["base"], found["corpus"]) == ("base", "asterisk-ru")
    assert (found["best WER"], found["test WER (95 %)"], found["CER"], found["RTF"]) == (
        "18.0 %",
        "19.0 %\n(14.0 – 25.0)",
        "5.5 %",
        "0.040",
    )


def test_what_was_not_measured_is_a_dash_and_has_no_value_to_sort_by(shown):
    table = table_html([shown("a", state="failed"), shown("b")])
    assert cells(table, "a")["test WER (95 %)"] == "–"
    assert "<td>–</td>" in table


def test_pinned_runs_stand_first_and_titles_and_tags_are_shown(shown):
    runs = [shown("a"), shown("b", Notes(title="The good one", tags=("russian", "short"), pinned=True))]
    table = table_html(runs)
    assert re.findall(r'data-run="(\w+)"', table) == ["b", "a"]
    row = row_of(table, "b")
    for words in ("The good one", "russian", "short", '<span class="qal-spoken">pinned</span>', "<span>b</span>"):
        assert words in row


def test_each_head_can_be_sorted_by_and_says_how_it_is(shown):
    table = table_html([shown("a")])
    heads = re.findall(r'aria-sort="none"><button type="button" data-column="([^"]+)"', table)
    assert heads == ["run", *(column.title for column in COLUMNS if column.title != "user")]


def test_a_column_in_which_nobody_has_anything_is_left_out(shown):
    one, other = shown("a"), shown("b")
    assert 'data-column="user"' not in table_html([one, other])
    known = dataclasses.replace(one.entry, status=one.entry.status.model_copy(update={"user": "anna"}))
    assert cells(table_html([Shown(known, one.progress), other]), "a")["user"] == "anna"


def test_nothing_that_people_write_is_markup(shown):
    runs = [shown(name, Notes(title=EVIL, tags=("<b>x</b>",), note=EVIL), base=EVIL) for name in ("a", "b")]
    runs[0].entry.run.update_status(user=EVIL)
    for page in (table_html(runs), differences_html(runs)):
        assert "<img" not in page
        assert "<b>" not in page
    legend = json.loads(board_json("k", compared_charts([Compared(EVIL, metrics_rows_until(2))])))
    assert "<" not in legend["charts"][0]["figure"]["data"][0]["name"]


def test_only_parameters_that_differ_are_told(shown):
    runs = [shown("a", epochs=4), shown("b", epochs=8, corpus=["data/x", "data/y"])]
    assert parameter_differences(runs) == {"corpus": ["asterisk-ru", "x, y"], "epochs": ["4", "8"]}
    assert parameter_differences([runs[0], runs[0]]) == {}
    assert "They have the same settings." in differences_html([runs[0], runs[0]])


def test_nested_parameters_have_their_dotted_names(shown):
    config = TrainingConfig()
    runs = [shown("a"), shown("b", lora=config.lora.model_copy(update={"rank": 64}))]
    assert parameter_differences(runs) == {"lora.rank": [str(config.lora.rank), "64"]}


def test_a_run_whose_settings_are_broken_is_compared_all_the_same(shown):
    runs = [shown("a"), shown("b")]
    broken = Shown(dataclasses.replace(runs[1].entry, config=None), runs[1].progress)
    assert parameter_differences([runs[0], broken])["epochs"][1] == "–"
    assert "–" in differences_html([runs[0], broken])
    assert row_of(table_html([broken]), "b")


def test_the_best_of_each_result_is_marked_in_words_and_ties_are_not_won(shown):
    worse = report_with_tuned_score(wer=0.3)
    runs = [shown("a", report=worse), shown("b")]
    rows = differences_html(runs).split("<tr>")
    test_wer = next(row for row in rows if "test WER" in row)
    assert re.findall(r'<td class="best">(.*?) <span', test_wer, re.DOTALL) == ["19.0 %\n(14.0 – 25.0)"]
    assert 'class="best"' not in next(row for row in rows if "best WER" in row)


def test_one_run_alone_is_not_compared(shown):
    assert differences_html([shown("a")]) == ""
    assert table_html([]).startswith("<p")


def test_runs_are_laid_over_one_another_each_in_its_colour():
    runs = [Compared(f"run {i}", metrics_rows_until(20)) for i in range(MAX_RUNS)]
    charts = compared_charts(runs)
    assert [chart.name for chart in charts] == ["loss", "wer", "cer"]
    for chart in charts:
        assert [trace.name for trace in list[Any](chart.figure.data)] == [run.name for run in runs]
        assert len({trace.line.color for trace in list[Any](chart.figure.data)}) == MAX_RUNS
    assert compared_charts([Compared("a", [])]) == []
