"""The precision in which a run computes."""

import torch

from qal.jobs.options.training_config import Precision, TrainingConfig
from qal.training.loop.distributed import torch_device


def resolved_precision(config: TrainingConfig) -> Precision:
    """Returns the chosen precision; "auto" is bfloat16 where the device computes in it quickly.

    Otherwise "auto" is float16 on a GPU and float32 on a CPU."""
    if config.precision != "auto":
        return config.precision
    if torch_device(config) == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if fast else "32-true"
