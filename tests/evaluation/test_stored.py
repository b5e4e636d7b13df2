"""A stored evaluation is found again by its settings, and only by them."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from qal.corpus.manifest import Corpus, read_corpus, write_corpus
from qal.errors import CorpusError, EvaluationError, ModelError
from qal.evaluation.evaluate import NO_TRANSCRIPT
from qal.evaluation.stored import Request, evaluation_id, obtain, slug
from qal.evaluation.systems.any_model import SystemOptions, find_system, weights_identity
from tests.evaluation.evaluated import speech_corpus
from tests.model_folders import model_directory
from tests.sounds import spoken_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return speech_corpus(tmp_path / "mine")


def transcripts(path: Path, corpus: Corpus, without: int = 0) -> str:
    """Writes a file with the right text of all examples but the first ones; returns its name."""
    lines = [f"{row.audio},{row.text}" for row in corpus.rows[without:]]
    path.write_text("\n".join(["file,text", *lines]))
    return str(path)


def test_an_evaluation_is_transcribed_once_and_again_only_where_that_is_asked_for(corpus: Corpus, tmp_path: Path):
    request = Request(transcripts(tmp_path / "h.csv", corpus), corpus.folder)
    first, second = obtain(request, tmp_path / "e"), obtain(request, tmp_path / "e")
    assert (first.was_stored, second.was_stored) == (False, True)
    assert (first.folder, first.rows) == (second.folder, second.rows)
    assert len(first.rows) == 6
    again = obtain(request, tmp_path / "e", again=True)
    assert (again.was_stored, again.folder.name) == (False, f"{first.folder.name}-2")
    assert obtain(request, tmp_path / "e").folder == again.folder  # the newest one


def test_other_transcripts_examples_and_dataset_versions_are_other_evaluations(corpus: Corpus, tmp_path: Path):
    request = Request(transcripts(tmp_path / "h.csv", corpus), corpus.folder)

    def identifier(changed: Request = request) -> str:
        return evaluation_id(changed, find_system(changed.model, changed.options), read_corpus(corpus.folder))

    known = identifier()
    assert known.startswith("h.csv-mine-test-")
    others = {identifier(replace(request, **change)) for change in ({"max_rows": 3}, {"language": "de"})}
    transcripts(tmp_path / "h.csv", corpus, without=1)
    others.add(identifier())
    write_corpus(corpus.folder, corpus.info, [corpus.rows[0].model_copy(update={"text": "new"}), *corpus.rows[1:]])
    others.add(identifier())
    assert len(others | {known}) == 5


def test_weights_and_how_they_decode_are_part_of_an_evaluation(tmp_path: Path):
    directory = model_directory(tmp_path / "model")
    name = str(directory)
    known = find_system(name).identity
    assert find_system(name).identity == known
    for changed in (SystemOptions(context="full"), SystemOptions(beam_size=5), SystemOptions(compute_type="float32")):
        assert find_system(name, changed).identity != known
    os.utime(directory / "model.bin", (1, 1))
    assert find_system(name).identity != known
    weights = weights_identity(directory)
    (directory / "qal.json").write_text('{"base_model": "base", "context": {"adaptive": true}}')
    assert weights_identity(directory) != weights


def test_a_stopped_evaluation_is_continued_and_keeps_its_start(corpus: Corpus, tmp_path: Path):
    request = Request(transcripts(tmp_path / "h.csv", corpus), corpus.folder)
    done: list[int] = []
    stopped = obtain(request, tmp_path / "e", progress=lambda n, of: done.append(n), should_stop=lambda: max(done) == 2)
    assert (stopped.evaluation.state, len(stopped.rows)) == ("stopped", 2)
    whole = obtain(request, tmp_path / "e")
    assert (whole.evaluation.state, len(whole.rows), whole.folder) == ("finished", 6, stopped.folder)
    assert whole.evaluation.started == stopped.evaluation.started


def test_examples_without_a_transcript_are_left_out_and_names_that_match_nothing_are_told(corpus, tmp_path):
    path = tmp_path / "h.csv"
    transcripts(path, corpus, without=2)
    path.write_text(path.read_text() + "\nstranger.wav,x")
    found = obtain(Request(str(path), corpus.folder), tmp_path / "e")
    assert found.evaluation.left_out == {NO_TRANSCRIPT: 2}
    assert "'stranger.wav'" in found.note


def test_an_evaluation_without_any_row_is_an_error_with_the_reasons(corpus: Corpus, tmp_path: Path):
    other = write_corpus(corpus.folder, corpus.info, [row.model_copy(update={"split": "train"}) for row in corpus.rows])
    request = Request(transcripts(tmp_path / "h.csv", other), corpus.folder)
    with pytest.raises(CorpusError, match="choose another split"):
        obtain(request, tmp_path / "e")
    for row in other.rows:
        other.audio_path(row).write_bytes(b"x")
    with pytest.raises(EvaluationError, match="6 with unreadable audio"):
        obtain(replace(request, split="train"), tmp_path / "e")


def test_a_name_that_is_neither_model_nor_file_nor_address_is_an_error(tmp_path: Path):
    with pytest.raises(ModelError, match="there is no model 'nothing'"):
        find_system("nothing")
    with pytest.raises(EvaluationError, match="no such file of transcripts"):
        find_system(str(tmp_path / "none.stm"))
    assert find_system("http://127.0.0.1:1/v1#m").identity == "http://127.0.0.1:1/v1/audio/transcriptions#m"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base", "base"),
        ("runs/a b/model/", "model"),
        ("https://h/v1#org/whisper:small", "whisper-small"),
        ("../..", "model"),
        ("ሞዴል", "model"),
    ],
)
def test_an_identifier_is_a_plain_file_name(name: str, expected: str):
    assert slug(name) == expected


def test_a_model_of_this_machine_is_evaluated_with_its_decoding_and_speed(english_corpus: Corpus, tmp_path: Path):
    corpus = spoken_corpus(tmp_path / "voices", english_corpus, 2)
    split = corpus.rows[0].split
    request = Request("base", corpus.folder, split, options=SystemOptions(context="full", beam_size=2))
    found = obtain(request, tmp_path / "e")
    decoding = found.evaluation.decoding
    assert {name: decoding[name] for name in ("context", "beam_size", "device")} == {
        "context": "30 s",
        "beam_size": 2,
        "device": decoding["device"],
    }
    assert all(row.seconds and row.hypothesis for row in found.rows)
    assert found.evaluation.hardware["cores"]
