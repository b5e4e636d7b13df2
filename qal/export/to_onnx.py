"""Converts a Transformers directory to ONNX, for any context up to 30 s.

Two graphs with float32 weights and dynamic lengths, named as Optimum names them, so that other programs find them:

    encoder_model.onnx         input_features (batch, n_mels, frames) -> last_hidden_state (batch, frames // 2, d_model)
    decoder_model_merged.onnx  input_ids (batch, tokens), encoder_hidden_states, keys and values of the steps before
                               -> logits (batch, tokens, vocabulary), keys and values (`onnx_decoder`)

The encoder is converted by `transformers.exporters`, which is experimental. Both graphs are compared with PyTorch
before they are kept, the decoder also with its cache."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, WhisperForConditionalGeneration

from qal.engine.decoding import TIMESTAMPS_PER_SECOND, Tokenizer
from qal.errors import ConversionError
from qal.export.onnx_decoder import write_decoder
from qal.export.onnx_transcription import DECODER, ENCODER, OnnxDecoder, open_graph
from qal.export.to_ctranslate2 import COPIED_FILES
from qal.storage import storage_errors

TRACED_FRAMES = 600
CHECKED_FRAMES = (200, 1000, 3000)
TOLERANCE = 2e-3  # between logits of PyTorch and of ONNX Runtime, relative to their range
Load = Callable[[Path], WhisperForConditionalGeneration]


def to_onnx(source: Path, target: Path, load: Load) -> Path:
    """Converts `source` to `target`, atomically, and returns `target`.

    Args:
        source: a Transformers directory.
        target: the new folder.
        load: loads the model with an encoder that accepts short contexts.

    Raises:
        ConversionError: a library is missing or cannot convert this model, or the results differ."""
    model = load(source).eval()
    with storage_errors("the ONNX model"):
        partial = target.with_name(target.name + ".new")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            _export(model, partial)
            _write_vocabulary(source, partial)
            for name in (*COPIED_FILES, "config.json", "generation_config.json"):
                if (source / name).exists():
                    shutil.copyfile(source / name, partial / name)
            require_equal(model, partial)
            shutil.rmtree(target, ignore_errors=True)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return target


def _export(model: WhisperForConditionalGeneration, folder: Path) -> None:
    """Writes both graphs. Raises ConversionError."""
    mel = torch.zeros(2, model.config.num_mel_bins, TRACED_FRAMES)
    _export_graph(model.model.encoder, {"input_features": mel}, folder / ENCODER)
    with _conversion_errors():
        write_decoder(model, folder / DECODER)


def _export_graph(model: PreTrainedModel, inputs: dict[str, Any], path: Path) -> None:
    with _conversion_errors():
        from transformers.exporters.configs import OnnxConfig
        from transformers.exporters.exporter_onnx import OnnxExporter

        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        exported: Any = OnnxExporter().export(model, inputs, config=OnnxConfig(dynamic=True))
        OnnxExporter.save_program(exported.program, path)


@contextmanager
def _conversion_errors() -> Iterator[None]:
    """Translates a missing library, and the many kinds of errors of the exporters, into ConversionError."""
    try:
        yield
    except ImportError as error:
        raise ConversionError(f"an export to ONNX needs {error.name}: pip install onnx onnxscript") from error
    except Exception as error:  # torch.export and onnxscript raise errors of many kinds
        reason = " ".join(str(error).split())[:300]
        raise ConversionError(f"this model cannot be exported to ONNX ({type(error).__name__}: {reason})") from error


def _write_vocabulary(source: Path, folder: Path) -> None:
    """Writes vocab.json and added_tokens.json as OpenAI's repositories have them."""
    tokenizer = json.loads((source / "tokenizer.json").read_bytes())
    vocabulary = tokenizer["model"]["vocab"]
    added = {token["content"]: token["id"] for token in tokenizer["added_tokens"] if token["content"] not in vocabulary}
    for i, token_id in enumerate(Tokenizer(source).timestamp_ids):  # English-only vocabularies do not name them
        added.setdefault(f"<|{i / TIMESTAMPS_PER_SECOND:.2f}|>", token_id)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "added_tokens.json").write_text(json.dumps(added, ensure_ascii=False), encoding="utf-8")


def require_equal(model: WhisperForConditionalGeneration, folder: Path) -> None:
    """Compares both graphs with PyTorch at contexts that were not traced, the decoder in two steps with its cache.

    Raises ConversionError if they differ."""
    encoder, decoder = open_graph(folder / ENCODER), OnnxDecoder(open_graph(folder / DECODER))
    rng = np.random.default_rng(0)
    for frames in CHECKED_FRAMES:
        mel = rng.normal(0, 0.5, (1, model.config.num_mel_bins, frames)).astype(np.float32)
        ids = rng.integers(0, model.config.vocab_size, (1, frames // 100 + 1)).astype(np.int64)
        with torch.no_grad():
            hidden = model.model.encoder(torch.from_numpy(mel)).last_hidden_state
            decoded = model.model.decoder(torch.from_numpy(ids), encoder_hidden_states=hidden, use_cache=False)
            expected = model.proj_out(decoded.last_hidden_state).numpy()
        (encoded,) = encoder.run(["last_hidden_state"], {"input_features": mel})
        first = ids.shape[1] - 1
        begun, cache = decoder.step(ids[:, :first], np.asarray(encoded))
        ended, _ = decoder.step(ids[:, first:], np.asarray(encoded), cache)
        found = np.concatenate([begun, ended], axis=1)
        difference = np.abs(found - expected).max() / max(1e-9, np.ptp(expected))
        if not difference < TOLERANCE:
            raise ConversionError(f"the ONNX graphs differ from the model at {frames} frames, by {difference:.2g}")
