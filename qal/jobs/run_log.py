"""The log file of a run."""

import logging

from qal.errors import QalError
from qal.jobs.run import Run


class RunLog:
    """Context in which log records, and the traceback of an error that is a bug, are written to log.txt."""

    def __init__(self, run: Run):
        self.run = run

    def __enter__(self) -> None:
        self._handler = logging.FileHandler(self.run.log_file, encoding="utf-8")
        self._handler.handleError = lambda record: None  # with a full disk the error still reaches the terminal
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if error is not None and not isinstance(error, (QalError, KeyboardInterrupt)):
            logging.getLogger("qal").error("the job failed", exc_info=error)
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
