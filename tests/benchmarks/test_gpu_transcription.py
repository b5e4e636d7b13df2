"""The transcription part of the GPU benchmark skips a corpus that has nothing to transcribe."""

from benchmarks.gpu import transcription
from benchmarks.gpu.budget import budget_of
from benchmarks.gpu.options import GpuOptions
from benchmarks.gpu.results import Results
from tests.fakes import ScriptedEngine


def test_corpus_without_usable_test_examples_is_skipped(english_corpus, tmp_path, monkeypatch):
    (tmp_path / "english").symlink_to(english_corpus.folder.resolve())
    monkeypatch.setattr(transcription, "local_directory", lambda name: tmp_path)
    monkeypatch.setattr(transcription, "make_engines", lambda *_: {"base_adaptive": ScriptedEngine(script=[])})
    monkeypatch.setattr(transcription, "read_examples", lambda folder, n: [])
    results = Results({}, {})
    options = GpuOptions(models=["base"], data=tmp_path)
    transcription.measure_transcription(options, "cpu", budget_of(60), results)
    assert results.skipped == ["transcription of english: no test examples of 0.7 to 29 s"]
