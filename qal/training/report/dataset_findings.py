"""Findings about the datasets of a run, recorded before it trains: examples left out, and what the splits share."""

import sys
from collections.abc import Sequence

from qal.corpus.leakage import find_leakage, known_fingerprints
from qal.corpus.left_out import describe_left_out
from qal.corpus.manifest import Corpus
from qal.jobs.run import Run


def record_left_out(run: Run, left_out: dict[str, int]) -> None:
    """Writes to the terminal and to status.json which examples the run does not use."""
    run.update_status(left_out=left_out)
    if left_out:
        print(describe_left_out(left_out), file=sys.stderr)


def record_leakage(run: Run, corpora: Sequence[Corpus]) -> None:
    """Writes to the terminal and to status.json what the test examples share with the training examples."""
    trained, tested = ([row for c in corpora for row in c.select(split)] for split in ("train", "test"))
    if trained and tested:
        sentence = find_leakage(trained, tested, known_fingerprints(corpora)).describe()
        run.update_status(leakage=sentence)
        print(sentence, file=sys.stderr)
