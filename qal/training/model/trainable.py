"""Choice of the trainable weights: low-rank updates of linear layers, or weights of the model itself."""

import re
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import save_file
from torch import nn
from transformers import BitsAndBytesConfig, WhisperForConditionalGeneration

from qal.errors import OptionError
from qal.jobs.options.learning import TrainableOptions
from qal.jobs.options.training_config import HALF_PRECISION, TrainingConfig
from qal.jobs.run import TRAINED_WEIGHTS_FILE
from qal.training.model.lora import LINEAR_LAYERS, add_adalora, add_lora, save_adapter, unwrap_whisper
from qal.training.model.short_context import allow_short_contexts

LINEAR_LAYERS_BY_KIND = {
    "all": LINEAR_LAYERS,
    "attention": ["q_proj", "k_proj", "v_proj", "out_proj"],
    "feed_forward": ["fc1", "fc2"],
    "query_value": ["q_proj", "v_proj"],
}
LAYER_NAME = re.compile(r"model\.(encoder|decoder)\.layers\.(\d+)\.")


def make_trainable(
    model: WhisperForConditionalGeneration, config: TrainingConfig, precision: str, total_steps: int
) -> nn.Module:
    """Freezes the model except for the trainable weights, which are float32.

    Args:
        model: the base model.
        config: the run's configuration.
        precision: Lightning's name of the precision that the run computes in.
        total_steps: optimizer steps of the run.

    Returns:
        the model, or a PEFT model around it, in training mode.

    Raises:
        OptionError: the options do not fit the model or the precision."""
    options, names = config.trained, linear_layers(model, config.trained)
    model = with_base_precision(model, options.base_precision, precision)
    if options.adapter == "none":
        chosen = None if options.all_layers else names
        for name, parameter in model.named_parameters():
            parameter.requires_grad = parameter.requires_grad and is_trainable(name, options.part, chosen)
        trainable: nn.Module = model
    else:
        layers = LINEAR_LAYERS if options.all_layers and options.part == "all" else names
        if options.adapter == "adalora":
            trainable = add_adalora(model, config.lora, config.adalora, total_steps, layers)
        else:
            trainable = add_lora(model, config.lora, layers)
    for parameter in trainable.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    apply_compute_options(unwrap_whisper(trainable), config)
    return trainable.train()  # Transformers loads in eval mode, and Lightning does not change the mode


def apply_compute_options(model: WhisperForConditionalGeneration, config: TrainingConfig) -> None:
    """Sets layer drop, gradient checkpointing and compilation of the layers."""
    model.model.encoder.layerdrop = config.optimizer.encoder_layer_drop
    model.model.decoder.layerdrop = config.optimizer.decoder_layer_drop
    if config.compute.recompute:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if config.compute.compile:
        for layer in model.model.encoder.layers:
            layer.compile(dynamic=True)


def linear_layers(model: WhisperForConditionalGeneration, options: TrainableOptions) -> list[str]:
    """Returns the full names of the chosen linear layers.

    Raises OptionError where the model has fewer layers than first_layers or last_layers."""
    depths = {"encoder": model.config.encoder_layers, "decoder": model.config.decoder_layers}
    halves = [half for half in depths if options.part in ("all", half)]
    count = options.first_layers or options.last_layers or 0
    for half in halves:
        if count > depths[half]:
            raise OptionError(f"the {half} has {depths[half]} layers, not {count}; lower first_layers or last_layers")

    def is_chosen(name: str) -> bool:
        match = LAYER_NAME.match(name)
        layer_kind = name.rpartition(".")[2]
        if not match or match[1] not in halves or layer_kind not in LINEAR_LAYERS_BY_KIND[options.linear]:
            return False
        depth = depths[match[1]]
        first = 0 if options.last_layers is None else depth - options.last_layers
        return first <= int(match[2]) < (options.first_layers or depth)

    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and is_chosen(name)]


def is_trainable(name: str, part: str, layers: list[str] | None) -> bool:
    """True if a weight of the model itself is trainable.

    Args:
        name: name of the weight.
        part: "all", "encoder" or "decoder".
        layers: names of the chosen linear layers; None for every weight of the part."""
    if layers is not None:
        return name.rpartition(".")[0] in layers
    return part == "all" or name.startswith(f"model.{part}.")


def with_base_precision(
    model: WhisperForConditionalGeneration, base_precision: str, precision: str
) -> WhisperForConditionalGeneration:
    """Converts the frozen weights under an adapter.

    Raises OptionError for a half precision that the run does not compute in."""
    if base_precision == "float32":
        return model
    if base_precision == "int8":
        return _in_int8(model)
    if precision != HALF_PRECISION[base_precision]:
        raise OptionError(
            f"trained.base_precision {base_precision} needs precision {HALF_PRECISION[base_precision]}, and this run "
            f"computes in {precision}; set both, or keep float32"
        )
    return model.to(getattr(torch, base_precision))  # pyright: ignore[reportArgumentType]


def _in_int8(model: WhisperForConditionalGeneration) -> WhisperForConditionalGeneration:
    device = next(model.parameters()).device
    settings = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=["proj_out"])
    quantised = WhisperForConditionalGeneration.from_pretrained(
        model.name_or_path, quantization_config=settings, device_map={"": device}
    )
    return allow_short_contexts(quantised)


def save_trainable_weights(model: nn.Module, folder: Path) -> None:
    """Writes the trainable weights in float16, atomically: as a PEFT adapter, or as trained.safetensors."""
    if isinstance(model, PeftModel):
        save_adapter(model, folder)
        return
    partial = folder.with_name(folder.name + ".new")
    partial.mkdir(exist_ok=True)
    weights = {
        name: parameter.detach().to(torch.float16).contiguous()
        for name, parameter in unwrap_whisper(model).named_parameters()
        if parameter.requires_grad
    }
    save_file(weights, partial / TRAINED_WEIGHTS_FILE)
    partial.rename(folder)
