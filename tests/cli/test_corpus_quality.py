"""qal corpus check, mark, split and leakage as commands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qal.corpus.manifest import Origin, read_corpus, write_corpus
from qal.corpus.versions.store import list_versions
from tests.sounds import sine, write_audio
from tests.tiny_model import make_tones

TEXTS = ("HELLO WORLD", "GOOD MORNING", "первoe время", "GOOD NIGHT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corpus = make_tones(tmp_path / "corpus")
    rows = [row.model_copy(update={"text": TEXTS[i % 4], "speaker": f"s{i % 4}"}) for i, row in enumerate(corpus.rows)]
    write_corpus(corpus.folder, Origin(name="tones"), rows)
    return corpus.folder


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "qal", "corpus", *words], capture_output=True, text=True)


def last_line(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_check_shows_findings_and_marks_only_what_is_asked_for(folder: Path):
    before = (folder / "manifest.jsonl").read_bytes()
    found = last_line(command("check", str(folder), "--json"))
    assert found["counts"]["mixed alphabets"] == sum(r.text == TEXTS[2] for r in read_corpus(folder).rows)
    assert (folder / "manifest.jsonl").read_bytes() == before
    assert any("no punctuation" in note for note in found["style"])
    marked = last_line(command("check", str(folder), "--mark", "mixed alphabets", "--json"))
    assert marked["marked"] == found["counts"]["mixed alphabets"]
    assert list_versions(folder)[-1].note == f"marked by the quality check: mixed alphabets {marked['marked']}"
    stats = last_line(command("stats", str(folder), "--json"))
    assert stats["marked"] == {'marked "mixed alphabets"': marked["marked"]}
    removed = last_line(command("mark", str(folder), "--remove", "--json"))
    assert removed["marked"] == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "nowhere"), "not a dataset"),
        (("mark", "nowhere"), "--mark"),
        (("split", "nowhere", "--by", "text"), "not a dataset"),
        (("leakage", "nowhere", "nowhere"), "not a dataset"),
    ],
)
def test_user_errors_are_one_line(words: tuple[str, ...], message: str):
    done = command(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_reason_names_those_that_were_found(folder: Path):
    done = command("check", str(folder), "--mark", "boring")
    assert done.returncode == 2
    assert '"mixed alphabets"' in done.stderr


def test_removing_a_mark_that_no_example_has_names_the_marks(folder: Path):
    audio = read_corpus(folder).rows[0].audio
    command("mark", str(folder), "--mark", "too loud", "--audio", audio)
    done = command("mark", str(folder), "--remove", "--mark", "loud")
    assert done.returncode == 2
    assert 'no example has the mark "loud"; the marks are: "too loud"' in done.stderr
    assert read_corpus(folder).rows[0].marks == ("too loud",)


def test_split_and_leakage_say_what_they_found(folder: Path):
    info = last_line(command("split", str(folder), "--by", "speaker", "--json"))
    assert info["split_by"] == "speaker"
    assert info["utterances"]["test"] > 0
    found = last_line(command("leakage", str(folder), str(folder), "--json"))
    assert found["tested"] == info["utterances"]["test"]
    assert found["speakers"] == 0


def test_measures_are_kept_when_a_corpus_is_imported_again(tmp_path: Path):
    for i in range(4):
        write_audio(tmp_path / f"in/{i}.wav", sine(300 + i, 1))
        (tmp_path / f"in/{i}.txt").write_text(f"text {i}")
    options = ("--language", "en", "--out", str(tmp_path / "out"))
    assert command("import", str(tmp_path / "in"), *options).returncode == 0
    assert command("check", str(tmp_path / "out")).returncode == 0
    measures = (tmp_path / "out/quality.jsonl").read_bytes()
    assert command("import", str(tmp_path / "in"), *options, "--force").returncode == 0
    assert (tmp_path / "out/quality.jsonl").read_bytes() == measures
