"""Low-rank adaptation of Whisper's linear layers, through PEFT."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import AdaLoraConfig, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import WhisperForConditionalGeneration

from qal.jobs.options.learning import AdaLoraOptions, LoraOptions

LINEAR_LAYERS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def add_lora(
    model: WhisperForConditionalGeneration, options: LoraOptions, layers: Sequence[str] = LINEAR_LAYERS
) -> PeftModel:
    """Freezes the model and puts W + alpha/rank * B A in place of every chosen W. B begins at zero."""
    return get_peft_model(
        model,
        LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            use_rslora=options.rank_stabilised,
            use_dora=options.dora,
            target_modules=list(layers),
            task_type=None,  # a sequence-to-sequence task type would ask for input_ids, which Whisper lacks
        ),
    )


def add_adalora(
    model: WhisperForConditionalGeneration,
    options: LoraOptions,
    shrinking: AdaLoraOptions,
    steps: int,
    layers: Sequence[str] = LINEAR_LAYERS,
) -> PeftModel:
    """W + alpha/start_rank * B diag(E) A; the least important entries of E are held at zero until the budget fits."""
    return get_peft_model(
        model,
        AdaLoraConfig(
            init_r=shrinking.start_rank,
            target_r=options.rank,
            tinit=int(shrinking.first_share * steps),
            tfinal=int(shrinking.last_share * steps),
            deltaT=shrinking.interval_steps,
            orth_reg_weight=shrinking.orthogonality,
            total_step=max(steps, 1),
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=list(layers),
            task_type=None,
        ),
    )


class RankBudget:
    """AdaLoRA's part in a step: the penalty in its loss, then the pruning; its state belongs in checkpoints.

    PEFT scores an entry by a running mean of |weight x gradient|, so that a resumed run needs those means too."""

    MEANS = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # the last score of each entry, and its running means

    def __init__(self, model: PeftModel):
        self.model = model
        self.config: Any = model.peft_config["default"]
        self.allocator: Any = model.base_model.rankallocator
        self._weights = [p for n, p in model.named_parameters() if "lora_" in n and p.requires_grad]

    def penalty(self) -> Tensor:
        """Mean of |A Aᵀ - I| and |Bᵀ B - I| over all layers, times its weight."""
        halves = [p if "lora_A" in n else p.T for n, p in self.model.named_parameters() if _is_half(n)]
        with torch.autocast(halves[0].device.type, enabled=False):
            distances = [torch.linalg.matrix_norm(h @ h.T - torch.eye(len(h), device=h.device)) for h in halves]
            return self.config.orth_reg_weight * torch.stack(distances).mean()

    def update(self, step: int) -> None:
        """After the optimizer's step, while its gradients are still there."""
        for weight in self._weights:
            if weight.grad is None or not weight.grad.isfinite().all():  # of a layer or a step that was skipped
                weight.grad = torch.zeros_like(weight)
        self.model.base_model.update_and_allocate(step)  # pyright: ignore[reportCallIssue]

    def state(self) -> dict:
        means = {name: getattr(self.allocator, name) for name in self.MEANS}
        return {**means, "rank_pattern": self.config.rank_pattern}

    def load(self, state: dict) -> None:
        device = self._weights[0].device
        for name in self.MEANS:
            setattr(self.allocator, name, {n: t.to(device) for n, t in state[name].items()})
        self.config.rank_pattern = state["rank_pattern"]


def _is_half(name: str) -> bool:
    return "lora_A" in name or "lora_B" in name


def unwrapped(model: nn.Module) -> WhisperForConditionalGeneration:
    """The Whisper inside, with its adapted layers."""
    whisper = model.base_model.model if isinstance(model, PeftModel) else model
    assert isinstance(whisper, WhisperForConditionalGeneration)
    return whisper


def save_adapter(model: PeftModel, folder: Path) -> None:
    """adapter_model.safetensors in float16 and adapter_config.json, as PEFT loads them; whole or not at all."""
    if isinstance(model.peft_config["default"], AdaLoraConfig):
        model.peft_config["default"].rank_pattern = None  # E's zeros say the ranks; PEFT would cut A and B to them
    beside = folder.with_name(folder.name + ".new")
    model.save_pretrained(str(beside))
    path = beside / "adapter_model.safetensors"
    save_file({name: t.to(torch.float16).contiguous() for name, t in load_file(path).items()}, path)
    (beside / "README.md").unlink(missing_ok=True)  # PEFT's empty form of a model card
    beside.rename(folder)
