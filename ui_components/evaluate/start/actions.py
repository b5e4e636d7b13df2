"""Handlers of a new evaluation: its form, and the evaluations in progress."""

from typing import Any, NamedTuple

import gradio as gr

from qal.errors import OptionError
from ui_components.app.studio import Studio, current_user
from ui_components.evaluate.results.comparison import model_titles
from ui_components.evaluate.start import jobs
from ui_components.evaluate.start.form import form_of
from ui_components.evaluate.start.view import ShownJob, jobs_html
from ui_components.widgets.choices import corpus_choices, first_available, model_choices


class FormChoices(NamedTuple):
    """Outputs of `update_form`."""

    models: gr.Dropdown
    corpus: gr.Dropdown


class JobsShown(NamedTuple):
    """Outputs of `update_jobs`."""

    jobs: Any
    sent: Any  # the HTML that the page has


def update_form(studio: Studio, models: list[str] | None, corpus: str | None) -> FormChoices:
    """Lists the models and datasets that are there now, and keeps what is chosen."""
    known, corpora = model_choices(studio.runs, studio.model), corpus_choices(studio.data)
    kept = [model for model in models or () if model in {value for _, value in known}]
    default = first_available(known, studio.model, "base")
    return FormChoices(
        models=gr.Dropdown(choices=known, value=kept or ([default] if default else [])),
        corpus=gr.Dropdown(choices=corpora, value=first_available(corpora, corpus)),
    )


def start_evaluation(studio: Studio, request: gr.Request, *values: Any) -> JobsShown:
    """Starts an evaluation. Raises OptionError for a form that cannot be used, or if another one is running."""
    form = form_of(*values).checked(studio)
    dataset = form.corpus.rpartition("/")[2]
    user = current_user(request)
    command = form.command(studio.runs, studio.evaluations, user)
    jobs.start_evaluation(studio.evaluations, form.models, dataset, command, user)
    shown = shown_jobs(studio)
    return JobsShown(shown, shown)


def update_jobs(studio: Studio, sent: str) -> JobsShown:
    """Shows the jobs; nothing is sent if they are as the page has them."""
    shown = shown_jobs(studio)
    return JobsShown(gr.skip(), gr.skip()) if shown == sent else JobsShown(shown, shown)


def shown_jobs(studio: Studio) -> str:
    """The HTML of all jobs, the newest first."""
    title, shown = model_titles(studio), []
    for folder, job in reversed(jobs.list_jobs(studio.evaluations)):
        state = jobs.state_of(folder, job)
        names = ", ".join(map(title, job.models))
        error = jobs.error_of(folder) if state == "failed" else ""
        shown.append(ShownJob(job, state, jobs.progress_of(folder, job), names, error))
    return jobs_html(shown)


def act_on_job(studio: Studio, event: gr.EventData, request: gr.Request) -> JobsShown:
    """Stops, continues or dismisses the clicked job. Raises OptionError if it belongs to another user."""
    data = event._data if isinstance(event._data, dict) else {}
    action, job_id = next(((name, data[name]) for name in ("stop", "resume", "dismiss") if name in data), ("", ""))
    folder, job = jobs.find_job(studio.evaluations, job_id)
    studio.require_owner(job.user, job.title, request)
    if action == "stop":
        jobs.stop_job(folder, job)
    elif action == "resume":
        jobs.continue_job(studio.evaluations, folder, job)
    elif action == "dismiss":
        jobs.dismiss_job(folder, job)
    else:
        raise OptionError("this button is not known; reload the page")
    shown = shown_jobs(studio)
    return JobsShown(shown, shown)
