"""qal check: is this machine ready?

The command uses Python's own library alone, so that it can report which packages are missing. It is therefore the only
command that is parsed with argparse."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import NoReturn

from qal.checks.check import CheckOptions, check
from qal.checks.findings import STATE_LABELS, Finding, State, is_usable, merge_ok_packages, summary
from qal.errors import OptionError
from qal.json_text import json_text

COLOURS: dict[State, str] = {"ok": "\x1b[32m", "warning": "\x1b[33m", "missing": "\x1b[31m"}
PLAIN = "\x1b[0m"
NOT_USABLE = 2
PAGE_OPTIONS = ("--share", "--auth", "--users", "--root_path", "--live", "--live_days")  # of app.py; ignored here


class Parser(argparse.ArgumentParser):
    """Raises OptionError instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}; see {self.prog} --help")


def main(arguments: Sequence[str]) -> None:
    """Prints what was found, and exits with 0 where Qal can be used, else with 2."""
    about = "Checks whether this machine is ready: device, packages, decoders, disk, memory, models and port."
    parser = Parser(prog="qal check", description=about, allow_abbrev=False)
    for option in PAGE_OPTIONS:
        parser.add_argument(option, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the training runs (default: runs)")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the datasets (default: data)")
    parser.add_argument("--model", default="base-adaptive", help="model to look for (default: base-adaptive)")
    parser.add_argument("--host", default="127.0.0.1", help="address of the page (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=7860, help="port of the page (default: 7860)")
    parser.add_argument("--network", action="store_true", help="ask the Hugging Face hub, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    o = parser.parse_args(list(arguments))
    found = check(CheckOptions(o.data, o.runs, o.model, (o.host, o.port), torch=True, network=o.network))
    if o.json:
        print(json_text({"usable": is_usable(found), "findings": [asdict(f) for f in found]}))
    else:
        print(table(found, coloured=sys.stdout.isatty()))
    sys.exit(0 if is_usable(found) else NOT_USABLE)


def table(findings: Sequence[Finding], coloured: bool = False) -> str:
    lines = []
    for topic, group in groupby(merge_ok_packages(findings), key=lambda f: f.topic):
        lines.append(f"\n{topic}")
        for f in group:
            label = f"{STATE_LABELS[f.state]:9}"
            lines.append(f"  {COLOURS[f.state]}{label}{PLAIN}" if coloured else f"  {label}")
            lines[-1] += f"{f.name:20}{f.value}"
            lines += [f"{'':31}→ {f.advice}"] if f.advice else []
    return "\n".join([*lines, "", summary(findings)])
