"""Converts a Transformers directory to the file format of whisper.cpp, written from its public description.

Layout, little endian (whisper.cpp, models/README.md and the loader of src/whisper.cpp): magic, eleven int32 dimensions;
the mel filters with two dimensions; the tokens as count, then length and bytes of each; then for each tensor the number
of dimensions, the length of its name, its type, its dimensions from the last to the first, the name and the data.
Matrices are float16 or quantised (`ggml_types`), convolutions float16, vectors and positions float32.

whisper.cpp encodes 30 s unless it is given `audio_ctx`, in positions of 20 ms: `audio_ctx` computes it from
qal.json."""

import json
import math
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from transformers import WhisperConfig, WhisperForConditionalGeneration
from transformers.convert_slow_tokenizer import bytes_to_unicode

from qal.audio.log_mel import mel_filters
from qal.audio.samples import SAMPLE_RATE
from qal.engine.context import CONV_STRIDE, context_frames
from qal.engine.decoding import Tokenizer
from qal.engine.model_directory import METADATA_FILE, ContextAbility
from qal.errors import ConversionError
from qal.export.ggml_types import WEIGHT_TYPES, WeightType, type_of
from qal.storage import storage_errors

MAGIC = 0x67676D6C  # "ggml"
MODEL_FILE = "ggml-model.bin"
FLOAT16_NAME = "float16"
NAMES = {  # from Transformers' names to OpenAI's; in this order, because some contain others
    "model.encoder.": "encoder.",
    "model.decoder.": "decoder.",
    ".layers.": ".blocks.",
    "encoder_attn_layer_norm": "cross_attn_ln",
    "self_attn_layer_norm": "attn_ln",
    "final_layer_norm": "mlp_ln",
    "encoder_attn.": "cross_attn.",
    "self_attn.": "attn.",
    "k_proj": "key",
    "q_proj": "query",
    "v_proj": "value",
    "out_proj": "out",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "encoder.layer_norm": "encoder.ln_post",
    "decoder.layer_norm": "decoder.ln",
    "embed_positions.weight": "positional_embedding",
    "embed_tokens": "token_embedding",
}


def to_ggml(source: Path, target: Path, metadata: Path | None = None, quantization: str = FLOAT16_NAME) -> Path:
    """Writes the folder `target` with the model's file and qal.json, atomically, and returns it.

    Args:
        source: a Transformers directory.
        target: the new folder.
        metadata: a folder with qal.json; None: there is none.
        quantization: one of WEIGHT_TYPES.

    Raises:
        ConversionError: the source is not a Whisper model, or is damaged; or there is no such quantization."""
    if quantization not in WEIGHT_TYPES:
        raise ConversionError(f"whisper.cpp has no weights '{quantization}'; use one of {', '.join(WEIGHT_TYPES)}")
    try:
        model = WhisperForConditionalGeneration.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError, KeyError, SafetensorError, json.JSONDecodeError) as error:
        raise ConversionError(f"{source}: not readable as Whisper weights of Transformers") from error
    with storage_errors("the model for whisper.cpp"):
        partial = target.with_name(target.name + ".new")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            with (partial / MODEL_FILE).open("wb") as file:
                write_model(file, model, Tokenizer(source), vocabulary_bytes(source), WEIGHT_TYPES[quantization])
            if metadata and (metadata / METADATA_FILE).exists():
                shutil.copyfile(metadata / METADATA_FILE, partial / METADATA_FILE)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def write_model(
    file: BinaryIO,
    model: WhisperForConditionalGeneration,
    tokenizer: Tokenizer,
    vocabulary: list[bytes],
    matrices: WeightType,
) -> None:
    """Writes dimensions, filters, tokens and tensors.

    Args:
        file: opened for writing.
        model: the model in float32.
        tokenizer: its vocabulary.
        vocabulary: the bytes of the ordinary tokens, in the order of their ids.
        matrices: the type of the matrices."""
    file.write(struct.pack("<i", MAGIC))
    file.write(struct.pack("<11i", *_dimensions(model.config), matrices.file_type))
    filters = mel_filters(model.config.num_mel_bins)
    file.write(struct.pack("<2i", *filters.shape))
    file.write(np.ascontiguousarray(filters, np.float32).tobytes())
    texts = vocabulary[: tokenizer.end]  # whisper.cpp names the others itself
    file.write(struct.pack("<i", len(texts)))
    for text in texts:
        file.write(struct.pack("<i", len(text)) + text)
    for name, data in _tensors(model):
        _write_tensor(file, name, data, matrices)


def _dimensions(config: WhisperConfig) -> tuple[int, ...]:
    """Returns the dimensions in whisper.cpp's order: vocabulary, encoder, decoder, mel bands."""
    audio = (config.max_source_positions, config.d_model, config.encoder_attention_heads, config.encoder_layers)
    text = (config.max_target_positions, config.d_model, config.decoder_attention_heads, config.decoder_layers)
    return (config.vocab_size, *audio, *text, config.num_mel_bins)


def _tensors(model: WhisperForConditionalGeneration) -> Iterator[tuple[str, np.ndarray]]:
    """Yields names and values; the output layer is left out, because it is that of the token embedding."""
    for name, tensor in model.state_dict().items():
        if name == "proj_out.weight":
            continue
        for ours, theirs in NAMES.items():
            name = name.replace(ours, theirs)
        data = tensor.numpy()
        is_convolution = name in ("encoder.conv1.bias", "encoder.conv2.bias")
        yield name, data[:, None] if is_convolution else data


def _write_tensor(file: BinaryIO, name: str, data: np.ndarray, matrices: WeightType) -> None:
    kind = type_of(name, data, matrices)
    encoded = name.encode()
    file.write(struct.pack("<3i", data.ndim, len(encoded), kind.tensor_type))
    file.write(struct.pack(f"<{data.ndim}i", *reversed(data.shape)))
    file.write(encoded)
    file.write(kind.encode(data))


def vocabulary_bytes(source: Path) -> list[bytes]:
    """Returns the bytes of each token of tokenizer.json in the order of the ids; b"" for ids without a token."""
    decoder = {character: byte for byte, character in bytes_to_unicode().items()}
    vocabulary: dict[str, int] = json.loads((source / "tokenizer.json").read_bytes())["model"]["vocab"]
    texts = [b""] * (max(vocabulary.values()) + 1)
    for token, i in vocabulary.items():
        is_special = any(character not in decoder for character in token)
        texts[i] = token.encode() if is_special else bytes(decoder[character] for character in token)
    return texts


def audio_ctx(duration_s: float, ability: ContextAbility) -> int:
    """Returns whisper.cpp's `audio_ctx` for an utterance: positions of the encoder; 0 is 30 s."""
    if not ability.adaptive:
        return 0
    return context_frames(math.ceil(duration_s * SAMPLE_RATE), ability) // CONV_STRIDE
