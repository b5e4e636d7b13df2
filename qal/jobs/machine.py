"""Which devices and processes a run uses, and what this machine cannot do. No torch here."""

import importlib.util
import os
import sys
from collections.abc import Sequence

import ctranslate2

from qal.engine.engine import Device, choose_device
from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig

CUDA_ONLY = ("deepspeed_2", "deepspeed_3", "fsdp")


def check_machine(config: TrainingConfig) -> None:
    """Raises OptionError (or ModelError: no CUDA) in one sentence where these options cannot run here."""
    machine = config.machine
    if config.device == "mps" and sys.platform != "darwin":
        raise OptionError("device mps is there on Apple's machines only; train with --device cpu, or auto")
    device = choose_device(engine_device(config))
    _check_base_precision(config.trained.base_precision, device)
    if machine.strategy in CUDA_ONLY and device != "cuda":
        raise OptionError(
            f"machine.strategy {machine.strategy} runs on CUDA devices only, and this run has none; use ddp or auto"
        )
    if machine.strategy in CUDA_ONLY and config.compute.part_seconds:
        raise OptionError(
            f"machine.strategy {machine.strategy} cannot compute a batch in parts; leave compute.part_seconds out, "
            "and lower batch_size or set compute.recompute"
        )
    if machine.strategy in CUDA_ONLY and config.result.keep != "last":
        raise OptionError(
            f"result.keep {config.result.keep} needs whole weights on every device, which machine.strategy "
            f"{machine.strategy} has not; keep the last, or use ddp"
        )
    if machine.strategy.startswith("deepspeed") and importlib.util.find_spec("deepspeed") is None:
        raise OptionError("DeepSpeed is not installed; pip install deepspeed, or use ddp")
    if device == "cuda" and machine.devices > ctranslate2.get_cuda_device_count():
        raise OptionError(
            f"machine.devices is {machine.devices}, but {ctranslate2.get_cuda_device_count()} CUDA devices were found"
        )
    if config.device == "mps" and processes(config) > 1:
        raise OptionError("device mps cannot be shared by several processes; set machine.devices to 1")
    _check_launcher(config)


def _check_base_precision(wanted: str, device: str) -> None:
    if wanted == "float16" and device != "cuda":
        raise OptionError("trained.base_precision float16 needs a CUDA device; take bfloat16 or float32")
    if wanted == "int8" and (device != "cuda" or importlib.util.find_spec("bitsandbytes") is None):
        raise OptionError(
            "trained.base_precision int8 needs a CUDA device and bitsandbytes (pip install bitsandbytes); "
            "take bfloat16 or float32"
        )


def _check_launcher(config: TrainingConfig) -> None:
    world = launched_processes()
    if config.find_learning_rate and world > 1:
        raise OptionError("find_learning_rate needs one process only; start it without torchrun and srun")
    if config.method == "distill" and processes(config) > 1:
        raise OptionError("distillation keeps its lessons in one process; set machine.devices and machine.nodes to 1")
    if world > 1 and world != processes(config):
        raise OptionError(
            f"{world} processes were started, but machine.devices x machine.nodes is {processes(config)}; "
            "make them equal"
        )
    if world == 1 and config.machine.nodes > 1:
        raise OptionError("several nodes need a launcher: start the script with torchrun on each of them, or with srun")


def engine_device(config: TrainingConfig) -> Device:
    """Where CTranslate2 computes: it knows nothing of MPS."""
    return "cpu" if config.device == "mps" else config.device


def processes(config: TrainingConfig) -> int:
    return config.machine.devices * config.machine.nodes


def launched_processes() -> int:
    """How many of us torchrun or SLURM has started; 1 where nobody did."""
    told = os.environ.get("WORLD_SIZE") or (os.environ.get("SLURM_NTASKS", "1") if _in_srun() else "1")
    if not told.isdecimal() or int(told) < 1:
        raise OptionError(f"WORLD_SIZE or SLURM_NTASKS is '{told}', which is no number of processes; unset it")
    return int(told)


def _in_srun() -> bool:
    """Inside a step of srun, not merely inside an allocation."""
    return "SLURM_STEP_ID" in os.environ and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive")


def launcher_command(config: TrainingConfig, arguments: Sequence[str]) -> list[str] | None:
    """What starts a process for each device of this machine; None where one is enough or they run already."""
    if config.find_learning_rate or config.machine.devices == 1 or config.machine.nodes > 1 or launched_processes() > 1:
        return None
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*torchrun, f"--nproc-per-node={config.machine.devices}", "-m", "qal", "train", *arguments]
