"""Base weights + what was trained (an adapter, or weights of the model itself) -> one Transformers directory."""

import shutil
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import GenerationConfig, WhisperForConditionalGeneration

from qal.errors import ConversionError
from qal.storage import storage_errors

TRAINED_FILE = "trained.safetensors"  # weights of the model itself, by their own names
KEPT_FILES = ("tokenizer.json", "preprocessor_config.json")


def merge(weights: Path, adapter: Path, target: Path) -> Path:
    """W + alpha/rank * B A for every adapted W, or the trained W itself, in float32; made beside `target`, renamed.

    The generation config (suppressed tokens, alignment heads) is the base's own."""
    model = WhisperForConditionalGeneration.from_pretrained(weights, dtype=torch.float32)
    try:
        trained = adapter / TRAINED_FILE
        if trained.exists():
            merged = with_weights(model, load_file(trained))
        else:
            merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    except (ValueError, RuntimeError, KeyError, SafetensorError, OSError) as error:
        raise ConversionError(
            f"{adapter}: is damaged, or does not fit the base's weights; delete this folder and resume the run"
        ) from error
    merged.generation_config = GenerationConfig.from_pretrained(weights)
    merged.generation_config._from_model_config = False  # else alignment_heads are dropped at the next load
    with storage_errors("the merged model"):
        beside = target.with_name(target.name + ".new")
        try:
            merged.save_pretrained(beside)
            for name in KEPT_FILES:
                if (weights / name).exists():
                    shutil.copyfile(weights / name, beside / name)
            shutil.rmtree(target, ignore_errors=True)
            beside.rename(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return target


def with_weights(
    model: WhisperForConditionalGeneration, weights: dict[str, torch.Tensor]
) -> WhisperForConditionalGeneration:
    """The model with some of its weights replaced; KeyError for a name that it lacks, RuntimeError for a shape."""
    unknown = model.load_state_dict(weights, strict=False).unexpected_keys
    if unknown:
        raise KeyError(unknown[0])
    return model
