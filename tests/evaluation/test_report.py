import json

import pytest

from qal.engine.model_directory import ModelMetadata
from qal.errors import TrainingError
from qal.evaluation.model_readme import model_readme
from qal.evaluation.report import (
    CorpusRetention,
    OriginalWer,
    Retention,
    TunedWer,
    data_notes,
    print_report,
    read_report,
    write_report,
)
from tests.run_folders import REPORT

TUNED_WER = TunedWer(wer=0.3, difference=0.1, low=0.05, high=0.15, p=0.001)
RETENTION = Retention(
    corpora={
        "other": CorpusRetention(
            utterances=9, stock_30s=OriginalWer(wer=0.2), tuned_30s=TUNED_WER, tuned_adaptive=TUNED_WER
        )
    },
    failures=("other: WER 10.0 points higher",),
)
WITH_RETENTION = REPORT.model_copy(update={"retention": RETENTION, "run": "ru-ቃል"})


@pytest.mark.parametrize("report", [REPORT, WITH_RETENTION])
def test_report_is_read_as_it_was_written(tmp_path, report):
    write_report(tmp_path / "report.json", report)
    assert read_report(tmp_path / "report.json") == report


def test_missing_report_is_none(tmp_path):
    assert read_report(tmp_path / "report.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", "[" * 100_000, '{"run": "\\udcff"}'])
def test_invalid_report_raises_training_error(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(TrainingError, match="not a valid report"):
        read_report(tmp_path / "report.json")


def test_too_large_report_raises_training_error(tmp_path):
    (tmp_path / "report.json").write_text(REPORT.to_json() + " " * 10_000_000)
    with pytest.raises(TrainingError, match="larger"):
        read_report(tmp_path / "report.json")


def test_reports_of_early_runs_can_be_read(tmp_path):
    early = json.loads(WITH_RETENTION.to_json())
    for later in ("method", "references"):
        del early[later]
    bare_shares = {"stock_30s": 0.9, "tuned_30s": 0.9, "tuned_adaptive": 1.0}
    early["retention"] |= {"language_identification": bare_shares, "timestamps": bare_shares}
    early["unknown"] = {}
    (tmp_path / "report.json").write_text(json.dumps(early))
    assert read_report(tmp_path / "report.json") == WITH_RETENTION


def test_terminal_table_and_readme_have_the_same_titles_and_failures(capsys):
    print_report(WITH_RETENTION)
    printed = capsys.readouterr().out
    readme = model_readme(ModelMetadata(base_model="base", languages=["ru"]), WITH_RETENTION)
    for title in ("Original base model, 30 s windows", "Fine-tuned, 30 s windows", "Fine-tuned, adaptive context"):
        assert title in printed
        assert title in readme
    assert "Worse than the original model: other: WER 10.0 points higher" in printed
    assert "**Worse than the original model**: other: WER 10.0 points higher" in readme


def test_leakage_of_a_run_is_a_note_of_its_report_and_old_reports_have_none():
    told = "One test example shares a sentence."
    assert told in data_notes(REPORT.model_copy(update={"leakage": told}))
    assert REPORT.leakage is None
