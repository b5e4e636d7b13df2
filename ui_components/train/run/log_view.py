"""The end of a run's log as HTML. Pure, but for reading the file's last bytes."""

import html
from pathlib import Path

from qal.jobs.log_tail import RANKS, Record, matching, records, tail

SHOWN, STRIDE = 400, 100  # records; a full page drops many at once, so that its lines stay where they are
LEVELS = (("all", "all"), ("info", "info"), ("warnings", "warnings"), ("only errors", "errors"))
LEAST = {"all": None, "info": RANKS["INFO"], "warnings": RANKS["WARNING"], "errors": RANKS["ERROR"]}
NAMES = {None: "plain", 0: "debug", 1: "info", 2: "warning", 3: "error"}


def log_html(path: Path, level: str, words: str) -> str:
    """What is at the end of the log, of that level and with these words."""
    text, cut = tail(path)
    found = matching(records(text), LEAST.get(level), words)
    found = found[max(0, len(found) - SHOWN) // STRIDE * STRIDE :]
    if not found:
        return f'<p class="qal-muted">{"Nothing in it is like that." if text else "Nothing has been logged yet."}</p>'
    lines = "".join(_line(record) for record in found)
    note = '<p class="qal-muted">The end of a long log; all of it is in log.txt of the run.</p>' if cut else ""
    return f'<div class="qal-log" role="region" aria-label="Log" tabindex="0"><ol>{lines}</ol></div>{note}'


def _line(record: Record) -> str:
    return f'<li class="{NAMES[record.rank]}">{html.escape(record.text)}</li>'
