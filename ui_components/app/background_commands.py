"""Commands in processes of their own, which go on when the page is closed: a download, an export."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qal.engine.catalogue import places
from qal.errors import OptionError
from qal.storage import storage_errors
from qal.subcommand import qal_environment

LOGS = ".logs"  # in the folder that an errand writes to
TAIL = 8192  # bytes of a log that are read; a progress bar repeats itself
SHARE = re.compile(r"(\d+)%\|")  # as tqdm writes it
STOPPED = (-signal.SIGTERM, 130)  # codes of a command that was asked to end
ENDING_S = 5  # that a process is given to end itself


@dataclass(frozen=True)
class Errand:
    """One command. `key` names what it is done for; there is one at a time for each."""

    key: str
    about: str  # what is shown of it
    log: Path
    process: "subprocess.Popen[bytes]"
    makes: Path | None = None  # a folder
    user: str | None = None  # who began it; None where nobody logs in
    began: float = field(default_factory=time.monotonic)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def failed(self) -> bool:
        return bool(self.process.poll())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def last_line(self) -> str:
        """The newest of its output; a progress bar redraws its own."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - TAIL))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(re.split(r"[\r\n]", text)) if line.strip()), "")

    def share(self) -> float | None:
        """How much of it is done, from 0 to 1; None where it does not say."""
        found = SHARE.search(self.last_line())
        return min(1.0, int(found[1]) / 100) if found else None

    def reason(self) -> str:
        """Why it failed, in a sentence."""
        if self.process.returncode in STOPPED:
            return "it was stopped"
        said = self.last_line()
        known = said.startswith("error: ")
        return said.removeprefix("error: ") if known else f"it ended unexpectedly; {self.log} tells why"


class Errands:
    """Those of a server; whoever asks sees the same ones."""

    def __init__(self) -> None:
        self._errands: dict[str, Errand] = {}
        self._lock = threading.Lock()

    def start(
        self,
        key: str,
        about: str,
        command: Sequence[str],
        logs: Path,
        makes: Path | None = None,
        user: str | None = None,
        or_join: bool = False,
    ) -> Errand:
        """`command`: a whole command line. While the same is under way it is joined, or refused with
        an OptionError."""
        with self._lock:
            under_way = self.running(key)
            if under_way and or_join:
                return under_way
            if under_way:
                raise OptionError(f"{about} is under way already; wait for it, or stop it")
            log = logs / f"{re.sub(r'[^A-Za-z0-9.-]', '_', key)[-100:]}.log"
            with storage_errors(f"the log {log}"):
                logs.mkdir(parents=True, exist_ok=True)
                with log.open("wb") as output:
                    process = subprocess.Popen(
                        command,
                        env=qal_environment(**places()),
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
            errand = self._errands[key] = Errand(key, about, log, process, makes, user)
            return errand

    def running(self, key: str) -> Errand | None:
        errand = self._errands.get(key)
        return errand if errand and errand.is_running else None

    def stop(self, key: str) -> None:
        """Ends it and all that it has started."""
        errand = self.running(key)
        if errand:
            os.killpg(errand.process.pid, signal.SIGTERM)
            try:
                errand.process.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                os.killpg(errand.process.pid, signal.SIGKILL)

    def forget(self, key: str) -> None:
        """One that has ended is no longer shown."""
        with self._lock:
            if not self.running(key):
                self._errands.pop(key, None)

    def all(self) -> list[Errand]:
        return list(self._errands.values())

    def any_running(self, *kinds: str) -> bool:
        """Of these kinds, which their keys begin with; of all, where none is named."""
        return any(errand.is_running and errand.key.startswith(kinds or "") for errand in self.all())
