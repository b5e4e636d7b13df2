"""The end of a run's log as HTML."""

import html
from pathlib import Path

from qal.jobs.log_tail import SEVERITIES, LogRecord, filter_records, parse_records, read_tail

MAX_RECORDS = 400
STRIDE = 100  # records that are dropped together, so that the first line does not move with each new record
LEVEL_CHOICES = (("All", "all"), ("Info", "info"), ("Warnings", "warnings"), ("Errors only", "errors"))
MIN_SEVERITIES = {
    "all": None,
    "info": SEVERITIES["INFO"],
    "warnings": SEVERITIES["WARNING"],
    "errors": SEVERITIES["ERROR"],
}
CSS_CLASSES = {None: "plain", 0: "debug", 1: "info", 2: "warning", 3: "error"}  # by severity


def log_html(path: Path, level: str, query: str) -> str:
    """The last records of a log file.

    Args:
        path: the log file; it may be missing.
        level: a value of LEVEL_CHOICES.
        query: text that a record must contain, in upper or lower case.
    """
    tail = read_tail(path)
    records = filter_records(parse_records(tail.text), MIN_SEVERITIES.get(level), query)
    records = records[max(0, len(records) - MAX_RECORDS) // STRIDE * STRIDE :]
    if not records:
        return f'<p class="qal-muted">{"No matching records." if tail.text else "The log is empty."}</p>'
    lines = "".join(_record_html(record) for record in records)
    note = '<p class="qal-muted">Older records are in log.txt in the run\'s folder.</p>' if tail.is_truncated else ""
    return f'<div class="qal-log" role="region" aria-label="Log" tabindex="0"><ol>{lines}</ol></div>{note}'


def _record_html(record: LogRecord) -> str:
    return f'<li class="{CSS_CLASSES[record.severity]}">{html.escape(record.text)}</li>'
