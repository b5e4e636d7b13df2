"""Devices and processes of a run, and the checks whether this machine supports its options."""

import importlib.util
import os
import sys
from collections.abc import Sequence

import ctranslate2

from qal.engine.settings.device import Device, choose_device
from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig

CUDA_ONLY = ("deepspeed_2", "deepspeed_3", "fsdp")  # strategies


def check_machine(config: TrainingConfig) -> None:
    """Raises OptionError if this machine does not support the options, or ModelError if there is no CUDA device."""
    if config.device == "mps" and sys.platform != "darwin":
        raise OptionError("device mps exists only on Apple's machines; train with --device cpu or auto")
    device = choose_device(engine_device(config))
    _check_base_precision(config.trained.base_precision, device)
    if config.machine.strategy in CUDA_ONLY:
        _check_cuda_strategy(config, device)
    if device == "cuda" and config.machine.devices > ctranslate2.get_cuda_device_count():
        raise OptionError(
            f"machine.devices is {config.machine.devices}, but this machine has "
            f"{ctranslate2.get_cuda_device_count()} CUDA devices; lower it"
        )
    if config.device == "mps" and process_count(config) > 1:
        raise OptionError("several processes cannot share device mps; set machine.devices to 1")
    _check_launcher(config)


def _check_base_precision(precision: str, device: str) -> None:
    if precision == "float16" and device != "cuda":
        raise OptionError("trained.base_precision float16 needs a CUDA device; use bfloat16 or float32")
    if precision == "int8" and (device != "cuda" or importlib.util.find_spec("bitsandbytes") is None):
        raise OptionError(
            "trained.base_precision int8 needs a CUDA device and bitsandbytes (pip install bitsandbytes); "
            "use bfloat16 or float32"
        )


def _check_cuda_strategy(config: TrainingConfig, device: str) -> None:
    strategy = config.machine.strategy
    if device != "cuda":
        raise OptionError(f"machine.strategy {strategy} runs on CUDA devices only; use ddp or auto")
    if config.compute.part_seconds:
        raise OptionError(
            f"machine.strategy {strategy} does not support micro-batches; leave compute.part_seconds empty, "
            "and lower batch_size or set compute.recompute"
        )
    if config.result.keep != "last":
        raise OptionError(
            f"result.keep {config.result.keep} needs all weights on every device, but machine.strategy {strategy} "
            "distributes them; keep the last weights, or use ddp"
        )
    if strategy.startswith("deepspeed") and importlib.util.find_spec("deepspeed") is None:
        raise OptionError("DeepSpeed is not installed; run pip install deepspeed, or use ddp")


def _check_launcher(config: TrainingConfig) -> None:
    launched = launched_process_count()
    if config.find_learning_rate and launched > 1:
        raise OptionError("find_learning_rate needs a single process; start it without torchrun and srun")
    if config.method == "distill" and process_count(config) > 1:
        raise OptionError("distillation needs a single process; set machine.devices and machine.nodes to 1")
    if launched > 1 and launched != process_count(config):
        raise OptionError(
            f"{launched} processes were started, but machine.devices x machine.nodes is {process_count(config)}; "
            "make them equal"
        )
    if launched == 1 and config.machine.nodes > 1:
        raise OptionError("several nodes need a launcher: start the script with torchrun on each of them, or with srun")


def engine_device(config: TrainingConfig) -> Device:
    """Returns the device of CTranslate2, which does not support MPS."""
    return "cpu" if config.device == "mps" else config.device


def process_count(config: TrainingConfig) -> int:
    """Returns the number of training processes on all nodes."""
    return config.machine.devices * config.machine.nodes


def launched_process_count() -> int:
    """Returns the number of processes that torchrun or SLURM has started; 1 without a launcher."""
    count = os.environ.get("WORLD_SIZE") or (os.environ.get("SLURM_NTASKS", "1") if _in_srun() else "1")
    if not count.isdecimal() or int(count) < 1:
        raise OptionError(f"WORLD_SIZE or SLURM_NTASKS is '{count}', which is not a number of processes; unset it")
    return int(count)


def _in_srun() -> bool:
    """True inside a job step of srun; False inside an allocation only."""
    return "SLURM_STEP_ID" in os.environ and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive")


def launcher_command(config: TrainingConfig, arguments: Sequence[str]) -> list[str] | None:
    """Returns the command that starts a process for each device of this machine.

    None if one process is enough or if a launcher has started the processes already."""
    if config.find_learning_rate or config.machine.devices == 1:
        return None
    if config.machine.nodes > 1 or launched_process_count() > 1:
        return None
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*torchrun, f"--nproc-per-node={config.machine.devices}", "-m", "qal", "train", *arguments]
