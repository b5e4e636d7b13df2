"""The route by which the Run tab learns that a run has changed.

An update of the tab costs the browser a third of a second of computing, whatever it changes; this question costs
nothing, so that the page does not take the processor from a training on the same machine."""

from pathlib import Path

from pydantic import BaseModel, Field
from starlette.routing import Route

from qal.api.access import Allowed
from qal.api.json_route import json_route
from qal.errors import TrainingError
from qal.jobs.run import RUN_NAME, open_run

CHANGES_PATH = "/qal/run-changes"
GONE = "gone"


class RunQuestion(BaseModel, extra="forbid"):
    """The run that the page shows."""

    run: str = Field(pattern=f"^{RUN_NAME.pattern}$")


class RunChanges(BaseModel):
    """Two texts that change with what the tab shows."""

    results: str  # the state, the stage, and what was measured
    progress: str  # the work done


def run_changes(runs: Path, run_id: str) -> RunChanges:
    """Returns the texts of a run; those of a run that no longer exists stay the same."""
    try:
        run = open_run(runs / run_id)
        status = run.status()
    except TrainingError:
        return RunChanges(results=GONE, progress=GONE)
    files = (run.metrics_file, run.samples_file, run.report_file, run.stop_file)
    sizes = [file.stat().st_size if file.is_file() else -1 for file in files]
    return RunChanges(
        results=f"{status.state} {status.stage} {status.queue_position} {sizes}",
        progress=f"{status.step} {status.stage_done} {status.stage_total} {status.warning}",
    )


def run_changes_route(runs: Path, allowed: Allowed) -> Route:
    return json_route(CHANGES_PATH, RunQuestion, lambda question, _user: run_changes(runs, question.run), allowed)
