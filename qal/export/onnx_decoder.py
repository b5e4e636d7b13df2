"""Writes Whisper's decoder with its output layer as one ONNX graph that keeps keys and values between steps.

    input_ids (batch, tokens), encoder_hidden_states (batch, positions, d_model), use_cache_branch (1,)
    past_key_values.I.{decoder,encoder}.{key,value} (batch, heads, length, d_head)
      -> logits (batch, tokens, vocabulary), present.I.{decoder,encoder}.{key,value}

Inputs and outputs are named as in Optimum's merged decoders. There is no branch: the keys and values of the tokens are
appended to the past, and those of the encoder are computed for the positions that the past lacks: all of them at the
first step, none later. Without `use_cache_branch`, the past is ignored; it may have any length and batch, also 0."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from transformers import WhisperForConditionalGeneration

from qal.export.onnx_transcription import CACHE_INPUT, KINDS, PAST, PRESENT

OPSET, IR_VERSION = 17, 8
MAX_PROTOBUF_BYTES = 1_900_000_000  # larger weights are written to a file beside the graph
ACTIVATION = "gelu"
EPSILON = 1e-5  # of the layer norms


def write_decoder(model: WhisperForConditionalGeneration, path: Path) -> None:
    """Writes the decoder of a model with float32 weights.

    Raises ImportError if onnx is not installed, and ValueError if the model is no usual Whisper."""
    import onnx

    if model.config.activation_function != ACTIVATION:
        raise ValueError(f"its decoder has the activation {model.config.activation_function}, not {ACTIVATION}")

    graph = _Decoder(model)
    built = graph.build()
    size = sum(values.nbytes for values in graph.weights.values())
    if size > MAX_PROTOBUF_BYTES:
        onnx.save(built, path, save_as_external_data=True, location=f"{path.name}_data")
    else:
        onnx.save(built, path)


class _Decoder:
    """Builds the graph node by node; methods return the names of values.

    Args:
        model: Whisper with float32 weights."""

    def __init__(self, model: WhisperForConditionalGeneration):
        self._config = model.config
        self._heads = model.config.decoder_attention_heads
        self._d_head = model.config.d_model // self._heads
        self._state: Mapping[str, Any] = model.state_dict()
        self._nodes: list[Any] = []
        self.weights: dict[str, np.ndarray] = {}

    def build(self) -> Any:
        """Returns the ONNX model."""
        from onnx import TensorProto, helper, numpy_helper

        logits = self._logits()
        inputs = [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"]),
            helper.make_tensor_value_info(
                "encoder_hidden_states", TensorProto.FLOAT, ["batch", "positions", self._config.d_model]
            ),
        ]
        outputs = [helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["batch", "tokens", "vocabulary"])]
        for layer in range(self._config.decoder_layers):
            for kind in KINDS:
                past = ["past_batch", self._heads, f"past_{kind[:7]}_length", self._d_head]
                inputs.append(helper.make_tensor_value_info(f"{PAST}.{layer}.{kind}", TensorProto.FLOAT, past))
                present = ["batch", self._heads, f"{kind[:7]}_length", self._d_head]
                outputs.append(helper.make_tensor_value_info(f"{PRESENT}.{layer}.{kind}", TensorProto.FLOAT, present))
        inputs.append(helper.make_tensor_value_info(CACHE_INPUT, TensorProto.BOOL, [1]))
        weights = [numpy_helper.from_array(values, name) for name, values in self.weights.items()]
        graph = helper.make_graph(self._nodes, "whisper_decoder", inputs, outputs, weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    def _logits(self) -> str:
        """Adds the whole decoder."""
        shape = self._add("Shape", "input_ids")
        self._batch, tokens = self._item(shape, 0), self._item(shape, 1)
        is_cached = self._add("Cast", CACHE_INPUT, to=7)  # int64
        self._past_length = self._add("Mul", self._length(f"{PAST}.0.decoder.key"), is_cached)
        self._past_positions = self._add("Mul", self._length(f"{PAST}.0.encoder.key"), is_cached)
        total = self._add("Add", self._past_length, tokens)
        self._mask = self._causal_mask(total)
        rest = ("encoder_hidden_states", self._past_positions, self._ints(np.iinfo(np.int64).max), self._ints(1))
        self._new_positions = self._add("Slice", *rest)
        positions = self._weight("model.decoder.embed_positions.weight")
        position = self._add("Slice", positions, self._past_length, total, self._ints(0))
        hidden = self._add("Gather", self._weight("model.decoder.embed_tokens.weight"), "input_ids")
        if self._config.scale_embedding:
            hidden = self._add("Mul", hidden, self._number(self._config.d_model**0.5))
        hidden = self._add("Add", hidden, position)
        for layer in range(self._config.decoder_layers):
            hidden = self._layer(hidden, layer)
        hidden = self._norm(hidden, "model.decoder.layer_norm")
        flat = self._add("Reshape", hidden, self._ints(-1, self._config.d_model))
        scores = self._add("Gemm", flat, self._weight("model.decoder.embed_tokens.weight"), transB=1)
        logits_shape = self._add("Concat", self._batch, tokens, self._ints(self._config.vocab_size), axis=0)
        return self._add("Reshape", scores, logits_shape, output="logits")

    def _causal_mask(self, total: str) -> str:
        """Returns (tokens, total) of 0 for tokens up to the query's own, and of a very low score for later ones."""
        zero, one = self._scalar(0), self._scalar(1)
        first, last = (self._add("Squeeze", name) for name in (self._past_length, total))
        queries = self._add("Unsqueeze", self._add("Range", first, last, one), self._ints(1))
        keys = self._add("Unsqueeze", self._add("Range", zero, last, one), self._ints(0))
        is_later = self._add("Less", queries, keys)
        return self._add("Where", is_later, self._number(float(np.finfo(np.float32).min)), self._number(0.0))

    def _layer(self, hidden: str, layer: int) -> str:
        prefix = f"model.decoder.layers.{layer}"
        normed = self._norm(hidden, f"{prefix}.self_attn_layer_norm")
        own = self._attention(normed, normed, f"{prefix}.self_attn", layer, "decoder", self._past_length, self._mask)
        hidden = self._add("Add", hidden, own)
        normed = self._norm(hidden, f"{prefix}.encoder_attn_layer_norm")
        cross = self._attention(
            normed, self._new_positions, f"{prefix}.encoder_attn", layer, "encoder", self._past_positions
        )
        hidden = self._add("Add", hidden, cross)
        inner = self._linear(self._norm(hidden, f"{prefix}.final_layer_norm"), f"{prefix}.fc1")
        return self._add("Add", hidden, self._linear(self._gelu(inner), f"{prefix}.fc2"))

    def _attention(
        self, hidden: str, source: str, prefix: str, layer: int, side: str, past: str, mask: str = ""
    ) -> str:
        """Attends from `hidden` to the past and to `source`, whose keys and values are appended to it."""
        query = self._by_head(self._linear(hidden, f"{prefix}.q_proj"))
        query = self._add("Mul", query, self._number(self._d_head**-0.5))
        found = []
        for kind, projection in (("key", "k_proj"), ("value", "v_proj")):
            new = self._by_head(self._linear(source, f"{prefix}.{projection}"))
            name = f"{layer}.{side}.{kind}"
            kept = self._add("Slice", f"{PAST}.{name}", self._ints(0), past, self._ints(2))
            shape = self._add("Concat", self._batch, self._ints(self._heads), past, self._ints(self._d_head), axis=0)
            kept = self._add("Reshape", kept, shape, allowzero=1)  # an empty past may have another batch
            found.append(self._add("Concat", kept, new, output=f"{PRESENT}.{name}", axis=2))
        key, value = found
        scores = self._add("MatMul", query, self._add("Transpose", key, perm=[0, 1, 3, 2]))
        if mask:
            scores = self._add("Add", scores, mask)
        mixed = self._add("MatMul", self._add("Softmax", scores, axis=-1), value)
        joined = self._add("Reshape", self._add("Transpose", mixed, perm=[0, 2, 1, 3]), self._ints(0, 0, -1))
        return self._linear(joined, f"{prefix}.out_proj")

    def _by_head(self, values: str) -> str:
        """(batch, n, d_model) -> (batch, heads, n, d_head); n may be 0."""
        divided = self._add("Reshape", values, self._ints(0, 0, self._heads, self._d_head))
        return self._add("Transpose", divided, perm=[0, 2, 1, 3])

    def _linear(self, values: str, name: str) -> str:
        weight = f"{name}.transposed"
        self.weights[weight] = np.ascontiguousarray(self._state[f"{name}.weight"].numpy().T)
        product = self._add("MatMul", values, weight)
        has_bias = f"{name}.bias" in self._state
        return self._add("Add", product, self._weight(f"{name}.bias")) if has_bias else product

    def _norm(self, values: str, name: str) -> str:
        weights = (self._weight(f"{name}.weight"), self._weight(f"{name}.bias"))
        return self._add("LayerNormalization", values, *weights, axis=-1, epsilon=EPSILON)

    def _gelu(self, values: str) -> str:
        """x / 2 * (1 + erf(x / sqrt(2)))"""
        error = self._add("Erf", self._add("Mul", values, self._number(0.5**0.5)))
        return self._add("Mul", self._add("Mul", values, self._number(0.5)), self._add("Add", error, self._number(1.0)))

    def _length(self, name: str) -> str:
        return self._item(self._add("Shape", name), 2)

    def _item(self, shape: str, index: int) -> str:
        return self._add("Slice", shape, self._ints(index), self._ints(index + 1))

    def _weight(self, name: str) -> str:
        self.weights.setdefault(name, self._state[name].numpy())
        return name

    def _ints(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _scalar(self, value: int) -> str:
        return self._constant(np.array(value, np.int64))

    def _number(self, value: float) -> str:
        return self._constant(np.array(value, np.float32))

    def _constant(self, values: np.ndarray) -> str:
        name = f"constant_{values.dtype}_{values.ndim}_{'_'.join(map(str, values.ravel().tolist()))}"
        self.weights.setdefault(name, values)
        return name

    def _add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Adds a node and returns the name of its only output."""
        from onnx import helper

        name = output or f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name
