"""The number of CPU cores that this process may use."""

import os
from pathlib import Path


def usable_cores() -> int:
    """Returns the cores that this process may use, with CPU affinity and the limit of a container."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(affinity, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # not in a container, or no limit
        return affinity
