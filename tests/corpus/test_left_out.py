"""Marked examples are counted among those that a run and a score leave out."""

from pathlib import Path

from qal.corpus.left_out import describe_left_out
from qal.corpus.manifest import Corpus, Origin, write_corpus
from qal.jobs.dataset_notes import left_out_of_run
from qal.jobs.options.training_config import TrainingConfig
from tests.tiny_model import make_tones


def test_run_counts_marked_examples_once_with_their_first_mark(tmp_path: Path):
    corpus = make_tones(tmp_path / "corpus")
    marks = [("noisy", "cut"), ("noisy",), (), *[()] * (len(corpus.rows) - 3)]
    rows = [row.model_copy(update={"marks": m}) for row, m in zip(corpus.rows, marks, strict=True)]
    marked: Corpus = write_corpus(corpus.folder, Origin(name="marked"), rows)
    counts = left_out_of_run([marked], TrainingConfig())
    assert counts == {**left_out_of_run([corpus], TrainingConfig()), 'marked "noisy"': 2}
    assert describe_left_out({'marked "noisy"': 2}) == '2 examples left out: 2 marked "noisy"'
