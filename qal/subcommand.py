"""Commands of Qal as processes of their own: what the page starts, and what outlives it."""

import os
import sys

from qal.resources import PACKAGE

CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else None


def qal_command(*words: str) -> list[str]:
    """The command line `qal WORDS…` in this Python."""
    return [sys.executable, "-m", "qal", *words]


def qal_environment(**more: str) -> dict[str, str]:
    """This process's environment, in which `qal` can be imported from any folder, with `more` variables."""
    environment = {**os.environ, **more}
    if CHECKOUT is not None:
        paths = [str(CHECKOUT), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
    return environment
