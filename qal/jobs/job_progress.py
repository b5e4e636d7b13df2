"""Progress of a running job: its stages with bars in the terminal and in status.json, and its heartbeat."""

import logging
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from tqdm import tqdm

from qal.evaluation.scoring import ProgressCallback
from qal.jobs.run import Run
from qal.jobs.stages import ALTERNATING, STAGE_ORDER, StageName, StageStatus

WRITE_S = 1.0  # interval at which new progress is written to status.json
HEARTBEAT_S = 10.0  # interval at which the heartbeat is written without new progress
UNITS = {"prepare": "step", "teach": "part", "find": "step", "merge": "step"}  # of the bars; otherwise utterances
OWN_BAR = "train"  # the recorder of the training loop draws its own bar
log = logging.getLogger("qal")


@dataclass
class _Stage:
    """A stage with what changes while it runs."""

    status: StageStatus
    started_at: float = 0.0  # of the time that is not counted yet, in seconds since 1970
    bar: tqdm | None = None


class JobProgress:
    """Context in which a job's progress and heartbeat are written to status.json.

    The main thread only notes its progress in memory. A thread writes it, and the heartbeat, which says no more than
    that the process runs. `progressed` says when the main thread last completed a unit of work: it gets old in a
    process that hangs.

    Args:
        run: the run."""

    def __init__(self, run: Run):
        self.run = run
        self._stages: list[_Stage] = []
        self._current: _Stage | None = None
        self._progressed = time.time()
        self._lock = threading.Lock()
        self._changed = True  # since the last write
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_until_end, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._current and self._current.bar:
            self._current.bar.close()
        self.write()

    def plan(self, expected_s: Mapping[str, float]) -> None:
        """Sets the stages of the job with their expected seconds; stages that have begun keep their progress."""
        stages = {stage.status.name: stage for stage in self._stages}
        for name, seconds in expected_s.items():
            stage = stages.setdefault(name, _Stage(StageStatus(name=name)))
            stage.status = stage.status.model_copy(update={"expected_s": seconds})
        with self._lock:
            self._stages = sorted(stages.values(), key=lambda stage: STAGE_ORDER.index(stage.status.name))
            self._changed = True

    def stage(self, name: StageName) -> ProgressCallback:
        """Begins a stage and returns its progress function, whose calls make it the current one again.

        The function raises Stopped if a stop of the run was requested, except for the training loop's, which first
        writes a checkpoint."""
        stage = self._find(name)
        self._begin(stage)

        def update(done: int, total: int) -> None:
            if name not in ALTERNATING:
                self.run.raise_if_stop_requested()
            self._begin(stage)
            self._advance(stage, done, total)

        return update

    def write(self) -> None:
        """Writes the progress to status.json; an error of the disk is logged, because the job itself may go on."""
        with self._lock:
            self._changed = False
            current = self._current.status if self._current else None
            changes = {"stages": tuple(self._counted(stage, time.time()) for stage in self._stages)}
            progressed = self._progressed
        if current:
            changes |= {"stage": current.name, "stage_done": current.done, "stage_total": current.total}
        try:
            self.run.update_status(**changes, progressed=progressed)
        except OSError as error:
            log.warning("status.json could not be written: %s", error)

    def _write_until_end(self) -> None:
        written_at = time.monotonic()
        while not self._ended.wait(WRITE_S):
            if self._changed or time.monotonic() - written_at > HEARTBEAT_S:
                self.write()
                written_at = time.monotonic()

    def _find(self, name: str) -> _Stage:
        stage = next((stage for stage in self._stages if stage.status.name == name), None)
        if stage is None:
            stage = _Stage(StageStatus(name=name))
            with self._lock:
                self._stages.append(stage)
        return stage

    def _begin(self, stage: _Stage) -> None:
        """Makes a stage the current one; the stages before it are over, except for those it alternates with."""
        if stage is self._current:
            return
        with self._lock:
            now, before = time.time(), self._current
            if before:
                before.status = self._counted(before, now)
            stage.started_at = now
            self._current, self._progressed, self._changed = stage, now, True
            for earlier in self._stages[: self._stages.index(stage)]:
                if not {earlier.status.name, stage.status.name} <= set(ALTERNATING):
                    earlier.status = earlier.status.model_copy(update={"over": True})
        if before and before.bar:
            before.bar.close()
            before.bar = None

    def _counted(self, stage: _Stage, now: float) -> StageStatus:
        """The status of a stage with its time up to now."""
        if stage is not self._current:
            return stage.status
        return stage.status.model_copy(update={"seconds": stage.status.seconds + now - stage.started_at})

    def _advance(self, stage: _Stage, done: int, total: int) -> None:
        is_first = not stage.status.total and stage.status.name in ALTERNATING  # it reports where it resumes
        resumed_at = done if is_first else stage.status.resumed_at
        with self._lock:
            changes = {"done": done, "total": total, "resumed_at": resumed_at}
            stage.status = stage.status.model_copy(update=changes)
            self._progressed, self._changed = time.time(), True
        if stage.status.name != OWN_BAR:
            self._draw(stage)

    def _draw(self, stage: _Stage) -> None:
        status = stage.status
        if stage.bar is None:
            unit, leave = UNITS.get(status.name, "utterance"), status.name not in ALTERNATING
            stage.bar = tqdm(desc=status.name, unit=unit, leave=leave, file=sys.stderr, dynamic_ncols=True)
        stage.bar.total = status.total
        stage.bar.update(status.done - stage.bar.n)
