"""Synthetic speech of the programs on this machine: a fake espeak-ng and piper, and the real one in long tests."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from qal.corpus.importers.debian import unpack_packages
from qal.corpus.machine_made import is_machine_made
from qal.corpus.synthesis.engines import NOT_INSTALLED, installed_synthesis
from qal.corpus.synthesis.synthesize import SynthesisOptions, held_out_sentences, synthesize
from qal.corpus.versions.store import list_versions
from qal.errors import CorpusError
from tests.sounds import tones_corpus

FAKE_ESPEAK = """#!{python}
import math, struct, sys, wave
words = sys.argv[1:]
if words[0].startswith("--voices="):
    print("Pty Language Age/Gender VoiceName File Other")
    print(" 5  am  --/M  Amharic  sem/am") if words[0] == "--voices=am" else None
    sys.exit()
text = sys.stdin.buffer.read().decode("utf-8")
if "fails" in text:
    sys.exit("cannot speak this")
rate = int(words[words.index("-s") + 1])
with wave.open(words[words.index("-w") + 1], "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
    n = 22050 * len(text) // rate * 4
    file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(i / 9))) for i in range(n)))
"""
FAKE_PIPER = FAKE_ESPEAK.replace('"-w"', '"--output_file"').replace('int(words[words.index("-s") + 1])', "150")


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """An environment whose PATH holds a fake espeak-ng and a fake piper with one voice."""
    for name, script in (("espeak-ng", FAKE_ESPEAK), ("piper", FAKE_PIPER)):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(script.replace("{python}", sys.executable))
        path.chmod(0o755)
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "sw_CD-lanfrica-medium.onnx").touch()
    return {"PATH": str(tmp_path / "bin"), "PIPER_VOICES": str(tmp_path / "voices")}


def text_file(folder: Path, *lines: str) -> Path:
    (folder / "lines.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder / "lines.txt"


def test_sentences_are_spoken_by_several_voices_and_marked_synthetic(tmp_path: Path, environment: Mapping[str, str]):
    text = text_file(tmp_path, "ሰላም ለዓለም", "", "-v ዛሬ ጥሩ ቀን ነው", "ሰላም ለዓለም!", "this one fails", "x" * 500)
    left_out: list[str] = []
    installed = installed_synthesis(environment)
    corpus = synthesize(text, "am", tmp_path / "out", installed, on_skip=left_out.append)
    assert sorted(row.text for row in corpus.rows) == ["-v ዛሬ ጥሩ ቀን ነው"] * 2 + ["ሰላም ለዓለም"] * 2
    assert {row.split for row in corpus.rows} == {"train"}
    assert all(is_machine_made(row) and row.source.startswith("synthetic: espeak-ng am+") for row in corpus.rows)
    assert len({row.source for row in corpus.rows}) > 2
    assert all(row.speaker in row.source for row in corpus.rows)
    assert len({row.sha256 for row in corpus.rows}) == 4
    assert sorted(line.partition(":")[0] for line in left_out) == [
        "lines.txt, line 4",
        *["lines.txt, line 5"] * 2,
        "lines.txt, line 6",
    ]
    assert "cannot speak this" in "".join(left_out)
    assert [v.note for v in list_versions(tmp_path / "out")] == [f"imported: {corpus.info.source}"]


def test_voices_and_rates_are_those_that_are_asked_for(tmp_path: Path, environment: Mapping[str, str]):
    options = SynthesisOptions(voices=["ti+f1"], rates=[100], times=5)
    text, installed = text_file(tmp_path, "one"), installed_synthesis(environment)
    corpus = synthesize(text, "ti", tmp_path / "out", installed, options=options)
    assert [row.source for row in corpus.rows] == ["synthetic: espeak-ng ti+f1 100"]


def test_piper_speaks_where_it_has_a_voice(tmp_path: Path, environment: Mapping[str, str]):
    corpus = synthesize(text_file(tmp_path, "habari"), "sw", tmp_path / "out", installed_synthesis(environment))
    assert {row.speaker for row in corpus.rows} == {"piper sw_CD-lanfrica-medium"}


@pytest.mark.parametrize(
    ("language", "options", "words"),
    [
        ("xx", SynthesisOptions(), "no voice for 'xx'"),
        ("am", SynthesisOptions(engine="piper", voices=["no-such"]), "piper cannot speak with no-such"),
        ("am", SynthesisOptions(engine="festival"), "festival is not installed"),
        ("am", SynthesisOptions(rates=[9000]), "--rates from 80 to 450"),
        ("Atlantean", SynthesisOptions(), "not a language"),
    ],
)
def test_wrong_choice_is_one_sentence(
    tmp_path: Path, environment: Mapping[str, str], language: str, options: SynthesisOptions, words: str
):
    text = text_file(tmp_path, "one")
    with pytest.raises(CorpusError, match=words):
        synthesize(text, language, tmp_path / "out", installed_synthesis(environment), options=options)


def test_machine_without_synthesis_says_what_to_install(tmp_path: Path):
    with pytest.raises(CorpusError) as caught:
        synthesize(text_file(tmp_path, "one"), "am", tmp_path / "out", installed_synthesis({"PATH": str(tmp_path)}))
    assert str(caught.value) == NOT_INSTALLED
    assert "espeak-ng" in NOT_INSTALLED


def test_sentences_that_are_tested_with_are_not_synthesised(tmp_path: Path, environment: Mapping[str, str]):
    tested = tones_corpus(tmp_path / "tones", 3)  # train, validation, test
    text = text_file(tmp_path, *(f"Tone number {i}!" for i in range(3)))
    corpus = synthesize(
        text, "am", tmp_path / "out", installed_synthesis(environment), held_out=held_out_sentences([tested])
    )
    assert {row.text for row in corpus.rows} == {"Tone number 0!"}


def test_text_without_sentences_is_an_error(tmp_path: Path, environment: Mapping[str, str]):
    with pytest.raises(CorpusError, match="no usable sentence"):
        synthesize(text_file(tmp_path, "", "..."), "am", tmp_path / "out", installed_synthesis(environment))


@pytest.mark.long
def test_real_espeak_ng_speaks_amharic(tmp_path: Path):
    environment = dict(os.environ)
    if not shutil.which("espeak-ng"):
        packages = ["espeak-ng", "espeak-ng-data", "libespeak-ng1", "libsonic0", "libpcaudio0"]
        (tmp_path / "root").mkdir()
        root = unpack_packages(packages, tmp_path / "root") / "usr"
        (library,) = {path.parent for path in root.rglob("libespeak-ng.so.1")}
        script = f'#!/bin/sh\nLD_LIBRARY_PATH={library} exec {root}/bin/espeak-ng --path={library} "$@"\n'
        path = tmp_path / "bin" / "espeak-ng"
        path.parent.mkdir()
        path.write_text(script)
        path.chmod(0o755)
        environment["PATH"] = f"{path.parent}:{environment['PATH']}"
    text = text_file(tmp_path, "ሰላም ለዓለም", "እንደምን አደርክ")
    corpus = synthesize(text, "am", tmp_path / "out", installed_synthesis(environment))
    assert len(corpus.rows) == 4
    assert all(0.5 < row.duration_s < 5 for row in corpus.rows)
