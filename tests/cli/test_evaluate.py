"""Output of `qal evaluate`: the measure that decides, the split, the number of examples and the normaliser."""

from pathlib import Path

import numpy as np

from qal.cli.evaluate import EvaluateOptions, evaluation, table
from qal.evaluation.error_rates import count_errors
from qal.evaluation.scoring import Scored, make_score

REFERENCES = ["今天下午三点我们在图书馆见面讨论新的计划"] * 10
WRONG = ["今天下午三点我们在图书馆见面讨论新的计画"] * 10


def scored(hypotheses: list[str]) -> Scored:
    counts = count_errors(REFERENCES, hypotheses, "zh")
    return Scored(make_score(counts, rtf=0.1), counts, tuple(hypotheses))


def test_evaluation_names_measure_split_examples_and_normaliser():
    options = EvaluateOptions(model="tiny", corpus=Path("data/zh"), against="base")
    found = {"score": scored(WRONG), "against": scored(REFERENCES)}
    result = evaluation(options, found, {})
    assert (result["measure"], result["split"], result["utterances"]) == ("CER", "test", 10)
    assert result["normaliser"] == "basic-2"
    assert np.isclose(result["paired"]["difference"], 0.05)
    text = table(found, result, options)
    assert "data/zh · test set · 10 utterances, 10 words · normaliser basic-2" in text
    assert "tiny: CER 5.0 % (5.0 – 5.0), WER 100.0 %" in text
    assert "difference: CER +5.0 points" in text
