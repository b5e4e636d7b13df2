import json
import os

import pytest

from qal.errors import OptionError
from qal.jobs.notes import (
    MAX_NOTE_CHARS,
    MAX_TAG_CHARS,
    MAX_TAGS,
    MAX_TITLE_CHARS,
    Notes,
    make_notes,
    read_notes,
    write_notes,
)
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run


@pytest.fixture
def run(tmp_path) -> Run:
    return create_run(TrainingConfig(), tmp_path / "runs", "r")


@pytest.mark.parametrize("text", ["plain", "ቃል · слово · 词", "<b>&amp;</b>", "a\nb\x00c", '"quoted"\\'])
def test_written_notes_are_read_unchanged(run, text):
    notes = make_notes(text, f"x, {text}", text, True)
    write_notes(run, notes)
    assert read_notes(run) == notes
    assert sorted(os.listdir(run.folder)) == ["config.yaml", "notes.json", "status.json"]


def test_notes_of_a_new_run_are_empty(run):
    assert read_notes(run) == Notes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe\x00",
        b'{"title": 5}',
        b'{"tags": "x"}',
        b'{"tags": [["x"]]}',
        b'{"pinned": "perhaps"}',
        b"[" * 100_000,
        json.dumps({"title": "x" * (MAX_TITLE_CHARS + 1)}).encode(),
        json.dumps({"note": "x" * (MAX_NOTE_CHARS + 1)}).encode(),
        json.dumps({"tags": [str(i) for i in range(MAX_TAGS + 1)]}).encode(),
        json.dumps({"title": "fine", "more": "x" * 10_000_000}).encode(),
    ],
)
def test_broken_notes_file_is_read_as_empty_notes(run, content):
    run.notes_file.write_bytes(content)
    assert read_notes(run) == Notes()


def test_notes_path_that_is_not_a_file_is_read_as_empty_notes(run):
    run.notes_file.mkdir()
    assert read_notes(run) == Notes()
    run.notes_file.rmdir()
    os.mkfifo(run.notes_file)  # opening it would block forever
    assert read_notes(run) == Notes()


def test_tags_are_split_stripped_and_without_repetition():
    assert make_notes(" a \n title ", " one, two;one ,,  three  four", " n ", False) == Notes(
        title="a title", tags=("one", "two", "three four"), note="n"
    )


def test_lone_surrogate_in_notes_is_written_as_a_question_mark(run):
    write_notes(run, make_notes("\ud800", "", "\udfff", False))
    assert read_notes(run).title == "?"


@pytest.mark.parametrize(
    ("title", "tags", "note", "field"),
    [
        ("x" * (MAX_TITLE_CHARS + 1), "", "", "title"),
        ("", "x" * (MAX_TAG_CHARS + 1), "", "tag"),
        ("", ",".join(map(str, range(MAX_TAGS + 1))), "", "tags"),
        ("", "", "x" * (MAX_NOTE_CHARS + 1), "note"),
    ],
)
def test_too_long_notes_raise_a_short_error_that_names_the_field(title, tags, note, field):
    with pytest.raises(OptionError, match=field) as error:
        make_notes(title, tags, note, False)
    assert len(str(error.value)) < 200
