"""The whole gate: a tiny random model goes through every check, and spoiled real models fail."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.evaluation.gate_report import GateReport
from qal.evaluation.scoring import SpokenReference, load_references, transcribe_each
from qal.export.gate.gate import GateInput, is_int8, run_gate
from qal.export.to_ctranslate2 import to_ctranslate2
from tests.export.gate import spoiled_models as spoiled


def states(report: GateReport) -> dict[str, str]:
    return {check.name: check.state for check in report.checks}


def test_gate_compares_formats_and_makes_every_check(tiny_weights, tiny_corpus, tmp_path):
    directory = to_ctranslate2(tiny_weights, tmp_path / "model")
    examples = load_references(tiny_corpus, tiny_corpus.select("test"))
    own = transcribe_each(Engine(directory, "cpu", "float32"), examples)

    def transcribed(some: Sequence[SpokenReference], progress: Callable[[int, int], object]) -> list[str]:
        progress(len(some), len(some))
        return own

    given = GateInput("tiny", directory, examples, transformers={"adapter": transcribed, "merged": transcribed})
    stages: list[str] = []
    report = run_gate(given, lambda stage, done, of: stages.append(stage))
    assert [found.name for found in report.formats] == ["adapter", "merged", "ctranslate2 float32", "ctranslate2 int8"]
    assert [found.agreement for found in report.formats[:3]] == [None, 1.0, 1.0]
    assert {"special tokens", "vocabulary", "alignment heads", "weights"} <= states(report).keys()
    assert states(report)["word times"] == "not checked"  # four tones are too few
    assert states(report)["short context"] == "not checked"  # qal.json does not say adaptive
    assert {"languages", "timestamps", "prompts", "temperature", "long recordings", "empty sound", "silence"} <= states(
        report
    ).keys()
    assert dict.fromkeys(stages).keys() >= {"adapter", "ctranslate2 int8", "behaviour"}


def test_engine_with_wrong_files_is_never_loaded(tiny_weights, tmp_path, monkeypatch):
    directory = to_ctranslate2(tiny_weights, tmp_path / "model")
    broken = spoiled.with_heads(directory, tmp_path / "broken", [[9, 9]])
    monkeypatch.setattr("qal.export.gate.gate.Engine", lambda *_, **__: pytest.fail("loaded"))
    report = run_gate(GateInput("broken", broken, [SpokenReference(np.zeros(16000, np.float32), "a", "en")]))
    assert report.failures == ["alignment heads: [9, 9] are no heads of this decoder (2 layers of 2 heads)"]


def test_layer_zeroed_in_int8_is_found_by_the_texts_too(tiny_weights, tiny_corpus, tmp_path, monkeypatch):
    precise = to_ctranslate2(tiny_weights, tmp_path / "model")
    directory = to_ctranslate2(tiny_weights, tmp_path / "int8", "int8")
    assert is_int8(directory)
    assert not is_int8(precise)
    zeroed = spoiled.with_zeroed_layer(directory, tmp_path / "zeroed", "decoder/layer_1")
    examples = load_references(tiny_corpus, tiny_corpus.select("test"))
    own = transcribe_each(Engine(precise, "cpu", "float32"), examples)
    said = [SpokenReference(example.audio, text, "en") for example, text in zip(examples, own, strict=True)]
    monkeypatch.setattr("qal.export.gate.gate.check_files", lambda directory, base: [])  # which names the layer
    monkeypatch.setattr("qal.export.gate.gate.check_behaviour", lambda candidate, progress: [])
    report = run_gate(GateInput("zeroed", zeroed, said, reference=precise))
    assert "reference float32 -> ctranslate2 int8" in report.formats[-1].problem
    assert not report.passed


SPOILED: dict[str, Callable[[Path, Path], Path]] = {
    "wrong alignment heads": lambda source, folder: spoiled.with_heads(source, folder, [[0, 0], [0, 1], [0, 2]]),
    "shifted tokenizer": spoiled.with_shifted_tokenizer,
    "shifted list": spoiled.with_shifted_list,
    "zeroed decoder layer": lambda source, folder: spoiled.with_zeroed_layer(source, folder, "decoder/layer_3"),
    "zeroed encoder layer": lambda source, folder: spoiled.with_zeroed_layer(source, folder, "encoder/layer_2"),
    "lost language": lambda source, folder: spoiled.without_token(source, folder, "<|ru|>"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("with_base", [True, False])
def test_real_model_that_is_spoiled_fails(name, with_base, english_corpus: Corpus, tmp_path):
    directory = SPOILED[name](resolve("base-adaptive"), tmp_path / "model")
    examples = load_references(english_corpus, english_corpus.select("test")[:20])
    pieces = load_references(english_corpus, [row for row in english_corpus.rows if row.duration_s < 2.5])
    base = resolve("base") if with_base else None
    report = run_gate(GateInput(name, directory, examples, pieces=pieces, base=base))
    assert not report.passed


@pytest.mark.long
def test_real_model_as_it_is_passes(english_corpus: Corpus):
    examples = load_references(english_corpus, english_corpus.select("test")[:40])
    pieces = load_references(english_corpus, [row for row in english_corpus.rows if row.duration_s < 2.5])
    given = GateInput("base-adaptive", resolve("base-adaptive"), examples, pieces=pieces, base=resolve("base"))
    assert run_gate(given).failures == []
