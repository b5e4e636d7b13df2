"""Stages of a job: their progress as status.json holds it, the completed share and the time that is left."""

from collections.abc import Callable
from typing import Literal, get_args

from pydantic import BaseModel, Field

from qal.evaluation.scoring import ProgressCallback

StageName = Literal[
    "prepare", "teach", "find", "train", "validate", "merge", "check", "gate", "report", "retention", "suite"
]
STAGE_ORDER: tuple[StageName, ...] = get_args(StageName)
StageProgress = Callable[[StageName], ProgressCallback]  # name of a stage -> its progress function
ALTERNATING = ("train", "validate")  # the job changes between them, so that neither ends before the other
PREPARE_UNITS = 4  # options checked, environment recorded, base weights ready, model loaded
SWEEP_STEPS = 100  # of the learning-rate finder
TEACH_UNITS = 10  # of each example of a distillation: one to read it, the others for the teacher
MERGE_UNITS = 2  # merge and conversion
CHECKED_FORMATS = 3  # of the conversion check: Transformers, and CTranslate2 at two precisions
CALIBRATING = ("teach", "find", "train", "validate", "check", "gate", "report", "retention")  # stages that compute
GATE_EXAMPLES = 24  # most examples on which the gate asks the engine
GATE_PARTS = 10  # of the gate: alignment heads, word times and eight checks of the behaviour
MIN_CALIBRATION, MAX_CALIBRATION = 0.25, 4.0  # limits of the factor between the time that was expected and that passed
MIN_PACE_SHARE = 0.02  # share of a stage after which its own pace replaces the expected time


class StageStatus(BaseModel, frozen=True):
    """Progress of one stage.

    A unit is a step of "prepare", "find", "train" and "merge", a part of an example of "teach" (TEACH_UNITS), and
    otherwise one example for one model."""

    name: str
    expected_s: float = Field(default=0.0, ge=0)  # before the run started
    done: int = Field(default=0, ge=0)  # units
    total: int = Field(default=0, ge=0)  # units; 0 while it is not known
    resumed_at: int = Field(default=0, ge=0)  # units that earlier attempts have done
    seconds: float = Field(default=0.0, ge=0)  # spent in this attempt
    over: bool = False

    @property
    def share(self) -> float:
        """The completed share of the stage."""
        if self.over:
            return 1.0
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds_per_unit(self) -> float | None:
        """The pace of this attempt; None while it is not known."""
        done = self.done - self.resumed_at
        return self.seconds / done if done > 0 and self.seconds > 0 else None


Stages = tuple[StageStatus, ...]


def find_stage(stages: Stages, name: str) -> StageStatus | None:
    """Returns the stage of a name; None if the job does not have it."""
    return next((stage for stage in stages if stage.name == name), None)


def completed_share(stages: Stages) -> float | None:
    """The completed share of a job: the shares of its stages, weighted by their expected time.

    It never falls within an attempt, because the weights stay. None if the job recorded no stages."""
    expected_s = sum(stage.expected_s for stage in stages)
    return sum(stage.share * stage.expected_s for stage in stages) / expected_s if expected_s else None


def stage_remaining_s(stage: StageStatus, calibration: float = 1.0) -> float:
    """Seconds until a stage ends: at its own pace once it is known, else what was expected.

    Args:
        stage: the stage.
        calibration: factor between the time that passes on this machine and the expected time."""
    if stage.over:
        return 0.0
    pace_s = stage.seconds_per_unit
    if pace_s is not None and stage.total and stage.done - stage.resumed_at >= MIN_PACE_SHARE * stage.total:
        return pace_s * max(0, stage.total - stage.done)
    expected_s = calibration * stage.expected_s * (1 - stage.share)
    return expected_s if stage.done > stage.resumed_at else max(0.0, expected_s - stage.seconds)


def remaining_s(stages: Stages) -> float | None:
    """Seconds until the last stage ends; None if the job recorded no stages."""
    if not stages:
        return None
    calibration = calibration_of(stages)
    return sum(stage_remaining_s(stage, calibration) for stage in stages)


def calibration_of(stages: Stages) -> float:
    """Factor between the time that passed and the time that was expected for the same work; 1 at the start."""
    passed_s = expected_s = 0.0
    for stage in stages:
        if stage.name in CALIBRATING and stage.seconds and stage.total and stage.done > stage.resumed_at:
            passed_s += stage.seconds
            expected_s += stage.expected_s * (stage.done - stage.resumed_at) / stage.total
    if not expected_s:
        return 1.0
    return min(MAX_CALIBRATION, max(MIN_CALIBRATION, passed_s / expected_s))


def part_progress(progress: ProgressCallback, index: int, parts: int) -> ProgressCallback:
    """The progress function of one of several parts of equal size, the first of which has index 0."""
    return lambda done, total: progress(index * total + done, parts * total)
