"""Trained weights of a checkpoint as the files that a merge takes: an adapter, or weights of the model itself."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from qal.errors import TrainingError
from qal.jobs.options.training_config import TrainingConfig
from qal.training.loop.checkpoints import UNPICKLING_ERRORS
from qal.training.model.short_context import load_whisper
from qal.training.model.trainable import make_trainable, save_trainable_weights

MODULE_PREFIX = "model."  # of the names in a checkpoint, which are those of the Lightning module


def checkpoint_step(checkpoint: Path) -> int:
    """Returns the number of optimizer steps of a checkpoint (.ckpt). Raises TrainingError if it is damaged."""
    return int(_load_checkpoint(checkpoint)["global_step"])


def write_trained_weights(checkpoint: Path, config: TrainingConfig, weights: Path, folder: Path) -> Path:
    """Writes the trained weights of a checkpoint as the end of the training would, and returns the folder.

    Args:
        checkpoint: a file .ckpt or .safetensors of a run.
        config: the run's settings.
        weights: folder of the base model in Transformers format.
        folder: is written.

    Raises:
        TrainingError: the file is damaged, or belongs to other settings."""
    trained = _trained_weights(checkpoint)
    in_float32 = config.trained.model_copy(update={"base_precision": "float32"})
    settings = config.model_copy(update={"trained": in_float32})
    model = make_trainable(load_whisper(weights), settings, "32-true", total_steps=1)
    parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if parameters.keys() - trained.keys():
        raise TrainingError(f"{checkpoint}: does not hold the trained weights of these settings; choose another one")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(trained[name])
    save_trainable_weights(model, folder)
    return folder


def _trained_weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    """Returns the weights by their names in the model. Raises TrainingError."""
    if checkpoint.suffix == ".ckpt":
        found = _load_checkpoint(checkpoint)["state_dict"]
    else:
        try:
            found = load_file(checkpoint)
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{checkpoint}: missing or damaged; choose another checkpoint") from error
    return {name.removeprefix(MODULE_PREFIX): weight for name, weight in found.items()}


def _load_checkpoint(checkpoint: Path) -> dict:
    try:
        return torch.load(checkpoint, map_location="cpu", weights_only=True)
    except UNPICKLING_ERRORS as error:
        raise TrainingError(f"{checkpoint}: missing or damaged; choose another checkpoint") from error
