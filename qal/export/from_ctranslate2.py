"""Converts a CTranslate2 model directory to a Transformers directory, so that packaged weights can be trained."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import GenerationConfig, WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

from qal.engine.decoding import Tokenizer
from qal.engine.model_bin import count_layers, model_bin_errors, read_contents
from qal.engine.model_directory import REQUIRED_FILES
from qal.errors import ConversionError, ModelError
from qal.storage import storage_errors

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # by type id of model.bin
MAX_WIDTH, MAX_VOCABULARY = 8192, 60_000  # larger models are refused before memory is allocated
MAX_LENGTH = 448  # tokens; Whisper's decoder context
HASH_DIGITS = 16  # of a cache folder's name
Variables = dict[str, np.ndarray]


def read_variables(path: Path) -> Variables:
    """Reads the variables of a model.bin by name. Raises ModelError if the file is not a complete Whisper model."""
    with model_bin_errors(path), path.open("rb") as file:
        contents = read_contents(file)
        variables: Variables = {}
        for name, stored in contents.variables.items():
            file.seek(stored.offset)
            variables[name] = np.frombuffer(file.read(stored.size), DTYPES[stored.type]).reshape(stored.shape)
        return variables | {alias: variables[name] for alias, name in contents.aliases.items()}


def cached_transformers(source: Path, cache: Path) -> Path:
    """Returns the Transformers directory of a model directory; converts it once and keeps it in `cache`."""
    key = hashlib.sha256()
    for name in REQUIRED_FILES:
        with (source / name).open("rb") as file:
            key.update(hashlib.file_digest(file, "sha256").digest())
    target = cache / key.hexdigest()[:HASH_DIGITS]
    return target if (target / "config.json").exists() else to_transformers(source, target)


def to_transformers(source: Path, target: Path) -> Path:
    """Converts the model directory `source` to `target`, atomically, and returns `target`.

    Raises:
        ModelError: the source is not a complete Whisper model.
        ConversionError: the source has int8 weights or unexpected shapes."""
    variables = read_variables(source / "model.bin")
    if any(v.ndim > 1 and v.dtype == np.int8 for v in variables.values()):
        raise ConversionError(f"{source}: int8 weights cannot be trained; use the float16 or float32 model")
    try:
        model = _make_model(source, variables)
    except (KeyError, ValueError, IndexError, TypeError, ZeroDivisionError, AssertionError) as error:
        raise ModelError(f"{source}: not a complete Whisper model of CTranslate2; download it again") from error
    with storage_errors(f"the Transformers form of {source.name}"):
        partial = target.with_name(target.name + ".new")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        model.save_pretrained(partial)
        WhisperFeatureExtractor(feature_size=model.config.num_mel_bins).save_pretrained(partial)
        shutil.copyfile(source / "tokenizer.json", partial / "tokenizer.json")
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    return target


def _make_model(source: Path, variables: Variables) -> WhisperForConditionalGeneration:
    tokenizer = Tokenizer(source)
    config = _make_config(variables, tokenizer)
    width = max(config.d_model, config.encoder_ffn_dim, config.decoder_ffn_dim)
    if width > MAX_WIDTH or config.vocab_size > MAX_VOCABULARY:
        raise ValueError("larger than any Whisper model")
    model = WhisperForConditionalGeneration(config)
    _load_weights(model, state_dict(variables))
    model.generation_config = _generation_config(source, tokenizer)
    return model


def _load_weights(model: WhisperForConditionalGeneration, weights: dict[str, Tensor]) -> None:
    try:
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # shapes differ
        raise ConversionError("the weights do not have the shapes of a Whisper model; download it again") from error
    if unexpected or set(missing) - {"proj_out.weight"}:  # proj_out is tied to embed_tokens
        raise ConversionError(f"the weights do not fit Whisper: missing {missing}, unexpected {unexpected}")
    model.tie_weights()


def _make_config(variables: Variables, tokenizer: Tokenizer) -> WhisperConfig:
    """Derives the dimensions of the model from the shapes of its variables."""
    vocabulary, width = variables["decoder/embeddings/weight"].shape
    return WhisperConfig(
        vocab_size=vocabulary,
        d_model=width,
        encoder_layers=count_layers(variables, "encoder"),
        decoder_layers=count_layers(variables, "decoder"),
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
    """Returns the settings that the conversion back to CTranslate2 needs.

    Without the alignment heads word times would be wrong without any error."""
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
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
        suppress_tokens=config["suppress_ids"],
        begin_suppress_tokens=config["suppress_ids_begin"],
        is_multilingual=tokenizer.multilingual,
        max_length=MAX_LENGTH,
        forced_decoder_ids=None,
        alignment_heads=config["alignment_heads"],
        **(multilingual if tokenizer.multilingual else {}),
    )
    settings._from_model_config = False  # else Transformers 5 drops alignment_heads at the next load
    return settings


def state_dict(variables: Variables) -> dict[str, Tensor]:
    """Returns CTranslate2's variables as float32 tensors with Transformers' names; fused projections are split."""
    return _StateDict(variables).weights


class _StateDict:
    """Translates names and splits fused projections (d = width of the model).

    CTranslate2 stacks the projections of queries, keys and values: linear_0 of self-attention is (3d, d), linear_1 of
    cross-attention (keys and values) is (2d, d). Whisper's keys have no bias."""

    def __init__(self, variables: Variables):
        self._variables = variables
        self._width = variables["decoder/embeddings/weight"].shape[1]
        self.weights: dict[str, Tensor] = {}
        self._add_linear("model.encoder.conv1", "encoder/conv1")
        self._add_linear("model.encoder.conv2", "encoder/conv2")
        self.weights["model.decoder.embed_tokens.weight"] = self._tensor("decoder/embeddings/weight")
        for side in ("encoder", "decoder"):
            positions = self._tensor(f"{side}/position_encodings/encodings")
            self.weights[f"model.{side}.embed_positions.weight"] = positions
            self._add_norm(f"model.{side}.layer_norm", f"{side}/layer_norm")
            for i in range(count_layers(variables, side)):
                self._add_layer(f"model.{side}.layers.{i}", f"{side}/layer_{i}", side == "decoder")

    def _tensor(self, name: str) -> Tensor:
        return torch.from_numpy(self._variables[name].astype(np.float32))

    def _add_linear(self, target: str, source: str, projection: int | None = None, bias: bool = True) -> None:
        """Adds a layer; `projection` is its position in a fused one, None if it is not fused."""
        rows = slice(None)
        if projection is not None:
            rows = slice(projection * self._width, (projection + 1) * self._width)
        self.weights[f"{target}.weight"] = self._tensor(f"{source}/weight")[rows]
        if bias:
            self.weights[f"{target}.bias"] = self._tensor(f"{source}/bias")[rows]

    def _add_norm(self, target: str, source: str) -> None:
        self.weights[f"{target}.weight"] = self._tensor(f"{source}/gamma")
        self.weights[f"{target}.bias"] = self._tensor(f"{source}/beta")

    def _add_layer(self, target: str, source: str, is_decoder: bool) -> None:
        self._add_self_attention(f"{target}.self_attn", f"{source}/self_attention")
        if is_decoder:
            self._add_cross_attention(f"{target}.encoder_attn", f"{source}/attention")
        self._add_linear(f"{target}.fc1", f"{source}/ffn/linear_0")
        self._add_linear(f"{target}.fc2", f"{source}/ffn/linear_1")
        self._add_norm(f"{target}.final_layer_norm", f"{source}/ffn/layer_norm")

    def _add_self_attention(self, target: str, source: str) -> None:
        self._add_linear(f"{target}.q_proj", f"{source}/linear_0", 0)
        self._add_linear(f"{target}.k_proj", f"{source}/linear_0", 1, bias=False)
        self._add_linear(f"{target}.v_proj", f"{source}/linear_0", 2)
        self._add_linear(f"{target}.out_proj", f"{source}/linear_1")
        self._add_norm(f"{target}_layer_norm", f"{source}/layer_norm")

    def _add_cross_attention(self, target: str, source: str) -> None:
        self._add_linear(f"{target}.q_proj", f"{source}/linear_0")
        self._add_linear(f"{target}.k_proj", f"{source}/linear_1", 0, bias=False)
        self._add_linear(f"{target}.v_proj", f"{source}/linear_1", 1)
        self._add_linear(f"{target}.out_proj", f"{source}/linear_2")
        self._add_norm(f"{target}_layer_norm", f"{source}/layer_norm")
