"""The hardware and the versions that a benchmark reports."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def hardware() -> dict:
    info = Path("/proc/cpuinfo")
    names = [x.split(":", 1)[1].strip() for x in info.read_text().splitlines() if x.startswith("model name")]
    return {"cpu": names[0] if names else platform.processor(), "cores": os.cpu_count()}


def versions(*packages: str) -> dict[str, str]:
    return {name: version(name) for name in packages}
