"""The machine on which an evaluation or a speed was measured."""

import platform
from pathlib import Path

from qal.cores import usable_cores

CPUINFO = Path("/proc/cpuinfo")
CPU_NAME = "model name"


def hardware_of(device: str) -> dict[str, str | int | float | None]:
    """Returns the processor, its usable cores and the device that computes."""
    return {"cpu": cpu_name(), "cores": usable_cores(), "device": device}


def cpu_name() -> str:
    """Returns the name of the processor as the system gives it."""
    if CPUINFO.is_file():
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == CPU_NAME:
                return value.strip()
    return platform.processor() or platform.machine()
