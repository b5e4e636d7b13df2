"""Training in several processes: ranks, broadcasts, and Lightning's strategy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

import torch
from pytorch_lightning.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy, DeepSpeedStrategy, FSDPStrategy, Strategy
from torch import distributed
from torch.distributed.fsdp import FullyShardedDataParallel
from transformers.models.whisper.modeling_whisper import WhisperDecoderLayer, WhisperEncoderLayer

from qal.errors import TrainingError
from qal.jobs.machine import launched_process_count
from qal.jobs.options.training_config import TrainingConfig

ZERO_STAGES = {"deepspeed_2": 2, "deepspeed_3": 3}


@dataclass(frozen=True)
class TrainingProcess:
    """Rank of this process. Rank 0 is the main process: it alone writes the run's folder."""

    rank: int = 0
    world_size: int = 1
    shards_validation: bool = True  # False where every forward pass needs all ranks

    @property
    def is_main(self) -> bool:
        return self.rank == 0


SINGLE_PROCESS = TrainingProcess()


def join_process_group(config: TrainingConfig) -> TrainingProcess:
    """Joins the processes that torchrun or SLURM has started; SINGLE_PROCESS where there are no others."""
    if launched_process_count() == 1:
        return SINGLE_PROCESS
    launchers = (TorchElasticEnvironment, SLURMEnvironment)
    launcher = next((launcher for launcher in launchers if launcher.detect()), LightningEnvironment)
    environment = launcher()
    os.environ.setdefault("MASTER_ADDR", environment.main_address)
    os.environ.setdefault("MASTER_PORT", str(environment.main_port))
    rank, world_size = environment.global_rank(), environment.world_size()
    backend = "gloo"
    if torch_device(config) == "cuda":
        torch.cuda.set_device(environment.local_rank())
        backend = "cpu:gloo,cuda:nccl"
    if not distributed.is_initialized():
        distributed.init_process_group(backend, rank=rank, world_size=world_size)
    return TrainingProcess(rank, world_size, config.machine.strategy in ("auto", "ddp"))


def leave_process_group() -> None:
    """Ends the communication between the ranks; the main process continues alone."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


class JobMessage(NamedTuple):
    """The job that the main process broadcasts to the other ranks."""

    run_folder: Path
    weights: Path
    attempt: int


class JobBroadcast:
    """Context in which the main process broadcasts its job once.

    Where it fails before that, leaving the context broadcasts None, so that the other ranks end."""

    def __init__(self, process: TrainingProcess):
        self.process, self._sent = process, False

    def send(self, run_folder: Path, weights: Path, attempt: int) -> None:
        self._sent = True
        broadcast(JobMessage(run_folder.resolve(), weights.resolve(), attempt))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._sent:
            broadcast(None)


def broadcast(message: Any) -> Any:
    """Broadcasts an object from rank 0 to all ranks and returns it; the other ranks pass None."""
    if not distributed.is_initialized():
        return message
    objects = [message]
    distributed.broadcast_object_list(objects, src=0, device=torch.device("cpu"))
    return objects[0]


def all_gather(item: Any) -> list[Any]:
    """Returns the item of every rank, in the order of the ranks, on all ranks."""
    if not distributed.is_initialized():
        return [item]
    items = [None] * distributed.get_world_size()
    distributed.all_gather_object(items, item)
    return items


def torch_device(config: TrainingConfig) -> str:
    """Returns "cpu", "cuda" or "mps". Raises TrainingError where the chosen device is not available."""
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if config.device == "cuda" and not has_cuda:
        raise TrainingError("no CUDA device was found; train with --device cpu, or auto")
    if config.device == "mps" and not has_mps:
        raise TrainingError("no MPS device was found; train with --device cpu, or auto")
    if config.device != "auto":
        return config.device
    if has_cuda:
        return "cuda"
    return "mps" if has_mps else "cpu"


def make_strategy(config: TrainingConfig, world_size: int) -> Strategy | str:
    """Makes Lightning's strategy from `machine.strategy`. DeepSpeed is imported only where it is chosen."""
    name = config.machine.strategy
    if name in ZERO_STAGES:
        return DeepSpeedStrategy(stage=ZERO_STAGES[name], logging_batch_size_per_gpu=config.batch_size)
    if name == "fsdp":
        layers = {WhisperEncoderLayer, WhisperDecoderLayer}
        # a LoRA layer holds frozen and trainable weights together: only the original parameters separate them
        return FSDPStrategy(auto_wrap_policy=layers, use_orig_params=True, state_dict_type="full")
    if name == "ddp" or world_size > 1:
        # without buffers a forward pass communicates nothing, so ranks may validate unequal numbers of batches
        return DDPStrategy(broadcast_buffers=False, process_group_backend=_backend(config))
    return "auto"


def _backend(config: TrainingConfig) -> str:
    return "nccl" if torch_device(config) == "cuda" else "gloo"


@contextmanager
def full_weights(config: TrainingConfig, model: torch.nn.Module, wrapped: torch.nn.Module | None) -> Iterator[None]:
    """Context in which weights that are sharded over the ranks are complete on each rank.

    Args:
        config: the run's configuration.
        model: the model whose trainable weights are gathered (DeepSpeed).
        wrapped: the strategy's wrapper of the model (FSDP)."""
    if config.machine.strategy == "deepspeed_3":
        import deepspeed

        with deepspeed.zero.GatheredParameters([p for p in model.parameters() if p.requires_grad]):
            yield
    elif config.machine.strategy == "fsdp" and wrapped is not None:
        with FullyShardedDataParallel.summon_full_params(wrapped, writeback=False):
            yield
    else:
        yield
