"""Which of Whisper's weights learn: low-rank updates of some linear layers, or the weights themselves."""

import re
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import save_file
from torch import nn
from transformers import BitsAndBytesConfig, WhisperForConditionalGeneration

from qal.errors import OptionError
from qal.jobs.options.learning import TrainedOptions
from qal.jobs.options.training_config import HALF_PRECISION, TrainingConfig
from qal.training.model.lora import LINEAR_LAYERS, add_adalora, add_lora, save_adapter, unwrapped
from qal.training.model.short_context import open_encoder

TRAINED_FILE = "trained.safetensors"  # beside PEFT's own names, which adapters have
KINDS = {
    "all": LINEAR_LAYERS,
    "attention": ["q_proj", "k_proj", "v_proj", "out_proj"],
    "feed_forward": ["fc1", "fc2"],
    "query_value": ["q_proj", "v_proj"],
}
LAYER = re.compile(r"model\.(encoder|decoder)\.layers\.(\d+)\.")


def make_trainable(
    model: WhisperForConditionalGeneration, config: TrainingConfig, precision: str, steps: int
) -> nn.Module:
    """The model with what learns in float32 and everything else frozen, in the base's precision."""
    options, names = config.trained, linear_layers(model, config.trained)
    model = in_base_precision(model, options.base_precision, precision)
    if options.adapter == "none":
        chosen = None if options.everything else names
        for name, parameter in model.named_parameters():
            parameter.requires_grad = parameter.requires_grad and learns(name, options.part, chosen)
        trained: nn.Module = model
    else:
        layers = LINEAR_LAYERS if options.everything and options.part == "all" else names
        adalora = options.adapter == "adalora"
        trained = (
            add_adalora(model, config.lora, config.adalora, steps, layers)
            if adalora
            else add_lora(model, config.lora, layers)
        )
    for parameter in trained.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    set_compute(unwrapped(trained), config)
    return trained.train()  # Transformers loads in eval mode, and Lightning leaves the mode as it is


def set_compute(model: WhisperForConditionalGeneration, config: TrainingConfig) -> None:
    """Layer drop, recomputing and compiling: how the layers are run, whatever it is that learns."""
    model.model.encoder.layerdrop = config.optimizer.encoder_layer_drop
    model.model.decoder.layerdrop = config.optimizer.decoder_layer_drop
    if config.compute.recompute:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if config.compute.compile:
        for layer in model.model.encoder.layers:
            layer.compile(dynamic=True)


def linear_layers(model: WhisperForConditionalGeneration, options: TrainedOptions) -> list[str]:
    """Full names of the chosen linear layers. Raises OptionError when the model has fewer layers than asked for."""
    depth = {"encoder": model.config.encoder_layers, "decoder": model.config.decoder_layers}
    halves = [half for half in depth if options.part in ("all", half)]
    asked = options.first_layers or options.last_layers or 0
    for half in halves:
        if asked > depth[half]:
            raise OptionError(f"the {half} has {depth[half]} layers, not {asked}; lower first_layers or last_layers")

    def is_chosen(name: str) -> bool:
        found = LAYER.match(name)
        if not found or found[1] not in halves or name.rpartition(".")[2] not in KINDS[options.linear]:
            return False
        at = int(found[2])
        first = 0 if options.last_layers is None else depth[found[1]] - options.last_layers
        return first <= at < (options.first_layers or depth[found[1]])

    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and is_chosen(name)]


def learns(name: str, part: str, layers: list[str] | None) -> bool:
    """Whether a weight of the model itself learns; `layers` are the chosen linear ones, None for every weight."""
    if layers is not None:
        return name.rpartition(".")[0] in layers
    return part == "all" or name.startswith(f"model.{part}.")


def in_base_precision(
    model: WhisperForConditionalGeneration, wanted: str, precision: str
) -> WhisperForConditionalGeneration:
    """The frozen weights under an adapter; half precision only where the computing is in it too."""
    if wanted == "float32":
        return model
    if wanted == "int8":
        return _in_int8(model)
    if precision != HALF_PRECISION[wanted]:
        raise OptionError(
            f"trained.base_precision {wanted} needs precision {HALF_PRECISION[wanted]}, and this run computes in "
            f"{precision}; set both, or keep float32"
        )
    return model.to(getattr(torch, wanted))  # pyright: ignore[reportArgumentType]


def _in_int8(model: WhisperForConditionalGeneration) -> WhisperForConditionalGeneration:
    device = next(model.parameters()).device
    settings = BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=["proj_out"])
    whole = WhisperForConditionalGeneration.from_pretrained(
        model.name_or_path, quantization_config=settings, device_map={"": device}
    )
    return open_encoder(whole)


def save_trained(model: nn.Module, folder: Path) -> None:
    """What was trained, in float16: an adapter as PEFT loads it, or trained.safetensors. Whole or not at all."""
    if isinstance(model, PeftModel):
        save_adapter(model, folder)
        return
    beside = folder.with_name(folder.name + ".new")
    beside.mkdir(exist_ok=True)
    weights = {
        n: p.detach().to(torch.float16).contiguous() for n, p in unwrapped(model).named_parameters() if p.requires_grad
    }
    save_file(weights, beside / TRAINED_FILE)
    beside.rename(folder)
