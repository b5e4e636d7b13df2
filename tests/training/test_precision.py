"""Precision "auto", and what follows from it, on GPUs that this machine does not have."""

from types import SimpleNamespace

import pytest
import torch

from qal.jobs.options.training_config import TrainingConfig
from qal.training.loop.optimizer import can_be_fused
from qal.training.loop.precision import resolved_precision


class CudaModel:
    """A model whose trainable weight is on a GPU."""

    def parameters(self):
        return [SimpleNamespace(device=torch.device("cuda"), requires_grad=True)]


@pytest.fixture
def gpu(monkeypatch):
    """Pretends that there is a GPU whose support for bfloat16 is given: "none", "emulated" or "fast"."""

    def pretend(bfloat16: str) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

        def is_supported(including_emulation: bool = True) -> bool:
            return bfloat16 == "fast" or (bfloat16 == "emulated" and including_emulation)

        monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)

    return pretend


@pytest.mark.parametrize(
    ("bfloat16", "precision"), [("none", "16-mixed"), ("emulated", "16-mixed"), ("fast", "bf16-mixed")]
)
def test_auto_precision_is_bfloat16_only_where_the_gpu_computes_in_it(bfloat16, precision, gpu):
    gpu(bfloat16)
    assert resolved_precision(TrainingConfig()) == precision


@pytest.mark.parametrize(("bfloat16", "fused"), [("emulated", False), ("fast", True)])
def test_no_fused_optimizer_with_the_grad_scaler_of_an_automatic_float16(bfloat16, fused, gpu):
    """A fused optimizer unscales the gradients itself, after they were clipped."""
    gpu(bfloat16)
    assert can_be_fused(CudaModel(), TrainingConfig()) is fused  # pyright: ignore[reportArgumentType]
