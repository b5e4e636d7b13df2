"""Prints a corpus that was imported, and what was skipped."""

import sys
from collections.abc import Sequence

from qal.corpus.manifest import Corpus
from qal.corpus.split_assignment import describe_split
from qal.corpus.statistics import corpus_statistics, format_table
from qal.json_text import json_text

MAX_SKIPPED_LINES = 20  # of skipped files that are printed; the others are counted


def show_skipped(skipped: Sequence[str]) -> None:
    for reason in skipped[:MAX_SKIPPED_LINES]:
        print(f"skipped: {reason}", file=sys.stderr)
    if len(skipped) > MAX_SKIPPED_LINES:
        print(f"skipped: {len(skipped) - MAX_SKIPPED_LINES} more", file=sys.stderr)


def show_split(corpus: Corpus) -> None:
    print(f"split: {describe_split(corpus.info) or 'not recorded'}")


def show_corpus(corpus: Corpus, skipped: Sequence[str], as_json: bool, notes: Sequence[str] = ()) -> None:
    info = corpus.info
    print(f"{corpus.folder}: {len(corpus.rows)} utterances, {len(skipped)} skipped, version {info.version[:12]}")
    print(format_table(corpus_statistics(corpus)))
    show_split(corpus)
    print(f"licence: {info.licence}")
    for line in (info.attribution, info.notes):
        if line:
            print(line)
    if as_json:
        about = {"folder": str(corpus.folder), "left_out": list(skipped), "notes_of_import": list(notes)}
        print(json_text({**about, **info.model_dump()}))
