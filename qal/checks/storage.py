"""Disk space and memory: how much is free, and when it is too little."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qal.checks.findings import Finding, gigabytes

LOW_DISK_BYTES, LOW_DISK_SHARE = 2e9, 0.05  # of free space; below either of them a disk is low
FULL_DISK_BYTES = 100e6
LOW_MEMORY_BYTES, LOW_MEMORY_SHARE = 500e6, 0.05
MIN_MEMORY_BYTES = 2e9  # of the machine, for captions with a small model
MIN_SHARED_BYTES = 256e6  # of /dev/shm, for processes that load audio
SHARED_MEMORY = Path("/dev/shm")
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Space:
    """Size and free space of a disk or of the memory, in bytes."""

    total: int
    free: int


def disk_space(folder: Path) -> Space:
    """Returns the space of the disk of a folder, which need not exist yet."""
    usage = shutil.disk_usage(existing_parent(folder))
    return Space(usage.total, usage.free)


def existing_parent(folder: Path) -> Path:
    """Returns the folder, or its nearest parent that exists."""
    absolute = folder.expanduser().absolute()
    return next(p for p in (absolute, *absolute.parents) if os.path.exists(p))


def memory_space(cgroup: Path = CGROUP) -> Space:
    """Returns the memory of the machine, or of the container if that has less."""
    import psutil

    memory = psutil.virtual_memory()
    machine = Space(memory.total, memory.available)
    try:
        limit, used = (int((cgroup / f"memory.{name}").read_text()) for name in ("max", "current"))
        reclaimable = _reclaimable_bytes(cgroup)
    except (OSError, ValueError):  # not in a container, or no limit
        return machine
    return Space(min(limit, machine.total), max(0, min(limit - used + reclaimable, machine.free)))


def _reclaimable_bytes(cgroup: Path) -> int:
    """Returns the size of the file cache that the system frees when memory is needed."""
    lines = (line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    return sum(int(words[1]) for words in lines if words[0] == "inactive_file")


def disk_is_low(space: Space) -> bool:
    return space.free < LOW_DISK_BYTES or space.free < LOW_DISK_SHARE * space.total


def memory_is_low(space: Space) -> bool:
    return space.free < LOW_MEMORY_BYTES or space.free < LOW_MEMORY_SHARE * space.total


def disk_findings(folders: Mapping[str, Path]) -> list[Finding]:
    """Checks folders by name."""
    return [disk_finding(name, folder) for name, folder in folders.items()]


def disk_finding(name: str, folder: Path) -> Finding:
    """Returns the free space of a folder, and whether it can be written to."""
    space, existing = disk_space(folder), existing_parent(folder)
    value = f"{folder}: {_free_text(space)}"
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        advice = f"{existing} cannot be written to; change its owner, or choose another folder"
        return Finding("Disk", name, "missing", value, advice, essential=True)
    if space.free < FULL_DISK_BYTES:
        return Finding("Disk", name, "missing", value, "the disk is full; free some space", essential=True)
    if disk_is_low(space):
        advice = "the disk is almost full; empty the trash or delete models"
        return Finding("Disk", name, "warning", value, advice, essential=True)
    return Finding("Disk", name, "ok", value)


def memory_findings() -> list[Finding]:
    """Returns the free memory and, where it exists, the free shared memory."""
    space = memory_space()
    value = _free_text(space)
    if memory_is_low(space):
        finding = Finding("Memory", "memory", "warning", value, "close other programs, or unload idle models")
    elif space.total < MIN_MEMORY_BYTES:
        finding = Finding("Memory", "memory", "warning", value, "use a small model; training needs about 4 GB")
    else:
        finding = Finding("Memory", "memory", "ok", value)
    return [finding, shared_memory_finding(disk_space(SHARED_MEMORY))] if SHARED_MEMORY.is_dir() else [finding]


def shared_memory_finding(space: Space) -> Finding:
    """Checks the shared memory in which worker processes hand audio to the training process."""
    if space.free < MIN_SHARED_BYTES:
        advice = "start the container with --shm-size=1g, or train with --machine.workers 0"
        return Finding("Memory", str(SHARED_MEMORY), "warning", _free_text(space), advice)
    return Finding("Memory", str(SHARED_MEMORY), "ok", _free_text(space))


def _free_text(space: Space) -> str:
    return f"{gigabytes(space.free)} of {gigabytes(space.total)} free"
