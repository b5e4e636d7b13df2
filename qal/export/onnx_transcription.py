"""Transcribes with a model in ONNX as the engine does: greedily, at the context that the model was trained for."""

import json
from collections.abc import Callable, Sequence
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


class OnnxWhisper:
    """The two graphs of a model with its vocabulary."""

    def __init__(self, folder: Path):
        """Loads the graphs. Raises ModelError if the folder is not an export of Whisper to ONNX."""
        try:
            self._encoder, self._decoder = (
                onnxruntime.InferenceSession(folder / name, providers=PROVIDERS) for name in (ENCODER, DECODER)
            )
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
        ids = list(prompt)
        while len(ids) - len(prompt) < max_tokens:
            inputs = {"input_ids": np.array([ids], np.int64), "encoder_hidden_states": hidden}
            scores = self._decoder.run(["logits"], inputs)[0][0, -1]
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
