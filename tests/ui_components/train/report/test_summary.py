import pytest

from tests.run_folders import REPORT, STEPS, epoch_row, metrics_rows_until, report_with_tuned_score
from ui_components.train.report.summary import summary_basis, summary_lines


def lines_by_measure(rows, report=None) -> dict:
    return {line.measure: line for line in summary_lines(rows, report)}


def test_summary_shows_values_before_and_after_training_and_their_change():
    lines = lines_by_measure(metrics_rows_until(STEPS), REPORT)
    wer = lines["validation WER"]
    assert (wer.before, wer.after) == ("30.0 %", "18.0 % (epoch 4)")
    assert (wer.change, wer.is_better) == ("-12.0 points (-40 %)", True)
    test = lines["test WER"]
    assert (test.before, test.after, test.change) == ("25.0 %", "19.0 % (14.0 – 25.0)", "-6.0 points (-24 %)")
    assert lines["speed (RTF)"].change == "7.5 times faster"


def test_higher_error_rates_are_not_marked_as_better():
    rows = [epoch_row(0), {**epoch_row(1), "wer": 0.4, "validation_loss": 2.0}]
    lines = lines_by_measure(rows, report_with_tuned_score(wer=0.3, rtf=0.6))
    assert [lines[m].is_better for m in ("validation WER", "validation loss", "test WER")] == [False] * 3
    assert lines["speed (RTF)"].change == "2.0 times slower"


@pytest.mark.parametrize(
    ("rows", "report"),
    [
        ([], None),
        ([epoch_row(0)], None),
        ([epoch_row(1)], None),
        ([{**epoch_row(0), "wer": 0.0}, epoch_row(1)], report_with_tuned_score(wer=0.1)),
        ([], report_with_tuned_score(wer=0.1, rtf=0.0)),
    ],
)
def test_change_is_empty_if_a_value_was_not_measured(rows, report):
    for line in summary_lines(rows, report):
        assert bool(line.change) == (line.is_better is not None)
        assert not line.change or (line.before and line.after)


def test_error_rate_that_decides_is_first_and_the_test_lines_name_what_they_rest_on():
    rows = [{**row, "measure": "CER"} if "wer" in row else row for row in metrics_rows_until(STEPS)]
    report = REPORT.model_copy(update={"measure": "CER", "normaliser": "basic-2"})
    measures = [line.measure for line in summary_lines(rows, report)]
    assert measures[:2] == ["validation CER", "validation WER"]
    assert measures[3:5] == ["test CER", "test WER"]
    assert summary_basis(rows, report) == [
        "Validation lines: validation set · normaliser basic-1.",
        "Test lines: test set · 20 utterances, 90 words · normaliser basic-2.",
    ]
    assert summary_basis([], None) == []


def test_validation_lines_name_their_examples_and_normaliser():
    rows = [{**row, "utterances": 48, "normaliser": "basic-2"} for row in metrics_rows_until(STEPS)]
    assert summary_basis(rows, None) == ["Validation lines: validation set · 48 utterances · normaliser basic-2."]
