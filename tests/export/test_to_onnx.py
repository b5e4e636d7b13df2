"""Models in ONNX: equal to PyTorch at every context, and read by another program."""

import builtins
from pathlib import Path

import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine, Utterance
from qal.engine.model_directory import ContextAbility
from qal.errors import ConversionError, ModelError
from qal.evaluation.scoring import SpokenReference
from qal.export.from_ctranslate2 import cached_transformers
from qal.export.onnx_transcription import OnnxWhisper, transcribe_with_onnx
from qal.export.to_onnx import DECODER, ENCODER, require_equal, to_onnx
from qal.training.model.short_context import load_whisper


def test_missing_package_is_named_and_nothing_is_written(tiny_weights: Path, tmp_path: Path, monkeypatch):
    real = builtins.__import__

    def without_exporters(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("transformers.exporters"):
            raise ImportError("No module named 'onnxscript'", name="onnxscript")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_exporters)
    with pytest.raises(ConversionError, match="needs onnxscript: pip install"):
        to_onnx(tiny_weights, tmp_path / "out", load_whisper)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_onnx_graphs_equal_the_model_at_short_contexts_and_differences_are_refused(tiny_weights, tmp_path):
    made = to_onnx(tiny_weights, tmp_path / "made", load_whisper)
    assert {ENCODER, DECODER, "vocab.json", "added_tokens.json", "config.json"} <= {p.name for p in made.iterdir()}
    model = load_whisper(tiny_weights).eval()
    model.model.decoder.layers[1].fc1.weight.data.zero_()
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
    assert found.lower().strip(" .") == expected.text.lower().strip(" .")
    (own,) = transcribe_with_onnx(made, [SpokenReference(samples, "", "en")], ContextAbility(), lambda done, of: None)
    assert own == expected.text
