"""Merges base weights with the result of a training into one Transformers directory.

The result of a training is an adapter, or a file with some weights of the model itself."""

import shutil
from pathlib import Path

import torch
from peft import PeftModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import GenerationConfig, WhisperForConditionalGeneration

from qal.errors import ConversionError
from qal.export.to_ctranslate2 import COPIED_FILES
from qal.jobs.run import TRAINED_WEIGHTS_FILE
from qal.storage import storage_errors


def merge(weights: Path, adapter: Path, target: Path) -> Path:
    """Writes the merged float32 model to `target`, atomically, and returns `target`.

    An adapted matrix becomes W + alpha / rank * B A; other trained weights replace those of the base. The generation
    config (suppressed tokens, alignment heads) is that of the base.

    Args:
        weights: Transformers directory of the base model.
        adapter: folder of a PEFT adapter, or folder that contains TRAINED_WEIGHTS_FILE.
        target: folder to write; an existing one is replaced.

    Raises:
        ConversionError: the adapter is damaged or does not fit the base model."""
    model = WhisperForConditionalGeneration.from_pretrained(weights, dtype=torch.float32)
    try:
        trained_weights = adapter / TRAINED_WEIGHTS_FILE
        if trained_weights.exists():
            merged = replace_weights(model, load_file(trained_weights))
        else:
            merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    except (ValueError, RuntimeError, KeyError, SafetensorError, OSError) as error:
        raise ConversionError(
            f"{adapter}: damaged, or trained from another base model; delete this folder and resume the run"
        ) from error
    merged.generation_config = GenerationConfig.from_pretrained(weights)
    merged.generation_config._from_model_config = False  # else alignment_heads are dropped at the next load
    with storage_errors("the merged model"):
        partial = target.with_name(target.name + ".new")
        try:
            merged.save_pretrained(partial)
            for name in COPIED_FILES:
                if (weights / name).exists():
                    shutil.copyfile(weights / name, partial / name)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def replace_weights(
    model: WhisperForConditionalGeneration, weights: dict[str, torch.Tensor]
) -> WhisperForConditionalGeneration:
    """Replaces some weights of the model in place. Raises KeyError for unknown names, RuntimeError for wrong shapes."""
    unknown = model.load_state_dict(weights, strict=False).unexpected_keys
    if unknown:
        raise KeyError(unknown[0])
    return model
