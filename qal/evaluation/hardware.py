"""The machine on which an evaluation was computed, to be recorded beside its speed."""

import os
import platform
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")


def hardware() -> dict[str, str | int | float | None]:
    """Returns the name of the processor and the number of its cores."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {"cpu": names[0] if names else platform.processor(), "cores": os.cpu_count()}
