"""Many files: what is done is skipped, names, folders, archives, and folders that are watched."""

import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from docx import Document

from qal.errors import OptionError, StorageError
from qal.transcription import sources as sources_module
from qal.transcription.batch import Batch, BatchFile
from qal.transcription.document import edit
from qal.transcription.editing import CorrectWord
from qal.transcription.options import OutputOptions
from qal.transcription.outputs import archive_items, render, safe_name, write_archive, write_outputs
from qal.transcription.sources import HIDDEN, NOT_MEDIA, TWICE, Source, find_sources, name_without_suffix, output_stems
from qal.transcription.transcribe_source import transcribe_source
from qal.transcription.watching import FolderWatcher
from tests.transcription.streams import OPTIONS, write_sound

NAMES = [
    "Don't Walk Away (take 1) [final] #2 - 50% & more.wav",
    "【会議】2026年 第1回.wav",
    "a.b.c - v1.0.wav",
    "😀.mp3",
]
OUTPUT = OutputOptions()


@pytest.fixture
def batch(stream, store, engine) -> Batch:
    return Batch(engine, OPTIONS, store, formats=("srt", "txt"))


def files(folder: Path, out: Path, count: int = 3) -> list[BatchFile]:
    return [BatchFile(write_sound(folder / f"{i}.wav", 6, take=i), out / str(i)) for i in range(count)]


def states(results) -> list[str]:
    return [result.state for result in results]


def stems(*paths: str) -> list[str]:
    return [str(stem) for stem in output_stems([Source(Path(path), PurePath(Path(path).name)) for path in paths])]


def test_batch_writes_every_format_of_every_file(batch, tmp_path):
    results = batch.run(files(tmp_path, tmp_path / "out"))
    assert states(results) == ["done"] * 3
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["0.srt", "0.txt", "1.srt", "1.txt", "2.srt", "2.txt"]
    assert "second 5" in (tmp_path / "out" / "2.txt").read_text()


def test_batch_that_is_started_again_skips_what_is_done(batch, stream, tmp_path):
    todo = files(tmp_path, tmp_path / "out")
    batch.run(todo[:2])
    results = batch.run(todo)
    assert states(results) == ["skipped", "skipped", "done"]
    assert "same options" in results[0].reason
    assert len(stream.resumed_at_s) == 3


def test_output_of_something_else_is_kept_and_its_file_not_transcribed(batch, stream, tmp_path):
    todo = files(tmp_path, tmp_path / "out", 1)
    (tmp_path / "out").mkdir()
    for form in ("srt", "txt"):
        (tmp_path / "out" / f"0.{form}").write_text("already done")
    (result,) = batch.run(todo)
    assert (result.state, stream.resumed_at_s) == ("skipped", [])
    assert "--overwrite" in result.reason
    assert (tmp_path / "out" / "0.srt").read_text() == "already done"
    assert states(replace(batch, overwrite=True).run(todo)) == ["done"]
    assert "second 0" in (tmp_path / "out" / "0.srt").read_text()


def test_missing_format_is_written_without_a_second_transcription(batch, stream, tmp_path):
    todo = files(tmp_path, tmp_path / "out", 1)
    batch.run(todo)
    (result,) = replace(batch, formats=("srt", "json")).run(todo)
    assert [(o.path.name, o.outcome) for o in result.outputs] == [("0.srt", "same"), ("0.json", "written")]
    assert len(stream.resumed_at_s) == 1


def test_error_of_a_file_stops_no_other_file_of_a_batch(batch, tmp_path):
    todo = files(tmp_path, tmp_path / "out")
    todo[1].source.write_text("no sound")
    results = batch.run([*todo, BatchFile(tmp_path / "missing.wav", tmp_path / "out" / "missing")])
    assert states(results) == ["done", "failed", "done", "failed"]
    assert "missing.wav" in results[3].reason


@pytest.mark.parametrize("workers", [1, 3])
def test_stopped_batch_is_continued_by_the_same_call(workers, batch, stream, tmp_path):
    todo, seen = files(tmp_path, tmp_path / "out", 4), []
    stopped = replace(batch, workers=workers, on_progress=lambda source, progress: seen.append(progress))
    first = stopped.run(todo, should_stop=lambda: bool(seen))
    assert "failed" not in states(first)
    assert states(batch.run(todo)).count("done") + states(first).count("done") == 4
    assert len(list((tmp_path / "out").glob("*.srt"))) == 4


def test_corrections_are_in_the_outputs(batch, stream, store, engine, tmp_path):
    transcript = transcribe_source(write_sound(tmp_path / "a.wav", 3), engine, OPTIONS, store)
    edit(transcript, CorrectWord(segment=1, word=0, text="minute"))
    assert render(transcript, "txt", OUTPUT).decode() == "second 0 minute 1 second 2\n"


def test_document_has_the_title_of_its_own_file_also_where_two_files_have_the_same_sound(batch, tmp_path):
    todo = [BatchFile(write_sound(tmp_path / f"{name}.wav", 3), tmp_path / "out" / name) for name in ("one", "copy")]
    batch = replace(batch, formats=("docx",))
    batch.run(todo)
    titles = [Document(str(tmp_path / "out" / f"{name}.docx")).core_properties.title for name in ("one", "copy")]
    assert titles == ["one", "copy"]
    assert all("same options" in result.reason for result in batch.run(todo))


def test_output_is_named_like_its_file(batch, tmp_path):
    todo = [BatchFile(write_sound(tmp_path / "in" / name, 6, take=i)) for i, name in enumerate(NAMES)]
    places = output_stems(find_sources([tmp_path / "in"]).sources)
    expected = sorted(name.rsplit(".", 1)[0] for name in NAMES)
    assert sorted(map(str, places)) == expected
    batch.run([BatchFile(file.source, tmp_path / "out" / file.source.stem) for file in todo])
    assert sorted(p.stem for p in (tmp_path / "out").glob("*.srt")) == expected


def test_suffix_is_removed_only_if_it_is_one_of_sound():
    names = ["v1.0.wav", "talk v1.0", "UPPER.MP4", ".wav", "a.tar.gz"]
    assert [name_without_suffix(name) for name in names] == ["v1.0", "talk v1.0", "UPPER", ".wav", "a.tar.gz"]


def test_outputs_of_files_with_the_same_name_are_kept_apart():
    assert stems("/x/talk.wav", "/x/talk.mp4", "/x/other.wav") == ["talk.wav", "talk.mp4", "other"]
    assert stems("/x/a/talk.wav", "/x/b/talk.wav", "/x/b/c/other.wav") == ["a/talk.wav", "b/talk.wav", "other"]
    assert stems("/x/Talk.wav", "/x/TALK.wav") == ["Talk.wav", "TALK.wav (2)"]


def test_order_of_files_changes_no_name():
    paths = ["/x/a/talk.wav", "/x/a/talk.mp4", "/x/b/talk.wav", "/x/one.wav"]
    forward, backward = stems(*paths), stems(*paths[::-1])
    assert forward == backward[::-1]
    assert len(set(forward)) == 4


def test_folder_is_walked_and_its_structure_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(sources_module, "read_audio_format", lambda path: None)
    for name in ("b/2.wav", "a.mp4", "b/c/3.MKV", ".hidden.wav", "notes.txt", "b/._2.wav", "b/unknown"):
        write_sound(tmp_path / name, 1)
    write_sound(tmp_path / ".git" / "x.wav", 1)
    os.mkfifo(tmp_path / "pipe.wav")
    found = find_sources([tmp_path])
    assert [str(s.relative) for s in found.sources] == ["a.mp4", "b/2.wav", "b/unknown", "b/c/3.MKV"]
    assert found.left_out == {HIDDEN: 2, NOT_MEDIA: 2}


def test_file_that_is_named_twice_is_transcribed_once(tmp_path):
    path = write_sound(tmp_path / "a.wav", 1)
    found = find_sources([path, tmp_path, path])
    assert len(found.sources) == 1
    assert found.left_out == {TWICE: 2}


def test_folder_without_media_is_an_error_that_says_so(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(OptionError, match="no audio or video"):
        find_sources([tmp_path])


def test_outputs_are_never_incomplete_and_leave_no_other_files(stream, store, engine, tmp_path):
    transcript = transcribe_source(write_sound(tmp_path / "a.wav", 3), engine, OPTIONS, store)
    (tmp_path / "out" / "a.srt").mkdir(parents=True)
    with pytest.raises(StorageError):
        write_outputs(transcript, tmp_path / "out" / "a", ("srt",), OUTPUT, overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.srt"]


def test_archive_holds_all_formats_with_names_that_every_system_takes(stream, store, engine, tmp_path):
    names = ["one/talk.wav", "two/talk.wav", "what: why? <now>.wav", *NAMES]
    transcripts = [
        transcribe_source(write_sound(tmp_path / name, 3, take=i), engine, OPTIONS, store)
        for i, name in enumerate(names)
    ]
    target = tmp_path / "all.zip"
    assert write_archive(target, archive_items(transcripts), ("srt", "json"), OUTPUT) == 14
    with zipfile.ZipFile(target) as archive:
        entries = archive.namelist()
        assert archive.testzip() is None
        assert len(json.loads(archive.read("a.b.c - v1.0.json"))["segments"]) == 3
    assert {"one/talk.wav.srt", "two/talk.wav.srt", "what_ why_ _now_.srt", "【会議】2026年 第1回.srt"} <= set(entries)
    with pytest.raises(OptionError, match="overwrite"):
        write_archive(target, [], ("srt",), OUTPUT)


@pytest.mark.parametrize(
    ("name", "safe"),
    [("con", "_con"), ("aux.b", "_aux.b"), ("a. ", "a"), ("...", "_"), ("a\nb\\c", "a_b_c"), ("ok", "ok")],
)
def test_names_in_archives_are_safe(name, safe):
    assert safe_name(name) == safe


def test_watched_file_is_found_once_it_has_stopped_growing(tmp_path):
    now = [0.0]
    watcher = FolderWatcher(tmp_path, settle_s=2, clock=lambda: now[0])

    def poll(after_s: float) -> list[str]:
        now[0] += after_s
        return [source.path.name for source in watcher.poll()]

    path = tmp_path / "a.wav"
    assert poll(0) == []
    path.write_bytes(b"1")
    assert [poll(0), poll(1)] == [[], []]
    path.write_bytes(b"12")
    assert [poll(1.5), poll(1.5), poll(1)] == [[], [], ["a.wav"]]
    assert [poll(5), poll(5)] == [[], []]
    path.write_bytes(b"123")
    assert [poll(1), poll(3)] == [[], ["a.wav"]]


def test_watched_empty_file_is_not_complete(tmp_path):
    (tmp_path / "a.wav").touch()
    now = iter(range(0, 100, 10))
    watcher = FolderWatcher(tmp_path, clock=lambda: next(now))
    assert [watcher.poll() for _ in range(3)] == [[], [], []]
