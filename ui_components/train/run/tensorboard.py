"""The link to TensorBoard of runs that log to it; the server starts TensorBoard when the link is opened."""

import re
from pathlib import Path
from urllib.parse import urlencode

from qal.jobs.run import Run

ADDRESS = "qal/tensorboard/"  # relative to the page, so that it holds behind a proxy, too
FOLDER = "tensorboard"  # in a run's folder


def logs(run: Run) -> bool:
    return (run.folder / FOLDER).is_dir()


def logged_runs(runs: Path) -> int:
    return sum(1 for _ in runs.glob(f"*/{FOLDER}")) if runs.is_dir() else 0


def tensorboard_address(run: Run | None = None) -> str:
    """Of one run alone, or of all."""
    return ADDRESS + (f"?{urlencode({'runFilter': f'^{re.escape(run.id)}/'})}" if run else "")


def tensorboard_html(runs: Path) -> str:
    """The link and what it leads to; a sentence where no run logs to it."""
    count = logged_runs(runs)
    if not count:
        return '<p class="qal-muted">No run logs to TensorBoard; choose it as the tracker of a new one.</p>'
    about = f'<span class="qal-muted">charts of {count} run{"s" if count != 1 else ""}</span>'
    link = f'<a class="qal-link" href="{tensorboard_address()}" target="_blank" rel="noopener">Open TensorBoard</a>'
    return f'<div class="qal-list"><div class="facts">{link}{about}</div></div>'
