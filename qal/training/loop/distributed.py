"""Several processes that train one model: who leads, how they talk, how Lightning spreads the work."""

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
from qal.jobs.machine import launched_processes
from qal.jobs.options.training_config import TrainingConfig

ZERO_STAGES = {"deepspeed_2": 2, "deepspeed_3": 3}


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is. Rank 0 leads: it alone writes the run's folder."""

    rank: int = 0
    world: int = 1
    shares_validation: bool = True  # not where every forward pass needs all ranks

    @property
    def leads(self) -> bool:
        return self.rank == 0


ALONE = Ranks()


def join(config: TrainingConfig) -> Ranks:
    """Meets the other processes that torchrun or SLURM has started; ALONE where there are none."""
    if launched_processes() == 1:
        return ALONE
    kinds = (TorchElasticEnvironment, SLURMEnvironment)
    kind = next((kind for kind in kinds if kind.detect()), LightningEnvironment)
    environment = kind()
    os.environ.setdefault("MASTER_ADDR", environment.main_address)
    os.environ.setdefault("MASTER_PORT", str(environment.main_port))
    rank, world = environment.global_rank(), environment.world_size()
    backend = "gloo"
    if torch_device(config) == "cuda":
        torch.cuda.set_device(environment.local_rank())
        backend = "cpu:gloo,cuda:nccl"
    if not distributed.is_initialized():
        distributed.init_process_group(backend, rank=rank, world_size=world)
    return Ranks(rank, world, config.machine.strategy in ("auto", "ddp"))


class Order(NamedTuple):
    """What the leader tells the others to train."""

    run: Path
    weights: Path
    attempt: int


class Orders:
    """The leader's: given once, and where it fails before that, the others are told not to wait."""

    def __init__(self, ranks: Ranks):
        self.ranks, self._given = ranks, False

    def give(self, run: Path, weights: Path, attempt: int) -> None:
        self._given = True
        told(Order(run.resolve(), weights.resolve(), attempt))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._given:
            told(None)


def told(message: Any) -> Any:
    """What the leader says, on every rank; the others pass None."""
    if not distributed.is_initialized():
        return message
    box = [message]
    distributed.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def gathered(mine: Any) -> list[Any]:
    """What every rank holds, in the order of the ranks, on all of them."""
    if not distributed.is_initialized():
        return [mine]
    everyone = [None] * distributed.get_world_size()
    distributed.all_gather_object(everyone, mine)
    return everyone


def leave() -> None:
    """The ranks go their own ways; the leader has more to do."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def torch_device(config: TrainingConfig) -> str:
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainingError("no CUDA device was found; train with --device cpu, or auto")
    if config.device == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("no MPS device was found; train with --device cpu, or auto")
    if config.device != "auto":
        return config.device
    return "cuda" if available else "mps" if torch.backends.mps.is_available() else "cpu"


def make_strategy(config: TrainingConfig, world: int) -> Strategy | str:
    """Lightning's, from one line of the config. DeepSpeed is imported only when it was asked for."""
    name = config.machine.strategy
    if name in ZERO_STAGES:
        return DeepSpeedStrategy(stage=ZERO_STAGES[name], logging_batch_size_per_gpu=config.batch_size)
    if name == "fsdp":
        layers = {WhisperEncoderLayer, WhisperDecoderLayer}
        # a LoRA layer holds frozen and trained weights side by side: only the original parameters tell them apart
        return FSDPStrategy(auto_wrap_policy=layers, use_orig_params=True, state_dict_type="full")
    if name == "ddp" or world > 1:
        # without buffers nothing is exchanged in a forward pass: ranks may validate unequal numbers of batches
        return DDPStrategy(broadcast_buffers=False, process_group_backend=_backend(config))
    return "auto"


def _backend(config: TrainingConfig) -> str:
    return "nccl" if torch_device(config) == "cuda" else "gloo"


@contextmanager
def whole_weights(config: TrainingConfig, model: torch.nn.Module, wrapped: torch.nn.Module | None) -> Iterator[None]:
    """While open, weights that were spread over the ranks are whole on each of them."""
    if config.machine.strategy == "deepspeed_3":
        import deepspeed

        with deepspeed.zero.GatheredParameters([p for p in model.parameters() if p.requires_grad]):
            yield
    elif config.machine.strategy == "fsdp" and wrapped is not None:
        with FullyShardedDataParallel.summon_full_params(wrapped, writeback=False):
            yield
    else:
        yield
