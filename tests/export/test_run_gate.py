"""The gate at the end of a training: it stops, warns, writes its figures and keeps only better alignment heads."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qal.corpus.manifest import Row
from qal.errors import ConversionError
from qal.evaluation.check_result import CheckResult
from qal.evaluation.gate_report import GateReport, read_gate_report
from qal.evaluation.report import RunReport, print_report
from qal.evaluation.scoring import SpokenReference
from qal.export import run_gate
from qal.export.alignment_heads import HeadChoice
from qal.export.gate.formats import FormatTexts
from qal.export.gate.gate import GateInput
from qal.export.gate.word_times import JoinedRecording, TimeErrors, read_heads, short_rows
from qal.export.run_gate import gate_run
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from tests.run_folders import REPORT
from ui_components.train.report.view import report_html

PASSED = CheckResult(name="silence", state="passed", detail="0 words invented")
FAILED = CheckResult(name="prompts", state="failed", detail="WER +9.0 points")


@pytest.fixture
def converted(tiny_weights: Path, tmp_path: Path) -> Run:
    """A run whose model is converted and waits for the gate."""
    run = Run(tmp_path / "runs" / "r")
    run.folder.mkdir(parents=True)
    to_ctranslate2(tiny_weights, run.partial_model)
    shutil.copytree(tiny_weights, run.merged_model)
    return run


def gated(run: Run, corpus, monkeypatch, check: CheckResult, gate: str | None, progress: Callable = lambda *_: None):
    """Runs the gate with one check whose result is given; without `gate`, the default of `result.gate` applies."""
    given: list[GateInput] = []

    def scripted(model: GateInput, show) -> GateReport:
        given.append(model)
        show("word times", 1, 1)
        show("behaviour", 4, 8)
        return GateReport(model=model.name, checks=(check,))

    monkeypatch.setattr(run_gate, "run_gate", scripted)
    config = TrainingConfig.model_validate({"base": "tiny", "device": "cpu", "result": {"gate": gate} if gate else {}})
    held_out = [SpokenReference(np.zeros(16000, np.float32), "alpha", "en")] * 3
    texts = [FormatTexts("transformers", ["alpha"] * 3), FormatTexts("ctranslate2 int8", ["alpha"] * 3)]
    return gate_run(run, config, [corpus], run.partial_model, held_out, texts, progress), given[0]


def test_model_that_fails_the_gate_stops_the_export_and_its_figures_are_kept(converted, tiny_corpus, monkeypatch):
    with pytest.raises(
        ConversionError, match=r"prompts: WER \+9.0 points.* gate: warn under result: in .*config.yaml and resume"
    ):
        gated(converted, tiny_corpus, monkeypatch, FAILED, "stop")
    for folder in (converted.folder, converted.partial_model):
        report = read_gate_report(folder)
        assert report is not None
        assert report.failures == ["prompts: WER +9.0 points"]


def test_gate_that_warns_returns_the_failures(converted, tiny_corpus, monkeypatch):
    summary, given = gated(converted, tiny_corpus, monkeypatch, FAILED, "warn")
    assert summary.failures == ("prompts: WER +9.0 points",)
    assert [found.name for found in given.texts] == ["transformers", "ctranslate2 int8"]
    assert "too few short examples" in summary.alignment_heads


def test_training_exports_a_model_that_fails_the_gate_unless_it_is_told_to_stop(converted, tiny_corpus, monkeypatch):
    assert TrainingConfig().result.gate == "warn"
    summary, _ = gated(converted, tiny_corpus, monkeypatch, FAILED, None)
    assert summary.failures == ("prompts: WER +9.0 points",)


def test_gate_shows_progress_that_rises_to_its_end(converted, tiny_corpus, monkeypatch):
    shown: list[tuple[int, int]] = []
    gated(converted, tiny_corpus, monkeypatch, PASSED, "stop", lambda done, of: shown.append((done, of)))
    assert shown == [(0, 30), (3, 30), (6, 30), (18, 30), (30, 30)]


@pytest.mark.parametrize("new_error_s", [0.1, 0.9])
def test_alignment_heads_are_replaced_only_by_better_ones(new_error_s, converted, tiny_corpus, monkeypatch):
    def scripted(weights, engine, recordings) -> HeadChoice:
        old, new = (TimeErrors(np.full(20, error)) for error in (0.5, new_error_s))
        return HeadChoice([(1, 0)], [(0, 1)], old, new)

    monkeypatch.setattr(run_gate, "choose_heads", scripted)
    monkeypatch.setattr(
        run_gate, "join_pieces", lambda pieces: [JoinedRecording(np.zeros(0, np.float32), "en", (), (), ())] * 2
    )
    summary, _ = gated(converted, tiny_corpus, monkeypatch, PASSED, "stop")
    is_better = new_error_s < 0.5
    assert read_heads(converted.partial_model) == ([(0, 1)] if is_better else [(1, 0)])
    settings = json.loads((converted.merged_model / "generation_config.json").read_bytes())
    assert settings["alignment_heads"] == ([[0, 1]] if is_better else [[1, 0]])
    assert summary.alignment_heads.startswith("Better" if is_better else "The alignment heads are kept")


def test_report_shows_the_gate_and_old_reports_have_none(converted, tiny_corpus, monkeypatch, capsys):
    summary, _ = gated(converted, tiny_corpus, monkeypatch, FAILED, "warn")
    report = REPORT.model_copy(update={"gate": summary})
    assert RunReport.model_validate_json(report.to_json()) == report
    assert RunReport.model_validate_json(REPORT.to_json()).gate is None
    assert "Failed the gate: prompts: WER +9.0 points" in report_html(report)
    assert "Checks of the gate" not in report_html(REPORT)
    print_report(report)
    assert "Failed the gate: prompts: WER +9.0 points" in capsys.readouterr().out


def test_short_rows_for_word_times_are_single_words_where_there_are_enough():
    def row(text: str, duration_s: float = 1.0, **more) -> Row:
        return Row(
            audio=f"{text}.wav", text=text, language="en", duration_s=duration_s, split="train", sha256="0" * 64, **more
        )

    rows = [row("two words"), row("word", 3.0), row("word", marks=["noise"]), row("")]
    assert [found.text for found in short_rows(rows)] == ["two words"]
    assert {found.text for found in short_rows([*rows, *[row("alpha")] * 90])} == {"alpha"}
    assert len(short_rows([row("alpha")] * 5000)) == 320
