"""The line below the header, on every tab, that names the user's runs and imports in progress and links to their page.

An import that has ended stays for a few minutes, so that its end is seen on every tab."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.jobs.index import Entry
from qal.transcription.queue import QueuedFile
from qal.transcription.store import ENDED
from ui_components.app.address import DATA_TAB, run_address
from ui_components.app.studio import EVENT_OPTIONS, Studio, action, current_user
from ui_components.data.add.jobs import Job, job_state, progress_of, recent_jobs
from ui_components.data.add.views import short_progress
from ui_components.train.run.model_actions import TRANSCRIBE_TAB
from ui_components.train.run.view import STAGE_LABELS, percent, queue_label, run_share
from ui_components.transcribe.files.view import STATES

UPDATE_INTERVAL_S = 4
MAX_SHOWN_JOBS = 3


class JobsLine(NamedTuple):
    """Outputs of `update_jobs`."""

    html: Any
    sent: Any  # the HTML that the page has


def running_jobs(studio: Studio, page: gr.Blocks) -> None:
    line, sent = gr.HTML(""), gr.State("")
    update, events = action(update_jobs, studio), [page.load, gr.Timer(UPDATE_INTERVAL_S).tick]
    gr.on(events, update, sent, [line, sent], **EVENT_OPTIONS)


def update_jobs(studio: Studio, sent: str, request: gr.Request) -> JobsLine:
    """Shows the jobs of the user; nothing is sent if they are as the page has them."""
    user = current_user(request)
    runs = own_runs(studio.run_index.entries(studio.runs), user)
    imports = [(folder, job) for folder, job in recent_jobs(studio.data) if user in (None, job.user)]
    files = [file for file in studio.file_queue.files() if file.state not in ENDED and user in (None, file.user)]
    links = [*map(_run_link, runs), *(_import_link(folder, job) for folder, job in reversed(imports))]
    line = jobs_html([*links, *([_files_link(files)] if files else [])])
    return JobsLine(gr.skip(), gr.skip()) if line == sent else JobsLine(line, line)


def own_runs(entries: Sequence[Entry], user: str | None) -> list[Entry]:
    """The runs that have not ended: those of the user; all of them on a page without login."""
    return [entry for entry in entries if not entry.ended and user in (None, entry.status.user)]


def jobs_html(links: Sequence[str]) -> str:
    """The line with the links of the jobs; "" without jobs."""
    shown = "".join(links[:MAX_SHOWN_JOBS])
    more = f"<span>and {len(links) - MAX_SHOWN_JOBS} more</span>" if len(links) > MAX_SHOWN_JOBS else ""
    return f'<nav class="qal-jobs" aria-label="Jobs in progress">{shown}{more}</nav>' if links else ""


def _run_link(entry: Entry) -> str:
    status = entry.status
    if status.state == "queued":
        progress = queue_label(status)
    else:
        stage = STAGE_LABELS.get(status.stage, status.stage)
        progress = f"{stage} · {percent(run_share(status))}" if status.stages or status.steps else stage
    return _job_link(run_address(entry.id), entry.name, progress)


def _import_link(folder: Path, job: Job) -> str:
    return _job_link(f"#{DATA_TAB}", job.dataset, short_progress(job, job_state(folder, job), progress_of(folder)))


def _files_link(files: Sequence[QueuedFile]) -> str:
    """One link for all files that are being transcribed, with the share of the one that runs."""
    first = next((file for file in files if file.state == "running"), files[0])
    share = f" · {percent(min(1.0, first.settled_s / first.duration_s))}" if first.duration_s else ""
    others = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return _job_link(f"#{TRANSCRIBE_TAB}", f"{first.name}{others}", f"{STATES[first.state][0]}{share}")


def _job_link(address: str, name: str, progress: str) -> str:
    address, name = html.escape(address), html.escape(name)
    return f'<a href="{address}" title="{name}"><b>{name}</b><span>{html.escape(progress)}</span></a>'
