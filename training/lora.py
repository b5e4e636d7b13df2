"""Low-rank adaptation of all of Whisper's linear layers, through PEFT."""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import WhisperForConditionalGeneration

from training.config import LoraOptions

LINEAR_LAYERS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]


def add_lora(model: WhisperForConditionalGeneration, options: LoraOptions) -> PeftModel:
    """Freezes the model and puts W + alpha/rank * B A in place of every linear W. B begins at zero."""
    return get_peft_model(
        model,
        LoraConfig(
            r=options.rank,
            lora_alpha=options.alpha,
            lora_dropout=options.dropout,
            target_modules=LINEAR_LAYERS,
            task_type=None,  # a sequence-to-sequence task type would ask for input_ids, which Whisper lacks
        ),
    )


def unwrapped(model: PeftModel) -> WhisperForConditionalGeneration:
    """The Whisper inside, with its adapted layers."""
    whisper = model.base_model.model
    assert isinstance(whisper, WhisperForConditionalGeneration)
    return whisper


def save_adapter(model: PeftModel, folder: Path) -> None:
    """adapter_model.safetensors in float16 and adapter_config.json, as PEFT loads them; whole or not at all."""
    beside = folder.with_name(folder.name + ".new")
    model.save_pretrained(str(beside))
    path = beside / "adapter_model.safetensors"
    save_file({name: t.to(torch.float16).contiguous() for name, t in load_file(path).items()}, path)
    (beside / "README.md").unlink(missing_ok=True)  # PEFT's empty form of a model card
    beside.rename(folder)
