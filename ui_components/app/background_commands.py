"""Commands in their own processes, such as a download or an export, which keep running when the page is closed."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from qal.engine.catalogue import model_environment
from qal.errors import OptionError
from qal.storage import storage_errors
from qal.subcommand import qal_environment

LOG_FOLDER = ".logs"  # in the folder that a command writes to
LOG_TAIL_BYTES = 8192  # read for the last line; a progress bar rewrites its line
MAX_LOG_NAME = 100  # characters
PERCENT = re.compile(r"(\d+)%\|")  # tqdm's progress bar
STOPPED_EXIT_CODES = (-signal.SIGTERM, 130)
STOP_TIMEOUT_S = 5  # between SIGTERM and SIGKILL


@dataclass(frozen=True)
class BackgroundCommand:
    """A command that was started. There is at most one per key at a time."""

    key: str  # the purpose, for example "fetch:base"
    title: str
    log: Path
    process: "subprocess.Popen[bytes]"
    output_folder: Path | None = None  # the folder that it creates
    user: str | None = None  # the user who started it, None if the page has no login
    started_s: float = field(default_factory=time.monotonic)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def has_failed(self) -> bool:
        return bool(self.process.poll())

    @property
    def duration_s(self) -> float:
        """The time since the start."""
        return time.monotonic() - self.started_s

    def last_line(self) -> str:
        """The last line of the output that is not empty, "" if there is none."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        lines = (line.strip() for line in reversed(re.split(r"[\r\n]", text)))
        return next((line for line in lines if line), "")

    def progress(self) -> float | None:
        """The completed share from 0 to 1, None if the output has no progress bar."""
        match = PERCENT.search(self.last_line())
        return min(1.0, int(match[1]) / 100) if match else None

    def error_reason(self) -> str:
        """The reason for a failure, in a sentence."""
        if self.process.returncode in STOPPED_EXIT_CODES:
            return "it was stopped"
        message = self.last_line()
        if message.startswith("error: "):
            return message.removeprefix("error: ")
        return f"it ended unexpectedly; see {self.log}"


class BackgroundCommands:
    """All commands of a server. Every page shows the same ones."""

    def __init__(self) -> None:
        self._commands: dict[str, BackgroundCommand] = {}
        self._lock = threading.Lock()

    def start(
        self,
        key: str,
        title: str,
        command_line: Sequence[str],
        log_folder: Path,
        output_folder: Path | None = None,
        user: str | None = None,
        join_running: bool = False,
    ) -> BackgroundCommand:
        """Starts a command in its own process group.

        Args:
            key: the purpose of the command; only one per key runs at a time.
            title: text on the page.
            command_line: program and arguments.
            log_folder: folder for the log of the output.
            output_folder: the folder that the command creates.
            user: the user who started it.
            join_running: if True, returns the running command with the same key.

        Raises:
            OptionError: a command with the same key is running and `join_running` is False.
            StorageError: the log cannot be written."""
        with self._lock:
            running = self.running(key)
            if running and join_running:
                return running
            if running:
                raise OptionError(f"{title} is already running; wait for it, or stop it")
            log = log_folder / f"{re.sub(r'[^A-Za-z0-9.-]', '_', key)[-MAX_LOG_NAME:]}.log"
            with storage_errors(f"the log {log}"):
                process = _start_process(command_line, log)
            command = BackgroundCommand(key, title, log, process, output_folder, user)
            self._commands[key] = command
            return command

    def running(self, key: str) -> BackgroundCommand | None:
        command = self._commands.get(key)
        return command if command and command.is_running else None

    def stop(self, key: str) -> None:
        """Ends a running command and all processes that it has started."""
        command = self.running(key)
        if command:
            with suppress(ProcessLookupError):  # it has ended in the meantime
                os.killpg(command.process.pid, signal.SIGTERM)
                try:
                    command.process.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    os.killpg(command.process.pid, signal.SIGKILL)

    def dismiss(self, key: str) -> None:
        """Removes a command that has ended from the list; a running one stays."""
        with self._lock:
            if not self.running(key):
                self._commands.pop(key, None)

    def all(self) -> list[BackgroundCommand]:
        return list(self._commands.values())

    def any_running(self, *key_prefixes: str) -> bool:
        """True if a command with one of the key prefixes is running; without prefixes, any command."""
        return any(command.is_running and command.key.startswith(key_prefixes or "") for command in self.all())


def _start_process(command_line: Sequence[str], log: Path) -> "subprocess.Popen[bytes]":
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            command_line,
            env=qal_environment(**model_environment()),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
