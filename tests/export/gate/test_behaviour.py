"""Checks of the behaviour: what a few examples may show, and weaknesses that the base model has, too."""

import numpy as np
import pytest

from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.export.gate.behaviour import MAX_PROMPT_LOSS, State, _compared, excused


def counts(wrong: int, examples: int) -> ErrorCounts:
    """Counts of examples of one word each, the first ones wrong."""
    return count_errors(["alpha"] * examples, ["bravo"] * wrong + ["alpha"] * (examples - wrong))


@pytest.mark.parametrize(("examples", "wrong", "passes"), [(40, 20, False), (4, 3, True), (4, 4, False), (40, 0, True)])
def test_few_examples_fail_a_check_only_by_a_large_loss(examples, wrong, passes):
    found = _compared(counts(wrong, examples), counts(0, examples), MAX_PROMPT_LOSS, "with a text before it")
    assert found.passed == passes
    assert found.loss == pytest.approx(wrong / examples)
    assert np.isfinite(found.limit)


@pytest.mark.parametrize(("base_loss", "passes"), [(0.25, True), (0.16, True), (0.1, False), (None, False)])
def test_weakness_of_the_base_model_is_no_fault_of_the_training(base_loss, passes):
    found = State(False, "WER +20.0 points", 0.2, MAX_PROMPT_LOSS)
    assert excused(found, State(False, "", base_loss)).passed == passes
    assert not excused(found, None).passed
