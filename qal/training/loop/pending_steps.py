"""Steps whose losses are still on the device: they are read together, so that a fast device is not held up."""

import contextlib
import math
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor

READ_S = 1.0  # interval at which the values of the steps are read from a device other than the CPU
RESOURCES_S = 5.0  # interval at which memory and disk space are measured


@dataclass(frozen=True)
class PendingStep:
    """A step with the values that are not read yet."""

    row: dict[str, Any]  # the fields of its metrics row that are known
    losses: tuple[Tensor, ...]  # () each, of the accumulated batches
    gradient_norm: Tensor | None  # (); None where there was no gradient
    utterances: int  # of this process
    elapsed_s: float
    waited_s: float  # for audio


class PendingSteps:
    """Collects steps and turns them into rows of the metrics.

    Speed and waiting time are those of all steps that are read together, because only reading waits for the device.

    Args:
        world_size: number of training processes."""

    def __init__(self, world_size: int):
        self.world_size = world_size
        self.interval_s = READ_S
        self._steps: list[PendingStep] = []
        self._read_at = time.monotonic()
        self._measured_at = -math.inf
        self._resources: dict[str, int] = {}

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._read_at >= self.interval_s

    def add(self, step: PendingStep) -> None:
        self._steps.append(step)

    def read(self) -> list[dict[str, Any]]:
        """Returns the rows of the collected steps, in order, and forgets the steps."""
        steps, self._steps = self._steps, []
        if not steps:
            return []
        started = time.perf_counter()
        values = iter(read_scalars([value for step in steps for value in _device_values(step)]))
        self._read_at = time.monotonic()
        elapsed_s = sum(step.elapsed_s for step in steps) + time.perf_counter() - started
        pace = {
            "utterances_per_second": self.world_size * sum(step.utterances for step in steps) / elapsed_s,
            "data_wait_fraction": round(sum(step.waited_s for step in steps) / elapsed_s, 4),
        }
        return [step.row | pace | _figures(step, [next(values) for _ in _device_values(step)]) for step in steps]

    def resources(self, folder: Path) -> dict[str, int]:
        """Memory and free disk space in MB, measured at most every RESOURCES_S."""
        if time.monotonic() - self._measured_at > RESOURCES_S:
            self._resources, self._measured_at = resource_usage(folder), time.monotonic()
        return self._resources


def read_interval_s(device: torch.device) -> float:
    """The least time between two readings; on a CPU the values of a step are there when it ends."""
    return 0.0 if device.type == "cpu" else READ_S


def read_scalars(values: list[Tensor]) -> list[float]:
    """Reads scalars from their device at once."""
    return torch.stack([value.detach().float().reshape(()) for value in values]).tolist() if values else []


def _device_values(step: PendingStep) -> tuple[Tensor, ...]:
    return step.losses if step.gradient_norm is None else (*step.losses, step.gradient_norm)


def _figures(step: PendingStep, values: list[float]) -> dict[str, float]:
    """Loss and gradient norm, as far as they are finite (JSON has no NaN), and whether the step was skipped."""
    losses, norms = values[: len(step.losses)], values[len(step.losses) :]
    figures: dict[str, float] = {"skipped": 1} if norms and not math.isfinite(norms[0]) else {}
    named = {"loss": sum(losses), **dict(zip(("grad_norm",), norms, strict=False))}
    return figures | {name: value for name, value in named.items() if math.isfinite(value)}


def resource_usage(folder: Path) -> dict[str, int]:
    """Memory of this process with its workers and of its GPU, and free space on the folder's disk, in MB."""
    process, memory_bytes = psutil.Process(), 0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            memory_bytes += member.memory_info().rss
    figures = {"memory_mb": round(memory_bytes / 1e6)}
    if torch.cuda.is_initialized():
        figures["gpu_memory_mb"] = round(torch.cuda.memory_reserved() / 1e6)
    return {**figures, "disk_free_mb": round(shutil.disk_usage(folder).free / 1e6)}
