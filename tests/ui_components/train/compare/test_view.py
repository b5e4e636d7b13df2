import dataclasses
import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from qal.evaluation.report import RunReport
from qal.jobs.index import Progress, RunIndex, best_validation
from qal.jobs.notes import Notes, write_notes
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import save_config
from qal.jobs.status import State
from tests.run_folders import STEPS, metrics_rows_until, report_with_tuned_score, scripted_run
from ui_components.train.compare.figures import MAX_RUNS, NamedMetrics, comparison_charts
from ui_components.train.compare.view import COLUMNS, RunSummary, differences_html, different_settings, table_html
from ui_components.train.run.charts import board_json

MARKUP = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def summary(tmp_path) -> Callable[..., RunSummary]:
    """summary(name, notes, **settings) writes a run and returns its row of the table."""
    run_index = RunIndex()

    def make(
        name: str, notes: Notes | None = None, state: State = "finished", report: RunReport | None = None, **settings
    ) -> RunSummary:
        run = scripted_run(tmp_path / "runs", name, state)
        config = TrainingConfig(base="base", corpus=["data/asterisk-ru"]).model_copy(update=settings)
        save_config(config, run.config_file)
        if notes:
            write_notes(run, notes)
        if report is not None:
            run.report_file.write_text(report.to_json())
        entry = next(e for e in run_index.entries(tmp_path / "runs") if e.id == name)
        return RunSummary(entry, run_index.progress(run))

    return make


def table_row(table: str, run: str) -> str:
    return next(row for row in table.split("<tr") if f'data-run="{run}"' in row)


def cells(table: str, run: str) -> dict[str, str]:
    """The texts of a row by column title."""
    texts = re.findall(r"<td(?: data-value=\"[^\"]*\")?>([^<]*)</td>", table_row(table, run))
    titles = re.findall(r'data-column="([^"]+)"', table)[1:]
    return dict(zip(titles, map(html.unescape, texts), strict=True))


def test_table_row_shows_state_base_model_dataset_and_results(summary):
    texts = cells(table_html([summary("a")]), "a")
    assert texts["state"] == "Finished"
    assert (texts["base"], texts["dataset"]) == ("base", "asterisk-ru")
    assert texts["best validation"] == "WER 18.0 %"
    assert texts["test (95 %)"] == "WER 19.0 %\n(14.0 – 25.0)"
    assert texts["test CER"] == "CER 5.5 %"
    assert texts["test examples"] == "20 utterances\n90 words, basic-1"
    assert texts["RTF"] == "0.040"


def test_missing_result_is_a_dash_without_a_sort_value(summary):
    table = table_html([summary("a", state="failed"), summary("b")])
    assert cells(table, "a")["test (95 %)"] == "–"
    assert "<td>–</td>" in table


def test_pinned_runs_are_first_and_titles_and_tags_are_shown(summary):
    runs = [summary("a"), summary("b", Notes(title="The good one", tags=("russian", "short"), pinned=True))]
    table = table_html(runs)
    assert re.findall(r'data-run="(\w+)"', table) == ["b", "a"]
    row = table_row(table, "b")
    pin = '<span class="qal-screen-reader">pinned</span>'
    for text in ("The good one", "russian", "short", pin, "<span>b</span>"):
        assert text in row


def test_every_column_head_has_a_sort_button_and_a_sort_state(summary):
    table = table_html([summary("a")])
    heads = re.findall(r'aria-sort="none"><button type="button" data-column="([^"]+)"', table)
    assert heads == ["run", *(column.title for column in COLUMNS if column.title != "user")]


def test_column_that_is_empty_in_all_runs_is_left_out(summary):
    first, second = summary("a"), summary("b")
    assert 'data-column="user"' not in table_html([first, second])
    entry = dataclasses.replace(first.entry, status=first.entry.status.model_copy(update={"user": "anna"}))
    assert cells(table_html([RunSummary(entry, first.progress), second]), "a")["user"] == "anna"


def test_texts_of_users_are_escaped(summary):
    runs = [summary(name, Notes(title=MARKUP, tags=("<b>x</b>",), note=MARKUP), base=MARKUP) for name in ("a", "b")]
    runs[0].entry.run.update_status(user=MARKUP)
    for page in (table_html(runs), differences_html(runs)):
        assert "<img" not in page
        assert "<b>" not in page
    board = json.loads(board_json("k", comparison_charts([NamedMetrics(MARKUP, metrics_rows_until(2))])))
    assert "<" not in board["charts"][0]["figure"]["data"][0]["name"]


def test_only_different_settings_are_listed(summary):
    runs = [summary("a", epochs=4), summary("b", epochs=8, corpus=["data/x", "data/y"])]
    assert different_settings(runs) == {"corpus": ["asterisk-ru", "x, y"], "epochs": ["4", "8"]}
    assert different_settings([runs[0], runs[0]]) == {}
    assert "All settings are the same." in differences_html([runs[0], runs[0]])


def test_nested_settings_have_dotted_names(summary):
    config = TrainingConfig()
    runs = [summary("a"), summary("b", lora=config.lora.model_copy(update={"rank": 64}))]
    assert different_settings(runs) == {"lora.rank": [str(config.lora.rank), "64"]}


def test_run_with_unreadable_settings_is_still_compared(summary):
    runs = [summary("a"), summary("b")]
    unreadable = RunSummary(dataclasses.replace(runs[1].entry, config=None), runs[1].progress)
    assert different_settings([runs[0], unreadable])["epochs"][1] == "–"
    assert "–" in differences_html([runs[0], unreadable])
    assert table_row(table_html([unreadable]), "b")


def test_best_result_is_marked_with_a_word_and_a_tie_has_no_best(summary):
    worse = report_with_tuned_score(wer=0.3)
    runs = [summary("a", report=worse), summary("b")]
    rows = differences_html(runs).split("<tr>")
    test_wer = next(row for row in rows if "test (95 %)" in row)
    assert re.findall(r'<td class="best">(.*?) <span', test_wer, re.DOTALL) == ["WER 19.0 %\n(14.0 – 25.0)"]
    assert 'class="best"' not in next(row for row in rows if "best validation" in row)


def test_run_without_a_test_result_shows_no_validation_result_as_one(summary):
    unfinished = summary("a", state="interrupted")
    texts = cells(table_html([unfinished, summary("b")]), "a")
    assert (texts["test (95 %)"], texts["test CER"], texts["RTF"]) == ("–", "–", "–")
    assert texts["best validation"] == "WER 18.0 %"


@pytest.mark.parametrize(
    "change",
    [
        {"corpus_version": "1"},
        {"utterances": 21},
        {"normaliser": "basic-2"},
        {"measure": "CER"},
        {"references": "base"},  # the base model wrote the reference transcripts
        {"language": "en"},  # decides the normalisation
    ],
)
def test_results_on_different_test_sets_or_normalisers_have_no_best(summary, change):
    other = report_with_tuned_score(wer=0.3, cer=0.1, rtf=0.09).model_copy(update=change)
    page = differences_html([summary("a", report=other), summary("b")])
    for row in page.split("<tr>"):
        assert "best</span>" not in row or "test" not in row
    assert "tested on different examples" in page


def test_training_time_and_validation_on_other_datasets_have_no_best(summary):
    runs = [summary("a"), summary("b", corpus=["data/other"])]
    rows = [{**row, "wer": 0.9 * row["wer"]} if "wer" in row else row for row in metrics_rows_until(STEPS)]
    longer = Progress(best_validation(rows), train_s=1e4)
    page = differences_html([runs[0], RunSummary(runs[1].entry, longer)])
    for title in ("minutes", "best validation"):
        assert "best</span>" not in next(row for row in page.split("<tr>") if f">{title}</th>" in row)


@pytest.mark.parametrize("keys", [("0", "0"), ("0", "1"), ("0", None), (None, None)])
def test_validation_on_other_examples_of_the_same_dataset_has_no_best(summary, keys):
    """A dataset in which an example was corrected between two runs has other references."""
    runs = []
    for name, share, key in zip("ab", (1, 0.9), keys, strict=True):
        labels = {"examples": key, "utterances": 20} if key else {"utterances": 20}
        rows = [{**r, **labels, "wer": share * r["wer"]} if "wer" in r else r for r in metrics_rows_until(STEPS)]
        runs.append(RunSummary(summary(name).entry, Progress(best_validation(rows), train_s=60.0)))
    row = next(r for r in differences_html(runs).split("<tr>") if ">best validation</th>" in r)
    assert ("best</span>" in row) == (keys[0] == keys[1])


def test_measure_of_a_language_without_spaces_is_shown_first(summary):
    rows = [{**row, "measure": "CER"} if "wer" in row else row for row in metrics_rows_until(STEPS)]
    report = report_with_tuned_score(wer=0.9).model_copy(update={"measure": "CER", "normaliser": "basic-2"})
    chinese = RunSummary(summary("a", report=report).entry, Progress(best_validation(rows), train_s=60.0))
    texts = cells(table_html([chinese]), "a")
    assert texts["best validation"] == "CER 5.0 %"
    assert texts["test (95 %)"] == "CER 5.5 %"


def test_single_run_has_no_differences(summary):
    assert differences_html([summary("a")]) == ""
    assert table_html([]).startswith("<p")


def test_compared_runs_share_charts_with_one_colour_per_run():
    runs = [NamedMetrics(f"run {i}", metrics_rows_until(20)) for i in range(MAX_RUNS)]
    charts = comparison_charts(runs)
    assert [chart.name for chart in charts] == ["loss", "wer", "cer"]
    for chart in charts:
        assert [trace.name for trace in list[Any](chart.figure.data)] == [run.name for run in runs]
        assert len({trace.line.color for trace in list[Any](chart.figure.data)}) == MAX_RUNS
    assert comparison_charts([NamedMetrics("a", [])]) == []
