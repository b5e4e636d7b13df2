"""The real server in a process of its own, and a real browser."""

import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qal.errors import OptionError

ROOT = Path(__file__).parents[1]
PATIENCE_MS = 60_000


def require_browser(what: str) -> None:
    """Raises OptionError where no browser is installed."""
    if not (importlib.util.find_spec("playwright") and shutil.which("chromium")):
        raise OptionError(f"{what} needs Playwright and Chromium; get them with make test")


@contextmanager
def served(script: str, *arguments: str) -> Iterator[tuple[str, float]]:
    """Starts a server; yields its address and the seconds until it printed the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, script, "--port", str(port), *arguments]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        told = server.stdout.readline()
        if not told:
            raise OptionError("the server did not start; its reason is above")
        yield told.split()[-1], time.perf_counter() - began
    finally:
        server.terminate()
        server.wait()
