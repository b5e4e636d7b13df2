"""Options of how a run goes on: checkpoints, faults, machines, and what it must not forget."""

from typing import Literal

from pydantic import Field

from qal.jobs.options.learning import Options


class RetentionOptions(Options, frozen=True):
    """What fine-tuning must not break is measured on speech that was not trained on."""

    corpora: list[str] = Field(
        default=[], description="folders of corpora of other languages or voices; unset: up to 3 beside the corpus"
    )
    utterances: int = Field(default=16, ge=0, le=10_000, description="test rows of each; 0: nothing is measured")
    max_wer_loss: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="a WER that is surely higher, and by more than this share, is told in red",
    )


class CheckpointOptions(Options, frozen=True):
    """A resumed run repeats what came after its last checkpoint, step for step; there is one after every epoch, too."""

    every_steps: int = Field(default=0, ge=0, le=1_000_000, description="a checkpoint every so many steps; 0 is off")
    every_minutes: float = Field(
        default=10.0, ge=0, le=1440, description="a checkpoint when the last is so many minutes old; 0 is off"
    )


class FaultOptions(Options, frozen=True):
    """How much a run bears before it stops and says why."""

    skipped_steps: int = Field(
        default=20, ge=1, le=10_000, description="so many steps in a row without a finite loss or gradient end the run"
    )
    bad_rows_share: float = Field(
        default=0.05, ge=0, le=1, description="a larger share of rows whose audio cannot be used ends the run"
    )


class MachineOptions(Options, frozen=True):
    """How the work is spread over processes; the device itself is chosen with `device`."""

    workers: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="processes that load audio, for each device; unset: none on up to 2 cores, else up to 4",
    )
    devices: int = Field(default=1, ge=1, le=64, description="devices of each node; above 1, a process each")
    nodes: int = Field(default=1, ge=1, le=1024, description="machines, started by torchrun or SLURM")
    strategy: Literal["auto", "ddp", "deepspeed_2", "deepspeed_3", "fsdp"] = Field(
        default="auto", description="how several devices share the work; auto: ddp where there are several"
    )
