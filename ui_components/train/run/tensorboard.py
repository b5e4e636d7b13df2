"""Links to TensorBoard; the server starts TensorBoard when a link is opened."""

import re
from pathlib import Path
from urllib.parse import urlencode

from qal.jobs.run import TENSORBOARD_FOLDER, Run

ADDRESS = "qal/tensorboard/"  # relative to the page, so that it works behind a proxy


def has_tensorboard_logs(run: Run) -> bool:
    """True if the run has logged metrics to TensorBoard."""
    return run.tensorboard.is_dir()


def logged_run_count(runs: Path) -> int:
    """The number of runs with TensorBoard logs."""
    return sum(1 for _ in runs.glob(f"*/{TENSORBOARD_FOLDER}")) if runs.is_dir() else 0


def tensorboard_address(run: Run | None = None) -> str:
    """The address of TensorBoard, with all runs or with one run."""
    return ADDRESS + (f"?{urlencode({'runFilter': f'^{re.escape(run.id)}/'})}" if run else "")


def tensorboard_html(runs: Path) -> str:
    """A link to TensorBoard with the number of its runs; without runs, a sentence that says how to log to it."""
    count = logged_run_count(runs)
    if not count:
        return '<p class="qal-muted">No run logs to TensorBoard; choose it as the tracker of a new run.</p>'
    about = f'<span class="qal-muted">charts of {count} run{"s" if count != 1 else ""}</span>'
    link = f'<a class="qal-link" href="{tensorboard_address()}" target="_blank" rel="noopener">Open TensorBoard</a>'
    return f'<div class="qal-list"><div class="facts">{link}{about}</div></div>'
