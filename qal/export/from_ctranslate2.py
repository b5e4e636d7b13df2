"""A CTranslate2 model directory -> Transformers' form, so that packaged weights can be trained."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

from qal.engine.decoding import Tokenizer
from qal.engine.model_bin import layers, read_contents, told
from qal.engine.model_directory import REQUIRED_FILES
from qal.errors import ConversionError, ModelError
from qal.storage import storage_errors

TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
MAX_WIDTH, MAX_VOCABULARY = 8192, 60_000  # nothing larger is built
Variables = dict[str, np.ndarray]


def read_variables(path: Path) -> Variables:
    """Variables of a model.bin by name. ModelError when the file is not a whole Whisper model."""
    with told(path), path.open("rb") as file:
        contents = read_contents(file)
        variables: Variables = {}
        for name, stored in contents.variables.items():
            file.seek(stored.offset)
            variables[name] = np.frombuffer(file.read(stored.size), TYPES[stored.type]).reshape(stored.shape)
        return variables | {alias: variables[name] for alias, name in contents.aliases.items()}


def converted(source: Path, cache: Path) -> Path:
    """The Transformers form of `source`, made once for the same files and kept in `cache`."""
    key = hashlib.sha256()
    for name in REQUIRED_FILES:
        with (source / name).open("rb") as file:
            key.update(hashlib.file_digest(file, "sha256").digest())
    target = cache / key.hexdigest()[:16]
    return target if (target / "config.json").exists() else convert(source, target)


def convert(source: Path, target: Path) -> Path:
    """Model directory `source` -> Transformers directory `target`, made beside and renamed."""
    variables = read_variables(source / "model.bin")
    if any(v.ndim > 1 and v.dtype == np.int8 for v in variables.values()):
        raise ConversionError(f"{source}: int8 weights have lost what training needs; use the float16 or float32 model")
    try:
        model = _model(source, variables)
    except (KeyError, ValueError, IndexError, TypeError, ZeroDivisionError, AssertionError) as error:
        raise ModelError(f"{source}: not a whole Whisper model of CTranslate2; fetch it again") from error
    with storage_errors(f"the Transformers form of {source.name}"):
        beside = target.with_name(target.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        model.save_pretrained(beside)
        WhisperFeatureExtractor(feature_size=model.config.num_mel_bins).save_pretrained(beside)
        shutil.copyfile(source / "tokenizer.json", beside / "tokenizer.json")
        shutil.rmtree(target, ignore_errors=True)
        beside.rename(target)
    return target


def _model(source: Path, variables: Variables) -> WhisperForConditionalGeneration:
    tokenizer = Tokenizer(source)
    config = _config(variables, tokenizer)
    if (
        max(config.d_model, config.encoder_ffn_dim, config.decoder_ffn_dim) > MAX_WIDTH
        or config.vocab_size > MAX_VOCABULARY
    ):
        raise ValueError("larger than any Whisper")
    model = WhisperForConditionalGeneration(config)
    _load(model, state_dict(variables))
    model.generation_config = _generation_config(source, tokenizer)
    return model


def _load(model: WhisperForConditionalGeneration, weights: dict[str, Tensor]) -> None:
    try:
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # shapes differ
        raise ConversionError("the weights do not have the shapes of a Whisper model; fetch the model again") from error
    if unexpected or set(missing) - {"proj_out.weight"}:  # proj_out is tied to embed_tokens
        raise ConversionError(f"the weights do not fit Whisper: missing {missing}, unexpected {unexpected}")
    model.tie_weights()


def _config(variables: Variables, tokenizer: Tokenizer) -> WhisperConfig:
    vocabulary, width = variables["decoder/embeddings/weight"].shape

    return WhisperConfig(
        vocab_size=vocabulary,
        d_model=width,
        encoder_layers=layers(variables, "encoder"),
        decoder_layers=layers(variables, "decoder"),
        encoder_attention_heads=int(variables["encoder/num_heads"]),
        decoder_attention_heads=int(variables["decoder/num_heads"]),
        encoder_ffn_dim=len(variables["encoder/layer_0/ffn/linear_0/bias"]),
        decoder_ffn_dim=len(variables["decoder/layer_0/ffn/linear_0/bias"]),
        num_mel_bins=variables["encoder/conv1/weight"].shape[1],
        bos_token_id=tokenizer.end,
        eos_token_id=tokenizer.end,
        pad_token_id=tokenizer.end,
        decoder_start_token_id=tokenizer.start,
    )


def _generation_config(source: Path, tokenizer: Tokenizer) -> GenerationConfig:
    """What the way back to CTranslate2 must find again; without alignment heads word times go wrong silently."""
    saved = json.loads((source / "config.json").read_text(encoding="utf-8"))
    multilingual = {
        "lang_to_id": {f"<|{code}|>": tokenizer.id(f"<|{code}|>") for code in tokenizer.languages},
        "task_to_id": {task: tokenizer.id(f"<|{task}|>") for task in ("transcribe", "translate")},
    }
    settings = GenerationConfig(
        bos_token_id=tokenizer.end,
        eos_token_id=tokenizer.end,
        pad_token_id=tokenizer.end,
        decoder_start_token_id=tokenizer.start,
        no_timestamps_token_id=tokenizer.no_timestamps,
        suppress_tokens=saved["suppress_ids"],
        begin_suppress_tokens=saved["suppress_ids_begin"],
        is_multilingual=tokenizer.multilingual,
        max_length=448,
        forced_decoder_ids=None,
        alignment_heads=saved["alignment_heads"],
        **(multilingual if tokenizer.multilingual else {}),
    )
    settings._from_model_config = False  # else Transformers 5 drops alignment_heads at the next load
    return settings


def state_dict(variables: Variables) -> dict[str, Tensor]:
    """CTranslate2's variables under Transformers' names; fused projections are cut apart."""
    weights: dict[str, Tensor] = {}
    width = variables["decoder/embeddings/weight"].shape[1]

    def tensor(name: str) -> Tensor:
        return torch.from_numpy(variables[name].astype(np.float32))

    def linear(target: str, source: str, part: int | None = None, bias: bool = True) -> None:
        rows = slice(None) if part is None else slice(part * width, (part + 1) * width)
        weights[f"{target}.weight"] = tensor(f"{source}/weight")[rows]
        if bias:
            weights[f"{target}.bias"] = tensor(f"{source}/bias")[rows]

    def norm(target: str, source: str) -> None:
        weights[f"{target}.weight"], weights[f"{target}.bias"] = tensor(f"{source}/gamma"), tensor(f"{source}/beta")

    def layer(target: str, source: str, is_decoder: bool) -> None:
        # linear_0 holds q, k, v one below the other; Whisper's k has no bias
        attention, own = f"{target}.self_attn", f"{source}/self_attention"
        linear(f"{attention}.q_proj", f"{own}/linear_0", 0)
        linear(f"{attention}.k_proj", f"{own}/linear_0", 1, bias=False)
        linear(f"{attention}.v_proj", f"{own}/linear_0", 2)
        linear(f"{attention}.out_proj", f"{own}/linear_1")
        norm(f"{attention}_layer_norm", f"{own}/layer_norm")
        if is_decoder:
            attention, cross = f"{target}.encoder_attn", f"{source}/attention"
            linear(f"{attention}.q_proj", f"{cross}/linear_0")
            linear(f"{attention}.k_proj", f"{cross}/linear_1", 0, bias=False)
            linear(f"{attention}.v_proj", f"{cross}/linear_1", 1)
            linear(f"{attention}.out_proj", f"{cross}/linear_2")
            norm(f"{attention}_layer_norm", f"{cross}/layer_norm")
        linear(f"{target}.fc1", f"{source}/ffn/linear_0")
        linear(f"{target}.fc2", f"{source}/ffn/linear_1")
        norm(f"{target}.final_layer_norm", f"{source}/ffn/layer_norm")

    linear("model.encoder.conv1", "encoder/conv1")
    linear("model.encoder.conv2", "encoder/conv2")
    weights["model.decoder.embed_tokens.weight"] = tensor("decoder/embeddings/weight")
    for side in ("encoder", "decoder"):
        weights[f"model.{side}.embed_positions.weight"] = tensor(f"{side}/position_encodings/encodings")
        norm(f"model.{side}.layer_norm", f"{side}/layer_norm")
        for i in range(layers(variables, side)):
            layer(f"model.{side}.layers.{i}", f"{side}/layer_{i}", side == "decoder")
    return weights
