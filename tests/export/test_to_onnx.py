"""Models in ONNX: equal to PyTorch at every context, and read by another program."""

import builtins
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import WhisperForConditionalGeneration

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine, Utterance
from qal.engine.model_directory import ContextAbility
from qal.errors import ConversionError, ModelError
from qal.evaluation.error_rates import count_errors
from qal.evaluation.scoring import SpokenReference
from qal.export.from_ctranslate2 import cached_transformers
from qal.export.onnx_decoder import write_decoder
from qal.export.onnx_transcription import (
    DECODER,
    ENCODER,
    OnnxDecoder,
    OnnxWhisper,
    open_graph,
    transcribe_with_onnx,
)
from qal.export.to_onnx import require_equal, to_onnx
from qal.training.model.short_context import load_whisper

MAX_DIFFERENCE = 0.2  # of the words: onnx-asr prepares the sound in its own way, and suppresses no tokens


def test_missing_package_is_named_and_nothing_is_written(tiny_weights: Path, tmp_path: Path, monkeypatch):
    real = builtins.__import__

    def without_exporters(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("transformers.exporters"):
            raise ImportError("No module named 'onnxscript'", name="onnxscript")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_exporters)
    with pytest.raises(ConversionError, match="needs onnxscript: pip install"):
        to_onnx(tiny_weights, tmp_path / "out", load_whisper)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def tiny_model(tiny_weights: Path) -> WhisperForConditionalGeneration:
    return load_whisper(tiny_weights).eval()


@pytest.fixture(scope="module")
def decoder(tiny_model: WhisperForConditionalGeneration, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("onnx") / DECODER
    write_decoder(tiny_model, path)
    return open_graph(path)


def encoded(model: WhisperForConditionalGeneration, batch: int = 2) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(batch, 70, model.config.d_model)).astype(np.float32))


def expected_scores(model: WhisperForConditionalGeneration, ids: np.ndarray, hidden: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        out = model.model.decoder(torch.from_numpy(ids), encoder_hidden_states=hidden, use_cache=False)
        return model.proj_out(out.last_hidden_state).numpy()


IDS = np.array([[50258, 50259, 50359, 50363, 11, 220, 7], [50258, 50259, 50359, 50363, 400, 5, 9]], np.int64)


@pytest.mark.parametrize("steps", [(4, 1, 1, 1), (1, 6)])
def test_scores_of_the_onnx_decoder_do_not_depend_on_how_the_tokens_are_divided_into_steps(tiny_model, decoder, steps):
    hidden, cache, found, first = encoded(tiny_model), None, [], 0
    for count in steps:
        scores, cache = OnnxDecoder(decoder).step(IDS[:, first : first + count], hidden.numpy(), cache)
        found.append(scores)
        first += count
    assert np.allclose(np.concatenate(found, axis=1), expected_scores(tiny_model, IDS, hidden), atol=2e-4)


@pytest.mark.parametrize(("batch", "length"), [(0, 0), (1, 5)])
def test_onnx_decoder_ignores_the_past_of_the_first_step_whatever_its_shape(tiny_model, decoder, batch, length):
    hidden = encoded(tiny_model)
    past = {
        node.name: np.ones((batch, node.shape[1], length, node.shape[3]), np.float32)
        for node in decoder.get_inputs()
        if node.name.startswith("past_key_values")
    }
    assert len(past) == 4 * tiny_model.config.decoder_layers
    inputs = {"input_ids": IDS, "encoder_hidden_states": hidden.numpy(), "use_cache_branch": np.array([False])}
    (scores,) = decoder.run(["logits"], {**inputs, **past})
    assert np.allclose(scores, expected_scores(tiny_model, IDS, hidden), atol=2e-4)


def test_onnx_decoder_of_an_older_export_without_a_cache_is_still_read():
    class OldGraph:
        def get_inputs(self) -> list[Any]:
            return [SimpleNamespace(name="input_ids", shape=[1, "tokens"])]

        def run(self, _names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            assert set(inputs) == {"input_ids", "encoder_hidden_states"}
            return [np.zeros((*inputs["input_ids"].shape, 3), np.float32)]

    old = OnnxDecoder(OldGraph())  # pyright: ignore[reportArgumentType]
    scores, cache = old.step(IDS, np.zeros((2, 1, 4), np.float32))
    assert scores.shape == (*IDS.shape, 3)
    assert not cache  # so that all tokens are given again


@pytest.mark.long
def test_onnx_graphs_equal_the_model_at_short_contexts_and_differences_are_refused(tiny_weights, tmp_path):
    made = to_onnx(tiny_weights, tmp_path / "made", load_whisper)
    assert {ENCODER, DECODER, "vocab.json", "added_tokens.json", "config.json"} <= {p.name for p in made.iterdir()}
    model = load_whisper(tiny_weights).eval()
    model.get_parameter("model.decoder.layers.1.fc1.weight").data.zero_()
    with pytest.raises(ConversionError, match="differ from the model at 200 frames"):
        require_equal(model, made)


def test_folder_that_is_no_export_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="make one with qal export --to onnx"):
        OnnxWhisper(tmp_path)


@pytest.mark.long
def test_onnx_asr_transcribes_as_the_engine_does(tmp_path, english_corpus):
    import onnx_asr

    directory = resolve("base")
    made = to_onnx(cached_transformers(directory, tmp_path / "cache"), tmp_path / "made", load_whisper)
    model = onnx_asr.load_model("whisper", made, providers=["CPUExecutionProvider"])
    engine = Engine(directory, "cpu", "float32")
    row = next(row for row in english_corpus.select("test") if 3 < row.duration_s < 6)
    samples = decode(english_corpus.audio_path(row))
    (expected,) = engine.transcribe([Utterance(samples, "en")])
    found = model.recognize(samples, sample_rate=SAMPLE_RATE, language="en")
    assert count_errors([expected.text], [found], "en").wer <= MAX_DIFFERENCE
    (own,) = transcribe_with_onnx(made, [SpokenReference(samples, "", "en")], ContextAbility(), lambda done, of: None)
    assert own == expected.text
