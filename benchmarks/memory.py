"""The peak memory of another process."""

import subprocess
import threading
import time
from collections.abc import Callable

import psutil

SAMPLED_EVERY_S = 0.5


def watched(job: subprocess.Popen, counts: Callable[[], bool] = lambda: True) -> tuple[str, float]:
    """Waits for a process; returns its stdout and the peak memory in MB of it and its children while `counts()`."""
    peak = 0.0

    def look() -> None:
        nonlocal peak
        while job.poll() is None:
            try:
                family = [psutil.Process(job.pid), *psutil.Process(job.pid).children(recursive=True)]
                used = sum(process.memory_info().rss for process in family) / 1e6
                peak = max(peak, used) if counts() else peak
            except psutil.NoSuchProcess:
                continue
            time.sleep(SAMPLED_EVERY_S)

    observer = threading.Thread(target=look, daemon=True)
    observer.start()
    output, _ = job.communicate()
    observer.join()
    return output, peak
