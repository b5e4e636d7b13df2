"""Low-rank adaptation of Whisper's linear layers with PEFT."""

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
    """Freezes the model and replaces each chosen weight W by W + alpha/rank * B A. B starts at zero."""
    return get_peft_model(
        model,
        LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            use_rslora=options.rank_stabilised,
            use_dora=options.dora,
            target_modules=list(layers),
            task_type=None,  # a sequence-to-sequence task type requires input_ids, which Whisper does not have
        ),
    )


def add_adalora(
    model: WhisperForConditionalGeneration,
    options: LoraOptions,
    adalora_options: AdaLoraOptions,
    total_steps: int,
    layers: Sequence[str] = LINEAR_LAYERS,
) -> PeftModel:
    """Freezes the model and replaces each chosen weight W by W + alpha/start_rank * B diag(E) A.

    The least important entries of E are set to zero until the average rank is `options.rank`.

    Args:
        model: the model to adapt.
        options: rank, alpha and dropout.
        adalora_options: start rank and pruning.
        total_steps: optimizer steps of the run.
        layers: names of the linear layers to adapt."""
    return get_peft_model(
        model,
        AdaLoraConfig(
            init_r=adalora_options.start_rank,
            target_r=options.rank,
            tinit=int(adalora_options.first_share * total_steps),
            tfinal=int(adalora_options.last_share * total_steps),
            deltaT=adalora_options.interval_steps,
            orth_reg_weight=adalora_options.orthogonality,
            total_step=max(total_steps, 1),
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=list(layers),
            task_type=None,
        ),
    )


class RankBudget:
    """AdaLoRA's penalty and pruning. Its state belongs in checkpoints.

    PEFT scores an entry by a running mean of |weight x gradient|, so a resumed run needs these means."""

    SCORE_NAMES = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # PEFT's names: the last score, and its running means

    def __init__(self, model: PeftModel):
        self.model = model
        self.config: Any = model.peft_config["default"]
        self.allocator: Any = model.base_model.rankallocator
        self._weights = [p for n, p in model.named_parameters() if "lora_" in n and p.requires_grad]

    def penalty(self) -> Tensor:
        """Orthogonality penalty: the weighted mean of |A Aᵀ - I| and |Bᵀ B - I| over all layers."""
        factors = [p if "lora_A" in n else p.T for n, p in self.model.named_parameters() if _is_factor(n)]
        with torch.autocast(factors[0].device.type, enabled=False):
            distances = [torch.linalg.matrix_norm(f @ f.T - torch.eye(len(f), device=f.device)) for f in factors]
            return self.config.orth_reg_weight * torch.stack(distances).mean()

    def update(self, step: int) -> None:
        """Updates the scores and prunes; to be called after the optimizer's step, before gradients are cleared."""
        for weight in self._weights:
            if weight.grad is None or not weight.grad.isfinite().all():  # a dropped layer or a skipped step
                weight.grad = torch.zeros_like(weight)
        self.model.base_model.update_and_allocate(step)  # pyright: ignore[reportCallIssue]

    def state(self) -> dict:
        """State for a checkpoint."""
        scores = {name: getattr(self.allocator, name) for name in self.SCORE_NAMES}
        return {**scores, "rank_pattern": self.config.rank_pattern}

    def load(self, state: dict) -> None:
        """Restores the state of a checkpoint."""
        device = self._weights[0].device
        for name in self.SCORE_NAMES:
            setattr(self.allocator, name, {n: t.to(device) for n, t in state[name].items()})
        self.config.rank_pattern = state["rank_pattern"]


def _is_factor(name: str) -> bool:
    return "lora_A" in name or "lora_B" in name


def unwrap_whisper(model: nn.Module) -> WhisperForConditionalGeneration:
    """Returns the Whisper model inside a PEFT model, with its adapted layers; Whisper itself is returned as is."""
    whisper = model.base_model.model if isinstance(model, PeftModel) else model
    assert isinstance(whisper, WhisperForConditionalGeneration)
    return whisper


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Writes adapter_model.safetensors (float16) and adapter_config.json in PEFT's format, atomically."""
    if isinstance(model.peft_config["default"], AdaLoraConfig):
        model.peft_config["default"].rank_pattern = None  # with a pattern PEFT would cut A and B; zeros in E suffice
    partial = folder.with_name(folder.name + ".new")
    model.save_pretrained(str(partial))
    path = partial / "adapter_model.safetensors"
    save_file({name: t.to(torch.float16).contiguous() for name, t in load_file(path).items()}, path)
    (partial / "README.md").unlink(missing_ok=True)  # PEFT's empty template of a model card
    partial.rename(folder)
