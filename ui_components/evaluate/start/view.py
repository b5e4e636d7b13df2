"""The HTML of the evaluations that were started. Pure functions; all text is escaped."""

import html
from collections.abc import Sequence
from typing import NamedTuple

from ui_components.data.add.jobs import JobState
from ui_components.evaluate.start.jobs import EvaluationJob, EvaluationProgress
from ui_components.widgets.markup import minutes, sentence_html


class ShownJob(NamedTuple):
    """A job with what is shown of it."""

    job: EvaluationJob
    state: JobState
    progress: EvaluationProgress
    names: str  # of its models
    error: str = ""  # why it failed


def jobs_html(jobs: Sequence[ShownJob]) -> str:
    """The jobs with their progress or result, each with the buttons that apply to its state; "" without jobs."""
    return f'<div class="qal-imports">{"".join(map(_job_html, jobs))}</div>' if jobs else ""


def _job_html(shown: ShownJob) -> str:
    job, key = shown.job, html.escape(shown.job.id)
    name = f"<b>{html.escape(shown.names)}</b> on <b>{html.escape(job.dataset)}</b>"
    label = html.escape(f"{shown.names} on {job.dataset}")
    if shown.state == "running":
        share = shown.progress.share
        text = html.escape(progress_text(job, shown.progress))
        bar = "<i></i>" if share is None else f'<i style="width:{100 * share:.1f}%"></i>'
        waits = " waits" if share is None else ""
        return (
            f'<div class="qal-note job" data-in-progress><p role="status">Evaluating {name}. '
            f'{text}</p><div class="qal-bar{waits}">{bar}</div>{_button("stop", key, "Stop", label)}</div>'
        )
    texts = {
        "finished": f"Evaluated {name}.",
        "failed": f"The evaluation of {name} failed. {sentence_html(shown.error)}",
        "cancelled": f"The evaluation of {name} was stopped. What is transcribed is kept.",
        "interrupted": f"The evaluation of {name} was interrupted. What is transcribed is kept.",
    }
    buttons = _button("resume", key, "Continue", label) if shown.state != "finished" else ""
    buttons += _button("dismiss", key, "Dismiss", label)
    problem = " problem" if shown.state == "failed" else ""
    return f'<div class="qal-note job{problem}"><p role="status">{texts[shown.state]}</p>{buttons}</div>'


def progress_text(job: EvaluationJob, progress: EvaluationProgress) -> str:
    """The model, the examples and the time left, such as "Model 1 of 2 · 12 of 40 examples · 1:30 left"."""
    if not progress.total:
        return "Loading the model…"
    parts = [f"Model {progress.number} of {len(job.models)}"] if len(job.models) > 1 else []
    parts.append(f"{progress.done:,} of {progress.total:,} examples")
    parts += [f"about {minutes(progress.left_s)} left"] if progress.left_s is not None else []
    return " · ".join(parts)


def _button(action: str, key: str, label: str, name: str) -> str:
    return f'<button type="button" data-{action}="{key}" aria-label="{label}: {name}">{label}</button>'
