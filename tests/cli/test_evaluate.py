"""Output of `qal evaluate`: the measure that decides, the split, the number of examples and the normaliser."""

from pathlib import Path

import numpy as np
import pytest

from qal.cli.subcommands.evaluate import EvaluateOptions, evaluation, held_out, table
from qal.corpus.left_out import SILENT, UNREADABLE
from qal.errors import CorpusError
from qal.evaluation.error_rates import count_errors
from qal.evaluation.scoring import Scored, make_score
from tests.sounds import spoken_corpus, write_audio

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


def test_unreadable_and_silent_audio_is_left_out_and_counted(english_corpus, tmp_path):
    corpus = spoken_corpus(tmp_path / "voices", english_corpus, 6)
    split = corpus.rows[0].split
    unreadable, *others = (corpus.audio_path(row) for row in corpus.select(split))
    unreadable.write_bytes(b"not audio")
    options = EvaluateOptions(model="tiny", corpus=corpus.folder, split=split)
    found = held_out(options, corpus)
    assert (len(found.references), found.left_out) == (len(others), {UNREADABLE: 1})
    for path in others:
        write_audio(path, np.zeros(16_000, np.float32))
    with pytest.raises(CorpusError, match=f"{len(others)} {SILENT}"):
        held_out(options, corpus)
