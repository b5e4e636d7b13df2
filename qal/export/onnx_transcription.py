"""Transcribes with a model in ONNX as the engine does: greedily, at the context that the model was trained for."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from qal.audio.log_mel import padded_log_mel
from qal.engine.context import context_frames
from qal.engine.decoding import GREEDY, Tokenizer
from qal.engine.model_directory import ContextAbility
from qal.errors import ModelError
from qal.evaluation.scoring import SpokenReference

ENCODER, DECODER = "encoder_model.onnx", "decoder_model_merged.onnx"
PROVIDERS = ["CPUExecutionProvider"]
KINDS = ("decoder.key", "decoder.value", "encoder.key", "encoder.value")  # of the cache of a layer
CACHE_INPUT, PAST, PRESENT = "use_cache_branch", "past_key_values", "present"
ENCODER_KINDS = ("encoder.key", "encoder.value")  # which the first step computes and the others keep
Cache = Mapping[str, np.ndarray]  # (batch, heads, length, d_head) by the names of the inputs


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """Opens a graph for the CPU."""
    return onnxruntime.InferenceSession(path, providers=PROVIDERS)


class OnnxDecoder:
    """A decoder that keeps keys and values between steps, or, as older exports have it, one that does not.

    Args:
        graph: the decoder."""

    def __init__(self, graph: onnxruntime.InferenceSession):
        self._graph = graph
        self._past = {node.name: node.shape for node in graph.get_inputs() if node.name.startswith(PAST)}

    @property
    def has_cache(self) -> bool:
        return bool(self._past)

    def step(self, ids: np.ndarray, hidden: np.ndarray, cache: Cache | None = None) -> tuple[np.ndarray, Cache]:
        """Decodes tokens.

        Args:
            ids: (batch, tokens) after those of the cache; all of them for a decoder without a cache.
            hidden: (batch, positions, d_model) of the encoder.
            cache: what the step before returned; None at the first step.

        Returns:
            scores (batch, tokens, vocabulary), and the keys and values."""
        inputs: dict[str, np.ndarray] = {"input_ids": ids, "encoder_hidden_states": hidden}
        if not self._past:
            return np.asarray(self._graph.run(["logits"], inputs)[0]), {}
        past = cache or {
            name: np.zeros((len(ids), shape[1], 0, shape[3]), np.float32) for name, shape in self._past.items()
        }
        kept = {name: values for name, values in (cache or {}).items() if name.endswith(ENCODER_KINDS)}
        wanted = [name for name in self._past if name not in kept]
        outputs = [name.replace(PAST, PRESENT) for name in wanted]
        found = self._graph.run(["logits", *outputs], {**inputs, **past, CACHE_INPUT: np.array([cache is not None])})
        scores, *values = map(np.asarray, found)
        return scores, {**kept, **dict(zip(wanted, values, strict=True))}


class OnnxWhisper:
    """The two graphs of a model with its vocabulary."""

    def __init__(self, folder: Path):
        """Loads the graphs. Raises ModelError if the folder is not an export of Whisper to ONNX."""
        try:
            self._encoder, self._decoder = open_graph(folder / ENCODER), OnnxDecoder(open_graph(folder / DECODER))
            settings = json.loads((folder / "generation_config.json").read_bytes())
            self.n_mels = int(self._encoder.get_inputs()[0].shape[1])
        except Exception as error:  # onnxruntime raises errors of many kinds
            raise ModelError(f"{folder}: not an export to ONNX; make one with qal export --to onnx") from error
        self.tokenizer = Tokenizer(folder)
        self._suppressed = settings.get("suppress_tokens") or []
        self._suppressed_first = settings.get("begin_suppress_tokens") or []

    def transcribe(self, mel: np.ndarray, prompt: Sequence[int], max_tokens: int = GREEDY.max_tokens) -> list[int]:
        """Decodes one utterance greedily.

        Args:
            mel: (n_mels, frames).
            prompt: the ids at the start of the decoder.
            max_tokens: limit of the text.

        Returns:
            the ids of the text, without prompt and end."""
        (hidden,) = self._encoder.run(["last_hidden_state"], {"input_features": mel[None]})
        ids, cache = list(prompt), None
        while len(ids) - len(prompt) < max_tokens:
            new = ids[-1:] if cache else ids
            logits, cache = self._decoder.step(np.array([new], np.int64), np.asarray(hidden), cache)
            scores = logits[0, -1].copy()
            scores[self._suppressed] = -np.inf
            if len(ids) == len(prompt):
                scores[self._suppressed_first] = -np.inf
            scores[self.tokenizer.end + 1 :] = -np.inf  # no special tokens inside the text
            chosen = int(scores.argmax())
            if chosen == self.tokenizer.end:
                break
            ids.append(chosen)
        return ids[len(prompt) :]


def transcribe_with_onnx(
    folder: Path,
    references: Sequence[SpokenReference],
    ability: ContextAbility,
    progress: Callable[[int, int], object],
) -> list[str]:
    """Returns the transcript of each example. Raises ModelError if the folder is not an export to ONNX."""
    model, texts = OnnxWhisper(folder), []
    for i, reference in enumerate(references, start=1):
        samples = reference.samples
        mel = padded_log_mel(samples, context_frames(len(samples), ability), model.n_mels)
        ids = model.transcribe(mel.astype(np.float32), model.tokenizer.prompt(reference.language))
        texts.append(model.tokenizer.decode(ids))
        progress(i, len(references))
    return texts
