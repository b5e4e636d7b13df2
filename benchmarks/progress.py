"""Progress of a benchmark on stderr, so that stdout holds only its results."""

import sys


def report_progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
