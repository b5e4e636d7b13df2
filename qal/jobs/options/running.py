"""Options of the execution of a run: retention, checkpoints, error handling and processes."""

from typing import Literal

from pydantic import Field

from qal.jobs.options.learning import Options


class RetentionOptions(Options, frozen=True):
    """Retention: the error rate on speech that the run does not train on, to find forgetting."""

    corpora: list[str] = Field(
        default=[],
        description="folders of datasets in other languages or of other voices "
        "(empty: up to 3 from the folder of the training dataset)",
    )
    utterances: int = Field(default=16, ge=0, le=10_000, description="test examples of each dataset; 0: off")
    max_wer_loss: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="a significant increase of the error rate by more than this share is shown as a warning",
    )


class CheckpointOptions(Options, frozen=True):
    """Checkpoints, in addition to the one after each epoch; a resumed run repeats the steps after its last one."""

    every_steps: int = Field(default=0, ge=0, le=1_000_000, description="save a checkpoint every N steps; 0: off")
    every_minutes: float = Field(default=10.0, ge=0, le=1440, description="save a checkpoint every N minutes; 0: off")
    keep_epochs: bool = Field(
        default=False,
        description="keep the trained weights of each epoch, so that `qal evaluate checkpoints` can compare them",
    )


class FaultOptions(Options, frozen=True):
    """Limits for errors in the loss, the gradients and the audio; above them the run stops with an error."""

    skipped_steps: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="stop after N consecutive steps with a loss or gradient that is not finite",
    )
    bad_rows_share: float = Field(
        default=0.05, ge=0, le=1, description="stop if more than this share of the examples has unusable audio"
    )


class MachineOptions(Options, frozen=True):
    """Processes and their distribution over devices; `device` selects the kind of device."""

    workers: int | None = Field(
        default=None,
        ge=0,
        le=64,
        description="processes that load audio, per device (empty: none on up to 2 cores, otherwise up to 4)",
    )
    devices: int = Field(default=1, ge=1, le=64, description="devices per node; above 1, one process per device")
    nodes: int = Field(default=1, ge=1, le=1024, description="number of machines, started by torchrun or SLURM")
    strategy: Literal["auto", "ddp", "deepspeed_2", "deepspeed_3", "fsdp"] = Field(
        default="auto", description="strategy for several devices; auto: ddp"
    )
