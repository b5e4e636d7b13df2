"""python app.py --check: is this machine ready? Needs no package but Python's own to say what is missing."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from checks.check import Subject, check
from checks.findings import Finding, is_usable, summarised, verdict
from errors import CommandParser

MARKS = {"ok": "ok", "warning": "look", "missing": "MISSING"}
COLOURS = {"ok": "\x1b[32m", "warning": "\x1b[33m", "missing": "\x1b[31m"}
PLAIN = "\x1b[0m"
NOT_USABLE = 2
PASSED_OVER = ("--check", "--share", "--auth", "--users", "--root_path", "--live", "--live_days")  # of the page


def wants_check(arguments: Sequence[str]) -> bool:
    return "--check" in arguments


def run_check(arguments: Sequence[str]) -> int:
    """Prints what was found; -> exit code, 0 when Qal can be used. The page's other options are passed over."""
    parser = CommandParser(prog="python app.py", add_help=False, allow_abbrev=False)
    for flag in PASSED_OVER:
        parser.add_argument(flag, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--model", default="base-adaptive")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--json", action="store_true")
    o = parser.parse_args(list(arguments))
    found = check(Subject(o.data, o.runs, o.model, (o.host, o.port), torch=True, network=o.network))
    if o.json:
        print(json.dumps({"usable": is_usable(found), "findings": [asdict(f) for f in found]}))
    else:
        print(table(found, coloured=sys.stdout.isatty()))
    return 0 if is_usable(found) else NOT_USABLE


def table(findings: Sequence[Finding], coloured: bool = False) -> str:
    lines = []
    for topic, group in groupby(summarised(findings), key=lambda f: f.topic):
        lines.append(f"\n{topic}")
        for f in group:
            mark = f"{MARKS[f.state]:8}"
            lines.append(f"  {COLOURS[f.state]}{mark}{PLAIN}" if coloured else f"  {mark}")
            lines[-1] += f"{f.name:14}{f.value}"
            lines += [f"{'':24}→ {f.advice}"] if f.advice else []
    return "\n".join([*lines, "", verdict(findings)])
