"""The reports of an evaluation as files."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from qal.cli.evaluation.report import main
from qal.errors import EvaluationError, OptionError
from qal.evaluation.records import Evaluation, ScoredRow, rows_writer, write_evaluation
from ui_components.evaluate.report.files import write_report

HOSTILE = '</script><script>alert("1")</script>'


def evaluation_folder(folder: Path, rows: list[ScoredRow], **settings: Any) -> Path:
    write_evaluation(folder, Evaluation(id="e1", corpus="corpus", state="finished", **{"model": "base", **settings}))
    with rows_writer(folder) as writer:
        for row in rows:
            writer.append(row)
    return folder


def spoken(reference: str, hypothesis: str, **known: Any) -> ScoredRow:
    values: dict[str, Any] = {"audio": "a.wav", "language": "en", "duration_s": 2.0, **known}
    return ScoredRow(reference=reference, hypothesis=hypothesis, **values)


ROWS = [
    spoken("the ship sails", "the sheep sails", speaker="Ann"),
    spoken("one two three", "one two three", speaker="Ben"),
    spoken("and so on", "and so", speaker="Ben", audio="b.wav"),
    spoken("", "thank you", audio="c.wav"),
]


def without_scripts(page: str) -> str:
    return re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_report_is_written_in_all_formats(tmp_path):
    files = write_report(evaluation_folder(tmp_path / "e1", ROWS), tmp_path / "out", with_phonemes=False)
    names = {str(file.relative_to(tmp_path / "out")) for file in files}
    assert {"report.html", "report.json", "report.png", "tables/examples.csv", "tables/word_confusions.csv"} <= names
    assert all(file.is_file() for file in files)
    with Image.open(tmp_path / "out/report.png") as image:
        assert image.size == (1560, 960)


def test_html_report_loads_nothing_and_its_links_lead_to_rows(tmp_path):
    settings = {"left_out": {"longer than 29 s": 3}, "decoding": {"beam_size": 5}}
    write_report(evaluation_folder(tmp_path / "e1", ROWS, **settings), tmp_path, formats=("html",), with_phonemes=False)
    page = without_scripts((tmp_path / "report.html").read_text())
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)
    links = set(re.findall(r'href="#(row-\d+)"', page))
    assert links
    assert links <= set(re.findall(r'<article id="(row-\d+)"', page))
    for text in ("test set · 4 utterances, 9 words · normaliser basic-2", "3 longer than 29 s", "beam_size 5"):
        assert text in page
    assert '<del title="Deletion or substitution: missing or different in the prediction">' in page


def test_figures_of_a_group_stay_on_one_line_in_a_section_as_wide_as_the_page(tmp_path):
    write_report(evaluation_folder(tmp_path / "e1", ROWS), tmp_path, formats=("html",), with_phonemes=False)
    page = without_scripts((tmp_path / "report.html").read_text())
    assert re.search(r'<section class="wide"><h2>By speaker', page)
    assert re.search(r'<td class="text short" dir="auto">[\d.]+ % \(', page)
    assert "<th>utterances</th>" in page  # to the right, above its numbers


def test_worst_example_of_the_report_is_aligned_with_the_normaliser_of_the_report(tmp_path):
    folder = evaluation_folder(tmp_path / "e1", [spoken("ፀሐይ ወጣች", "ጸሀይ ወጣ", language="am")])
    write_report(folder, tmp_path, "language-homophones", ("html",), with_phonemes=False)
    page = without_scripts((tmp_path / "report.html").read_text())
    assert "normaliser language-homophones-1" in page
    assert '<dd dir="auto" lang="am">ጸሀይ <ins' in page


@pytest.mark.parametrize("text", [HOSTILE, "<img src=x onerror=alert(1)>", "$\\frac{$ _^", "ቃል 词 كلمة", "%s{x}\u202e"])
def test_report_escapes_any_text(tmp_path, text):
    rows = [spoken(f"{text} a", f"b {text}", speaker=text, source=text, audio=text), *ROWS]
    folder = evaluation_folder(tmp_path / "e1", rows, model=text, corpus_path=text, problem=text, decoding={text: text})
    write_report(folder, tmp_path / "out", with_phonemes=False)
    page = (tmp_path / "out/report.html").read_text()
    assert "<script>alert" not in page
    assert "<img" not in page


def test_csv_names_the_lines_of_the_rows_that_a_figure_comes_from(tmp_path):
    write_report(evaluation_folder(tmp_path / "e1", ROWS), tmp_path, formats=("csv",), with_phonemes=False)
    lines = list(csv.DictReader(io.StringIO((tmp_path / "tables/word_confusions.csv").read_text())))
    assert {"reference": "ship", "hypothesis": "sheep", "count": "1", "rows": "1"} in lines
    by_speaker = list(csv.DictReader(io.StringIO((tmp_path / "tables/by_speaker.csv").read_text())))
    assert {line["speaker"]: line["rows"] for line in by_speaker} == {"Ann": "1", "Ben": "2 3", "unknown": "4"}


def test_cells_of_csv_are_no_formulas(tmp_path):
    rows = [spoken("=1+1", "@SUM(A1)", audio="=cmd|' /C calc'!A0")]
    write_report(evaluation_folder(tmp_path / "e1", rows), tmp_path, "none", ("csv",), with_phonemes=False)
    (line,) = csv.DictReader(io.StringIO((tmp_path / "tables/examples.csv").read_text()))
    assert (line["reference"], line["hypothesis"], line["audio"][:2]) == ("'=1+1", "'@SUM(A1)", "'=")


def test_json_report_holds_figures_and_tables(tmp_path):
    write_report(evaluation_folder(tmp_path / "e1", ROWS), tmp_path, formats=("json",), with_phonemes=False)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["evaluation"]["id"], report["normaliser"]) == ("e1", "basic-2")
    assert report["figures"]["edits"] == [1, 1, 2]
    assert report["tables"]["without_speech"] == [{"text": "thank you", "examples": 1, "rows": [4]}]


def test_missing_espeak_leaves_out_the_phonemes_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("qal.text.phonemes.shutil.which", lambda program: None)
    write_report(evaluation_folder(tmp_path / "e1", ROWS), tmp_path, formats=("json",))
    report = json.loads((tmp_path / "report.json").read_text())
    assert "not installed" in report["phonemes_problem"]
    assert "phoneme_confusions" not in report["tables"]


def test_report_of_an_empty_or_missing_evaluation_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(EvaluationError, match="no scored examples"):
        write_report(evaluation_folder(tmp_path / "e1", []), tmp_path)
    with pytest.raises(EvaluationError, match="missing or damaged"):
        write_report(tmp_path / "e2", tmp_path)
    with pytest.raises(OptionError, match="format 'pdf'"):
        write_report(tmp_path / "e1", tmp_path, formats=("pdf",))


def test_report_of_rows_without_errors_has_no_worst_example(tmp_path):
    folder = evaluation_folder(tmp_path / "e1", [spoken("one", "one")])
    write_report(folder, tmp_path / "out", with_phonemes=False)
    assert "No example has an error." in (tmp_path / "out/report.html").read_text()


def test_command_writes_the_report_beside_the_evaluation(tmp_path, capsys):
    folder = evaluation_folder(tmp_path / "e1", ROWS)
    main([str(folder), "--format", "json", "csv", "--without-phonemes", "--json"])
    files = json.loads(capsys.readouterr().out)["files"]
    assert str(folder / "report" / "report.json") in files
    assert not (folder / "report" / "report.html").exists()
