"""The form of a new evaluation, and evaluations as processes of their own."""

import sys
from dataclasses import replace

import pytest

from qal.errors import LanguageError, OptionError
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import click_event, request_from
from tests.waiting import wait_until
from ui_components.evaluate.start import actions, jobs
from ui_components.evaluate.start.form import EvaluationForm, form_of
from ui_components.evaluate.start.view import progress_text

BAR = "base on numbers:  50%|█████     | 3/6 [00:06<00:10,  2.0s/utterance]"


@pytest.fixture
def run(studio) -> str:
    """The id of a finished run with a model."""
    made = scripted_run(studio.runs, "mine", "finished")
    model_directory(made.model)
    return made.id


def form(studio, *models: str, **changes) -> EvaluationForm:
    values = {"split": "test", "normaliser": "basic-2", "max_examples": None, "language": "", "context": "auto"}
    return form_of(list(models), str(studio.data / "numbers"), **{**values, **changes})


def started(studio, code: str, user: str | None = None, models: tuple[str, ...] = ("base",)) -> jobs.EvaluationJob:
    return jobs.start_evaluation(studio.evaluations, models, "numbers", [sys.executable, "-c", code], user)


def job_states(studio) -> list[str]:
    return [jobs.state_of(folder, job) for folder, job in jobs.list_jobs(studio.evaluations)]


def test_command_names_models_dataset_options_and_folders(studio, run):
    command = form(studio, run, max_examples=20, language="am").checked(studio).command(studio.runs, studio.evaluations)
    assert command[3:6] == ["evaluate", "score", run]
    for text in (
        run,
        str(studio.data / "numbers"),
        "--max=20",
        "--language=am",
        "--split=test",
        f"--runs={studio.runs}",
    ):
        assert text in command
    assert f"--out={studio.evaluations}" in command
    assert not any(word.startswith("--language") for word in form(studio, run).command(studio.runs, studio.evaluations))


def test_several_models_are_compared_in_one_process(studio, run):
    command = form(studio, run, run, "base").command(studio.runs, studio.evaluations)
    assert command[3:6] == ["evaluate", "compare", run]
    assert command.count(run) == 1


def test_form_that_cannot_be_evaluated_is_an_error(studio, run, tmp_path):
    for models, corpus in (((), "data"), (("no-such-model",), "data"), ((run,), ""), ((run,), str(tmp_path.parent))):
        with pytest.raises(OptionError):
            form(studio, *models).model_copy(update={"corpus": corpus}).checked(studio)
    with pytest.raises(OptionError, match="no normaliser"):
        form(studio, run, normaliser="other").checked(studio)
    with pytest.raises(LanguageError):
        form(studio, run, language="xx").checked(studio)
    with pytest.raises(OptionError, match="at least 1"):
        form(studio, run, max_examples=-1)


def test_choices_are_the_models_and_datasets_that_are_there(studio, run):
    found = actions.update_form(studio, ["gone", run], None)
    assert found.models.value == [run]
    assert found.corpus.value == str(studio.data / "numbers")


def test_running_evaluation_shows_progress_on_every_page(studio):
    started(studio, f"import sys, time; print({BAR!r}, end='', file=sys.stderr, flush=True); time.sleep(60)")
    wait_until(lambda: "3 of 6 examples" in actions.shown_jobs(studio))
    shown = actions.update_jobs(studio, "")
    assert "about 0:10 left" in shown.jobs
    assert "data-in-progress" in shown.jobs
    with pytest.raises(OptionError, match="is running"):
        started(studio, "pass")
    ((folder, job),) = jobs.list_jobs(studio.evaluations)
    jobs.stop_job(folder, job)
    assert job_states(studio) == ["cancelled"]
    assert "What is transcribed is kept" in actions.shown_jobs(studio)


def test_time_left_counts_the_models_that_follow(studio):
    job = started(studio, f"print({BAR!r})", models=("base", "base-adaptive"))
    wait_until(lambda: job_states(studio) != ["running"])
    ((folder, _),) = jobs.list_jobs(studio.evaluations)
    progress = jobs.progress_of(folder, job)
    assert (progress.number, progress.share, progress.left_s) == (1, 0.25, 10 + 16)
    assert progress_text(job, progress) == "Model 1 of 2 · 3 of 6 examples · about 0:26 left"


def test_failure_is_shown_with_its_reason_and_can_be_continued(studio):
    started(studio, "print('error: no example with text in the split; choose another split'); raise SystemExit(1)")
    wait_until(lambda: job_states(studio) == ["failed"])
    shown = actions.shown_jobs(studio)
    assert "No example with text in the split; choose another split." in shown
    assert "data-resume" in shown


def test_stopped_evaluation_is_continued_by_its_owner_while_none_is_running(studio):
    """Continue starts the same command again; `qal evaluate` keeps what is transcribed."""
    job = started(studio, "import time; time.sleep(60)", user="anna")
    with pytest.raises(OptionError, match="is running"):
        actions.act_on_job(studio, click_event(_data={"resume": job.id}), request_from("anna"))
    stopped = actions.act_on_job(studio, click_event(_data={"stop": job.id}), request_from("anna"))
    assert "data-resume" in stopped.jobs
    event = click_event(_data={"resume": job.id})
    with pytest.raises(OptionError, match="belongs to anna"):
        actions.act_on_job(replace(studio, is_admin=lambda name: False), event, request_from("bekele"))
    continued = actions.act_on_job(studio, event, request_from("anna"))
    assert "data-in-progress" in continued.jobs
    ((folder, again),) = jobs.list_jobs(studio.evaluations)
    assert (again.id, again.command, again.user) == (job.id, job.command, "anna")
    jobs.stop_job(folder, again)
    assert job_states(studio) == ["cancelled"]


def test_job_of_another_user_cannot_be_stopped_and_an_ended_one_is_dismissed(studio):
    job = started(studio, "print('{}')", user="anna")
    wait_until(lambda: job_states(studio) == ["finished"])
    event = click_event(_data={"dismiss": job.id})
    with pytest.raises(OptionError, match="belongs to anna"):
        actions.act_on_job(replace(studio, is_admin=lambda name: False), event, request_from("bekele"))
    assert actions.act_on_job(studio, event, request_from("anna")).jobs == ""
    with pytest.raises(OptionError, match="no longer listed"):
        actions.act_on_job(studio, event, request_from("anna"))


@pytest.mark.parametrize("job_id", ["", "../..", "0" * 16, None])
def test_id_from_a_page_that_is_no_job_is_an_error(studio, job_id):
    with pytest.raises(OptionError):
        jobs.find_job(studio.evaluations, job_id)
