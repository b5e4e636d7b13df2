import json
import os

import pytest

from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.index import RunIndex
from qal.jobs.notes import (
    MAX_NOTE_CHARS,
    MAX_TAG_CHARS,
    MAX_TAGS,
    MAX_TITLE_CHARS,
    Notes,
    make_notes,
    read_notes,
    rename,
    write_notes,
)
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from tests.run_folders import scripted_run


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


def test_title_given_at_the_start_is_shown_and_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "launch", lambda run: None)
    first = job.start(TrainingConfig(), tmp_path, title=" ልጆች: first  test ")
    second = job.start(TrainingConfig(), tmp_path, title="ልጆች: first test")
    assert (first.id, second.id) == ("ልጆች-first-test", "ልጆች-first-test-2")
    assert {entry.name for entry in RunIndex().entries(tmp_path)} == {"ልጆች: first test"}
    assert job.start(TrainingConfig(), tmp_path, title="???").id.startswith("2")  # date and time
    assert job.start(TrainingConfig(), tmp_path, title="base-adaptive").id == "base-adaptive-2"  # a catalogue model's
    assert not job.start(TrainingConfig(), tmp_path).notes_file.exists()


@pytest.mark.parametrize("title", ["../../etc", "a/b", ".hidden", "x" * 80, "-", "a\nb", "con.", "\ud800"])
def test_every_title_gives_a_valid_folder_inside_the_runs_folder(title, tmp_path, monkeypatch):
    monkeypatch.setattr(job, "launch", lambda run: None)
    run = job.start(TrainingConfig(), tmp_path, title=title)
    assert run.folder.parent == tmp_path
    assert [entry.id for entry in RunIndex().entries(tmp_path)] == [run.id]


def test_title_that_is_too_long_creates_no_run(tmp_path):
    with pytest.raises(OptionError, match="title"):
        job.start(TrainingConfig(), tmp_path / "runs", title="x" * 81)
    assert not (tmp_path / "runs").exists()


def test_renamed_run_keeps_its_tags_and_its_folder(tmp_path):
    run = scripted_run(tmp_path, "a", "finished")
    write_notes(run, Notes(title="old", tags=("x",), pinned=True))
    rename(run, "new name")
    assert read_notes(run) == Notes(title="new name", tags=("x",), pinned=True)
    assert run.folder.is_dir()


@pytest.mark.parametrize("character", ["\x1b", "\x00", "\x07", "\x7f", "\x9b", "\u202e", "\u2066"])
def test_control_characters_in_a_title_or_a_tag_do_not_reach_a_terminal(character):
    notes = make_notes(f"a{character}[2Jb", f"x{character}y", "", pinned=False)
    assert notes.title == "a [2Jb"
    assert notes.tags == ("x y",)
