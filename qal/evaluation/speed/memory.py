"""The memory of this process."""

import sys
from pathlib import Path

import psutil

STATUS = Path("/proc/self/status")
PEAK = "VmHWM:"  # of this program alone; the resource usage also counts what ran in the process before it


def used_mb() -> float:
    """Returns the resident memory in MB."""
    return psutil.Process().memory_info().rss / 1e6


def peak_mb() -> float:
    """Returns the peak of the resident memory in MB."""
    if STATUS.is_file():
        for line in STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith(PEAK):
                return int(line.split()[1]) * 1024 / 1e6
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
