"""The commands that make examples by machine: qal corpus label and qal corpus synthesize; and --align of the import."""

import json
from pathlib import Path

import pytest

from qal.cli.corpus import commands, import_path, label, synthesize
from qal.corpus.manifest import read_corpus
from qal.engine.corpus_readers import AgreementReader
from qal.errors import CorpusError, OptionError
from tests.fakes import ScriptedEngine, transcript


def test_label_makes_a_corpus_and_lists_what_is_left_out(
    tmp_path: Path, russian_corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    row = next(row for row in russian_corpus.rows if 2 < row.duration_s < 4)
    (tmp_path / "in").mkdir()
    for name in ("a.wav", "b.wav"):
        (tmp_path / "in" / name).write_bytes(russian_corpus.audio_path(row).read_bytes())
    texts = ("Да.", "Да", "Нет.", "Или другое.")
    engine = ScriptedEngine([transcript(text, "ru", -0.1) for text in texts])
    monkeypatch.setattr(label, "make_reader", lambda *_: AgreementReader(engine, engine, "one, other"))
    words = [
        str(tmp_path / "in"),
        "--language",
        "ru",
        "--out",
        str(tmp_path / "out"),
        "--json",
        "--min-agreement",
        "0.9",
    ]
    label.main(words)
    (made,) = read_corpus(tmp_path / "out").rows
    assert made.source.startswith("pseudo-label: one, other; agreement 1.00; a.wav")
    output = capsys.readouterr()
    assert json.loads(output.out.splitlines()[-1])["utterances"]["test"] == 0
    assert "skipped: b.wav" in output.err


def test_label_takes_only_possible_thresholds():
    with pytest.raises(OptionError, match="min_agreement"):
        label.main(["in", "--language", "ru", "--out", "x", "--min-agreement", "2"])


def test_synthesize_without_a_program_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "lines.txt").write_text("one\n")
    with pytest.raises(CorpusError, match="install espeak-ng"):
        synthesize.main([str(tmp_path / "lines.txt"), "--language", "am", "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("verb", ["label", "synthesize"])
def test_help_of_the_verbs_is_complete(verb: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        commands.main([verb, "--help"])
    assert "training only" in " ".join(capsys.readouterr().out.split())


def test_import_loads_the_model_of_align_only_when_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []
    monkeypatch.setattr(import_path, "load_engine", lambda *names: asked.append(names))
    options = import_path.PathOptions(source=tmp_path, language="am", align="tiny")
    transcriber = import_path._listing_options(options).transcriber
    assert transcriber is not None
    assert transcriber.name == "tiny"
    assert asked == []
