"""Comparison of formats: which steps are refused, and with which sentence."""

from pathlib import Path

import numpy as np
import pytest

from qal.errors import EvaluationError
from qal.evaluation.gate_report import (
    GATE_FILE,
    CheckResult,
    GateReport,
    read_gate_report,
    table_rows,
    table_text,
    write_gate_report,
)
from qal.evaluation.scoring import SpokenReference
from qal.export.gate.formats import FormatTexts, compare_formats, token_agreement

TEXTS = ["one two three four five"] * 100


def references(texts: list[str], language: str = "en") -> list[SpokenReference]:
    return [SpokenReference(np.zeros(0, np.float32), text, language) for text in texts]


def compared(*formats: FormatTexts, texts: list[str] = TEXTS, language: str = "en") -> list[str]:
    return [found.problem for found in compare_formats(references(texts, language), formats, str.split)]


def test_equal_formats_pass_and_agree_in_every_token():
    formats = [FormatTexts("transformers", TEXTS), FormatTexts("ctranslate2 int8", TEXTS, rtf=0.1, bytes=10)]
    _, step = compare_formats(references(TEXTS), formats, str.split)
    assert (step.problem, step.agreement, step.rtf, step.bytes) == ("", 1.0, 0.1, 10)
    assert step.loss is not None
    assert step.loss.difference == 0


def test_step_that_loses_more_than_a_point_is_refused_with_the_figures():
    worse = ["one two three four"] * 100
    _, problem = compared(FormatTexts("transformers", TEXTS), FormatTexts("int8", worse))
    assert "transformers -> int8 raises the WER by 20.0 points (95 % interval 20.0 to 20.0)" in problem


def test_loss_that_may_be_chance_is_no_reason_to_refuse():
    assert compared(FormatTexts("a", TEXTS), FormatTexts("b", ["", "", *TEXTS[2:]])) == ["", ""]


def test_language_without_spaces_is_judged_by_characters():
    texts = ["今天下午三点我们在图书馆见面讨论新的计划"] * 100
    worse = ["今天下午三点我们在图书馆见面讨论"] * 100
    _, problem = compared(FormatTexts("a", texts), FormatTexts("b", worse), texts=texts, language="zh")
    assert "raises the CER by 20.0 points" in problem


def test_other_wrong_words_instead_of_wrong_words_are_found_by_the_tokens():
    wrong, other = ["six seven eight nine ten"] * 100, ["six nothing is right now"] * 100
    _, problem = compared(FormatTexts("a", wrong), FormatTexts("b", other))
    assert "keeps only 20 % of the tokens" in problem


def test_base_model_may_write_other_texts_but_not_be_much_better():
    other = ["one two three four fine"] * 100  # 20 points worse than the base
    base = FormatTexts("base model", TEXTS, is_base=True)
    assert "base model -> mine raises the WER" in compared(base, FormatTexts("mine", other))[1]
    assert compared(FormatTexts("base model", ["x y z"] * 100, is_base=True), FormatTexts("mine", TEXTS))[1] == ""


@pytest.mark.parametrize(("texts", "is_refused"), [(["one two three four"] * 3, False), ([""] * 3, True)])
def test_few_examples_refuse_only_a_broken_step(texts, is_refused):
    _, problem = compared(FormatTexts("a", TEXTS[:3]), FormatTexts("b", texts), texts=TEXTS[:3])
    assert bool(problem) == is_refused


def test_token_agreement_counts_edits_of_the_longer_text():
    assert token_agreement(["a b c d"], ["a b x"], str.split) == 0.5
    assert token_agreement([""], [""], str.split) == 1.0


def test_gate_report_is_read_back_and_names_what_failed(tmp_path: Path):
    formats = compare_formats(references(TEXTS), [FormatTexts("a", TEXTS), FormatTexts("b", TEXTS)], str.split)
    checks = (CheckResult(name="silence", state="failed", detail="too many"), CheckResult(name="x", state="passed"))
    report = GateReport(model="mine", formats=tuple(formats), checks=checks)
    write_gate_report(tmp_path, report)
    assert read_gate_report(tmp_path) == report
    assert report.failures == ["silence: too many"]
    assert not report.passed
    heading, first, second = table_text(table_rows(report)).splitlines()
    assert heading.startswith("format  WER (95 % interval)")
    assert first.startswith("a ")
    assert "+0.0 points  100.0 %" in second


def test_gate_report_that_is_missing_damaged_or_too_large(tmp_path: Path, monkeypatch):
    assert read_gate_report(tmp_path) is None
    for content in (b"", b"{}", b"[" * 100_000, b"\xff", b'{"model": "a", "time": NaN}'):
        (tmp_path / GATE_FILE).write_bytes(content)
        with pytest.raises(EvaluationError, match="run the gate again"):
            read_gate_report(tmp_path)
    monkeypatch.setattr("qal.evaluation.gate_report.MAX_GATE_BYTES", 1)
    with pytest.raises(EvaluationError, match="too large"):
        read_gate_report(tmp_path)
