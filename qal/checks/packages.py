"""Python version and packages: the versions pinned in requirements.txt compared with the installed ones."""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qal.checks.findings import PACKAGES, Finding
from qal.resources import REQUIREMENTS

PIN_PATTERN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s#;]+)", re.M)
MIN_PYTHON = (3, 11)
NOT_FOR_CAPTIONS = {  # packages that captions do not need
    *("torch", "pytorch-lightning", "peft", "transformers", "tensorboard"),
    *("audiomentations", "sounddevice", "deepspeed"),
}
INSTALL = "run: pip install -r requirements.txt"


def package_findings(requirements: Path = REQUIREMENTS) -> list[Finding]:
    pins = PIN_PATTERN.findall(requirements.read_text("utf-8"))
    return [python_finding(), *(package_finding(name, pinned) for name, pinned in pins)]


def python_finding() -> Finding:
    installed = platform.python_version()
    if sys.version_info < MIN_PYTHON:
        required = ".".join(map(str, MIN_PYTHON))
        return Finding("Python", "version", "missing", installed, f"install Python {required} or newer", essential=True)
    return Finding("Python", "version", "ok", installed)


def package_finding(name: str, pinned: str) -> Finding:
    essential = name not in NOT_FOR_CAPTIONS
    try:
        installed = version(name)
    except PackageNotFoundError:
        return Finding(PACKAGES, name, "missing", f"{pinned} is not installed", INSTALL, essential)
    if installed.partition("+")[0] != pinned:  # 2.13.0+cpu is a build of 2.13.0
        return Finding(PACKAGES, name, "warning", f"{installed}; tested with {pinned}", INSTALL, essential)
    return Finding(PACKAGES, name, "ok", installed, essential=essential)
