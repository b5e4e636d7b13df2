"""Checks the model of a finished run with a regression suite; the results are in suite.json of the run's folder."""

import logging
from pathlib import Path
from typing import Any

from qal.errors import QalError
from qal.evaluation.evaluate import ProgressCallback
from qal.evaluation.stored import EVALUATIONS, Request, StoredEvaluation, obtain
from qal.jobs.run import Run
from qal.jobs.suites.checks import Transcribe, result_json, result_lines, run_suite
from qal.jobs.suites.suite_file import read_suite
from qal.json_text import json_text

log = logging.getLogger("qal")


def check_run(run: Run, suite_file: Path, progress: ProgressCallback, transcribe: Transcribe | None = None) -> bool:
    """Checks the model of a run, prints the results and writes them to suite.json.

    A suite that cannot be run is a problem in that file, and no error: the model and its report are finished.

    Args:
        run: the run, whose model is exported.
        suite_file: the suite.
        progress: called after each example of each evaluation.
        transcribe: returns an evaluation; None: stored in the folder of evaluations.

    Returns:
        True if the model passed all checks."""

    def obtained(request: Request) -> StoredEvaluation:
        return obtain(request, EVALUATIONS, run.folder.parent, progress=progress)

    results: list[dict[str, Any]] = []
    problem = ""
    try:
        for result in run_suite(read_suite(suite_file), transcribe or obtained, [run.id]):
            results.append(result_json(result))
            print("\n".join(result_lines(result)), flush=True)
    except QalError as error:
        problem = str(error)
        log.warning("the regression suite %s could not be run: %s", suite_file, error)
    passed = not problem and all(result["passed"] for result in results)
    content = {"suite": str(suite_file), "passed": passed, "problem": problem, "results": results}
    run.suite_file.write_text(json_text(content, indent=2) + "\n", encoding="utf-8")
    return passed
