"""Python and the pinned packages: what requirements.txt wants against what is installed."""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qal.checks.findings import PACKAGES, Finding
from qal.resources import REQUIREMENTS

PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s#;]+)", re.M)
OLDEST_PYTHON = (3, 11)
NOT_FOR_CAPTIONS = {  # what the page does without
    *("torch", "pytorch-lightning", "peft", "transformers", "tensorboard"),
    *("audiomentations", "sounddevice"),
}
INSTALL = "pip install -r requirements.txt"


def package_findings(requirements: Path = REQUIREMENTS) -> list[Finding]:
    return [python_finding(), *(pinned_finding(*pin) for pin in PINNED.findall(requirements.read_text("utf-8")))]


def python_finding() -> Finding:
    found = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        return Finding("Python", "version", "missing", found, f"Qal needs {wanted} or newer", essential=True)
    return Finding("Python", "version", "ok", found)


def pinned_finding(name: str, wanted: str) -> Finding:
    essential = name not in NOT_FOR_CAPTIONS
    try:
        found = version(name)
    except PackageNotFoundError:
        return Finding(PACKAGES, name, "missing", f"{wanted} is not installed", INSTALL, essential)
    if found.partition("+")[0] != wanted:  # 2.13.0+cpu is a build of 2.13.0
        return Finding(PACKAGES, name, "warning", f"{found}; {wanted} was tested", INSTALL, essential)
    return Finding(PACKAGES, name, "ok", found, essential=essential)
