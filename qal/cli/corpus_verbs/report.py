"""Prints what a command made of recordings or texts, and what it left out."""

import sys
from collections.abc import Sequence

from qal.corpus.manifest import Corpus
from qal.corpus.statistics import corpus_statistics, format_table
from qal.json_text import json_text

MAX_LINES = 20  # of what is left out that are printed; the others are counted


def show_made(corpus: Corpus, left_out: Sequence[str], as_json: bool) -> None:
    """Prints the examples of a new dataset and the first reasons of what is left out.

    Args:
        corpus: the dataset.
        left_out: a line for each piece or sentence that is left out.
        as_json: prints one JSON object as the last line."""
    for line in left_out[:MAX_LINES]:
        print(f"left out: {line}", file=sys.stderr)
    if len(left_out) > MAX_LINES:
        print(f"left out: {len(left_out) - MAX_LINES} more", file=sys.stderr)
    info = corpus.info
    print(f"{corpus.folder}: {len(corpus.rows)} examples, {len(left_out)} left out, version {info.version[:12]}")
    print(format_table(corpus_statistics(corpus)))
    print(info.split_note)
    if as_json:
        print(json_text({"folder": str(corpus.folder), "left_out": list(left_out), **info.model_dump()}))
