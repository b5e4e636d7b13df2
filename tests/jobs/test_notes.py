import json
import os

import pytest

from qal.errors import OptionError
from qal.jobs.notes import (
    MAX_NOTE,
    MAX_TAG,
    MAX_TAGS,
    MAX_TITLE,
    Notes,
    make_notes,
    notes_file,
    read_notes,
    write_notes,
)
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run


@pytest.fixture
def run(tmp_path) -> Run:
    return create_run(TrainingConfig(), tmp_path / "runs", "r")


@pytest.mark.parametrize("text", ["plain", "ቃል · слово · 词", "<b>&amp;</b>", "a\nb\x00c", '"quoted"\\'])
def test_what_is_written_is_read(run, text):
    notes = make_notes(text, f"x, {text}", text, True)
    write_notes(run, notes)
    assert read_notes(run) == notes
    assert sorted(os.listdir(run.folder)) == ["config.yaml", "notes.json", "status.json"]


def test_there_are_no_notes_until_somebody_writes_some(run):
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
        json.dumps({"title": "x" * (MAX_TITLE + 1)}).encode(),
        json.dumps({"note": "x" * (MAX_NOTE + 1)}).encode(),
        json.dumps({"tags": [str(i) for i in range(MAX_TAGS + 1)]}).encode(),
        json.dumps({"title": "fine", "more": "x" * 10_000_000}).encode(),
    ],
)
def test_broken_notes_are_empty_ones(run, content):
    notes_file(run).write_bytes(content)
    assert read_notes(run) == Notes()


def test_what_is_no_file_is_no_notes(run):
    notes_file(run).mkdir()
    assert read_notes(run) == Notes()
    notes_file(run).rmdir()
    os.mkfifo(notes_file(run))  # a reader would wait for ever
    assert read_notes(run) == Notes()


def test_tags_are_short_words_each_once():
    assert make_notes(" a \n title ", " one, two;one ,,  three  four", " n ", False) == Notes(
        title="a title", tags=("one", "two", "three four"), note="n"
    )


def test_half_a_letter_from_a_browser_is_kept_as_a_question_mark(run):
    write_notes(run, make_notes("\ud800", "", "\udfff", False))
    assert read_notes(run).title == "?"


@pytest.mark.parametrize(
    ("title", "tags", "note", "names"),
    [
        ("x" * (MAX_TITLE + 1), "", "", "title"),
        ("", "x" * (MAX_TAG + 1), "", "tag"),
        ("", ",".join(map(str, range(MAX_TAGS + 1))), "", "tags"),
        ("", "", "x" * (MAX_NOTE + 1), "note"),
    ],
)
def test_what_is_too_long_is_refused_in_one_short_line(title, tags, note, names):
    with pytest.raises(OptionError, match=names) as refused:
        make_notes(title, tags, note, False)
    assert len(str(refused.value)) < 200
