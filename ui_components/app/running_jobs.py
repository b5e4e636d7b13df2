"""The line below the header, on every tab, that names the user's jobs in progress and links to their page."""

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from qal.jobs.index import Entry
from ui_components.app.address import run_address
from ui_components.app.studio import EVENT_OPTIONS, Studio, action, current_user
from ui_components.train.run.view import STAGE_LABELS, percent, queue_label, run_share

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
    jobs = own_jobs(studio.run_index.entries(studio.runs), current_user(request))
    line = jobs_html(jobs)
    return JobsLine(gr.skip(), gr.skip()) if line == sent else JobsLine(line, line)


def own_jobs(entries: Sequence[Entry], user: str | None) -> list[Entry]:
    """The runs that have not ended: those of the user; all of them on a page without login."""
    return [entry for entry in entries if not entry.ended and user in (None, entry.status.user)]


def jobs_html(jobs: Sequence[Entry]) -> str:
    """A link for each job, with its progress; "" without jobs."""
    links = "".join(map(_job_link, jobs[:MAX_SHOWN_JOBS]))
    more = f"<span>and {len(jobs) - MAX_SHOWN_JOBS} more</span>" if len(jobs) > MAX_SHOWN_JOBS else ""
    return f'<nav class="qal-jobs" aria-label="Jobs in progress">{links}{more}</nav>' if jobs else ""


def _job_link(entry: Entry) -> str:
    status, name = entry.status, html.escape(entry.name)
    if status.state == "queued":
        progress = queue_label(status)
    else:
        stage = STAGE_LABELS.get(status.stage, status.stage)
        progress = f"{stage} · {percent(run_share(status))}" if status.stages or status.steps else stage
    address = html.escape(run_address(entry.id))
    return f'<a href="{address}" title="{name}"><b>{name}</b><span>{html.escape(progress)}</span></a>'
