"""qal evaluate suite FILE: checks models against bounds and a baseline; exit code 1 if one of them is worse."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from qal.cli.evaluation.options import MODEL_HELP, transcribed_request
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.evaluation.stored import EVALUATIONS
from qal.jobs.suites.checks import result_json, result_lines, run_suite
from qal.jobs.suites.suite_file import read_suite
from qal.json_text import json_text

EXIT_WORSE = 1
ABOUT = (
    "Checks models against the bounds and the baseline of a suite (YAML). Exit code 1: a model is worse than its "
    "baseline beyond the interval, or beyond a bound; 2: the suite could not be run."
)


class SuiteOptions(BaseModel, frozen=True):
    file: Path = positional("the suite, a YAML file", "FILE")
    models: list[str] = flag([], f"the models to check; unset: those of the suite. Each is {MODEL_HELP}", "MODEL")
    out: Path = flag(EVALUATIONS, "folder in which evaluations are stored", "DIR")
    runs: Path = flag(Path("runs"), "folder of the runs", "DIR")
    again: bool = flag(False, "transcribe again what is stored")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate suite", ABOUT, SuiteOptions, arguments)
    suite = read_suite(options.file)
    results = []
    for result in run_suite(
        suite,
        lambda request: transcribed_request(request, options.out, options.again, options.runs),
        options.models,
    ):
        results.append(result)
        if not options.json_:
            print("\n".join(result_lines(result)), flush=True)
    passed = all(result.passed for result in results)
    if options.json_:
        print(json_text({"suite": str(options.file), "passed": passed, "results": [*map(result_json, results)]}))
    else:
        failed = sum(not result.passed for result in results)
        print(f"passed: {len(results)} of {len(results)}" if passed else f"FAILED: {failed} of {len(results)}")
    if not passed:
        sys.exit(EXIT_WORSE)
