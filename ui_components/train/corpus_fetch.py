"""Fetches the sample corpus in a process of its own, which goes on when the page is closed."""

import re
import subprocess
import sys
import threading
from pathlib import Path

from errors import CorpusError

SAMPLE = "asterisk-ru"
ROOT = Path(__file__).parent.parent


def import_command(data: Path) -> list[str]:
    """What a user would type, after `python`."""
    return ["-m", "corpus", "import", "asterisk", "--language", "ru", "--out", str(data / SAMPLE)]


class CorpusFetch:
    """At most one import at a time; whoever asks sees the same one."""

    def __init__(self):
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Path | None = None
        self._lock = threading.Lock()

    def start(self, data: Path) -> None:
        with self._lock:
            if self.is_running():
                return
            data.mkdir(parents=True, exist_ok=True)
            self._log = data / f"{SAMPLE}.log"
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, *import_command(data.resolve())],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def last_line(self) -> str:
        """The newest line of its output; progress bars redraw theirs."""
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log and self._log.exists() else ""
        return next((line.strip() for line in reversed(re.split(r"[\r\n]", text)) if line.strip()), "")

    def check(self) -> None:
        """Raises CorpusError when the import has failed."""
        if self._process and self._process.poll():
            raise CorpusError(f"the sample corpus could not be fetched: {self.last_line().removeprefix('error: ')}")
