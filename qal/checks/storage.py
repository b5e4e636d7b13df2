"""Disks and memory: how much is free, what may be written, and when it is too little."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qal.checks.findings import Finding, gigabytes

LOW_DISK, LOW_DISK_SHARE = 2e9, 0.05  # bytes, of the whole; below either of them a disk is low
FULL_DISK = 100e6  # bytes; nothing can be done with less
LOW_MEMORY, LOW_MEMORY_SHARE = 500e6, 0.05
LEAST_MEMORY = 2e9  # bytes of a whole machine, to caption with a small model
LEAST_SHARED = 256e6  # bytes of /dev/shm that the processes which load audio may need
SHARED = Path("/dev/shm")
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Space:
    """Of a disk or of the memory, in bytes."""

    total: int
    free: int


def disk_of(folder: Path) -> Space:
    """Where the folder is, or would be."""
    usage = shutil.disk_usage(existing(folder))
    return Space(usage.total, usage.free)


def existing(folder: Path) -> Path:
    """The folder, or the first of its parents that is there."""
    whole = folder.expanduser().absolute()
    return next(p for p in (whole, *whole.parents) if os.path.exists(p))


def memory(cgroup: Path = CGROUP) -> Space:
    """Of the machine, or of the container, if that has less."""
    import psutil

    machine = psutil.virtual_memory()
    whole = Space(machine.total, machine.available)
    try:
        limit, used = (int((cgroup / f"memory.{name}").read_text()) for name in ("max", "current"))
        reclaimable = _inactive(cgroup)
    except (OSError, ValueError):  # no container, or one without a limit
        return whole
    return Space(min(limit, whole.total), max(0, min(limit - used + reclaimable, whole.free)))


def _inactive(cgroup: Path) -> int:
    """Bytes of files that the system keeps only as long as nobody wants the memory."""
    lines = (line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0] == "inactive_file")


def disk_is_low(space: Space) -> bool:
    return space.free < LOW_DISK or space.free < LOW_DISK_SHARE * space.total


def memory_is_low(space: Space) -> bool:
    return space.free < LOW_MEMORY or space.free < LOW_MEMORY_SHARE * space.total


def disk_findings(folders: Mapping[str, Path]) -> list[Finding]:
    """name -> folder."""
    return [disk_finding(name, folder) for name, folder in folders.items()]


def disk_finding(name: str, folder: Path) -> Finding:
    space, there = disk_of(folder), existing(folder)
    value = f"{folder}: {gigabytes(space.free)} of {gigabytes(space.total)} free"
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        advice = f"{there} cannot be written to; change its owner, or choose another folder"
        return Finding("Disk", name, "missing", value, advice, essential=True)
    if space.free < FULL_DISK:
        return Finding("Disk", name, "missing", value, "the disk is full; free some space", essential=True)
    if disk_is_low(space):
        return Finding(
            "Disk", name, "warning", value, "little is left; empty the trash or delete models", essential=True
        )
    return Finding("Disk", name, "ok", value)


def memory_findings() -> list[Finding]:
    space = memory()
    value = f"{gigabytes(space.free)} of {gigabytes(space.total)} free"
    if memory_is_low(space):
        found = [Finding("Memory", "memory", "warning", value, "close other programs, or free the loaded models")]
    elif space.total < LEAST_MEMORY:
        found = [Finding("Memory", "memory", "warning", value, "use a small model; training needs about 4 GB")]
    else:
        found = [Finding("Memory", "memory", "ok", value)]
    return [*found, shared_finding(disk_of(SHARED))] if SHARED.is_dir() else found


def shared_finding(space: Space) -> Finding:
    """What processes that load audio for training hand it over in."""
    value = f"{gigabytes(space.free)} of {gigabytes(space.total)} free"
    if space.free < LEAST_SHARED:
        advice = "start the container with --shm-size=1g, or train with --machine.workers 0"
        return Finding("Memory", str(SHARED), "warning", value, advice)
    return Finding("Memory", str(SHARED), "ok", value)
