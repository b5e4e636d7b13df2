"""Command line and environment to run a Qal command as a separate process."""

import os
import sys

from qal.resources import PACKAGE

CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else None  # None if installed


def qal_command(*arguments: str) -> list[str]:
    """Returns the command line of `qal ARGUMENTS...` with this Python."""
    return [sys.executable, "-m", "qal", *arguments]


def qal_environment(**variables: str) -> dict[str, str]:
    """Returns this process's environment plus `variables`; `qal` can be imported in it from any working folder."""
    environment = {**os.environ, **variables}
    if CHECKOUT is not None:
        paths = [str(CHECKOUT), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
