"""qal transcribe with a scripted model: outputs, folders, archives, watching, failures and interruptions."""

import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from qal.cli.main import main
from qal.cli.parsing import parse_options
from qal.cli.subcommands import transcribe
from qal.cli.transcription.options import TranscribeOptions
from qal.cli.transcription.short_options import expand_short_options
from qal.engine.longform.segment import Segment
from qal.subcommand import qal_environment
from qal.text.subtitles.presets import SUBTITLE_PRESETS
from qal.transcription.store import TranscriptStore
from qal.transcription.watching import FolderWatcher
from tests.transcription.streams import ScriptedStream, scripted_model, use_scripted_streams, write_sound
from tests.waiting import wait_until

SLOW_COMMAND = """
import sys, time
import pytest
from pathlib import Path
from qal.cli.main import main
from qal.cli.subcommands import transcribe
from tests.transcription import streams

class SlowEngine(streams.FolderEngine):
    def transcribe(self, utterances, options=None):
        time.sleep(0.05)
        return super().transcribe(utterances)

streams.use_scripted_streams(pytest.MonkeyPatch())
transcribe.load_engine = lambda options, is_for_files: SlowEngine(directory=Path("model"))
main(sys.argv[1:])
"""


@pytest.fixture
def stream(tmp_path: Path, monkeypatch) -> ScriptedStream:
    """Replaces the model and the decoding; the working folder is the test's."""
    monkeypatch.chdir(tmp_path)
    engine = scripted_model(tmp_path / "model")
    monkeypatch.setattr(transcribe, "load_engine", lambda options, is_for_files: engine)
    monkeypatch.setattr(transcribe, "WATCH_POLL_S", 0.01)
    return use_scripted_streams(monkeypatch)


def run(*words: str) -> None:
    main(["transcribe", "base", *words])


def failure(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        run(*words)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def json_line(capsys) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def write_batch(folder: str, count: int = 4) -> None:
    for i in range(1, count + 1):
        write_sound(Path(folder, f"lecture {i}.wav"), 6, take=i)


def test_text_of_one_file_is_printed(stream, capsys):
    write_sound(Path("talk.wav"), 3)
    run("talk.wav")
    assert capsys.readouterr().out == "second 0 second 1 second 2\n"


def test_text_is_printed_again_without_a_second_transcription(stream, capsys):
    write_sound(Path("talk.wav"), 3)
    run("talk.wav")
    run("talk.wav", "--format", "srt")
    assert "00:00:00,000 --> 00:00:0" in capsys.readouterr().out
    assert len(stream.resumed_at_s) == 1


def test_texts_of_several_files_are_printed_in_their_order(stream, capsys):
    paths = [str(write_sound(Path(f"{i}.wav"), 1 + i, take=i)) for i in range(4)]
    run(*paths, "--workers", "3")
    assert capsys.readouterr().out.count("second 0") == 4


def test_folder_goes_to_a_folder_with_the_same_structure(stream, capsys):
    write_sound(Path("in/a.wav"), 2)
    write_sound(Path("in/b/a.wav"), 3)
    Path("in/notes.txt").write_text("x")
    Path("in/.hidden.wav").write_text("x")
    run("in", "--out", "out", "--format", "srt,vtt", "--json")
    assert sorted(str(path) for path in Path("out").rglob("*.*")) == [
        "out/a.srt",
        "out/a.vtt",
        "out/b/a.srt",
        "out/b/a.vtt",
    ]
    found = json_line(capsys)
    assert (found["done"], found["failed"], found["left_out"]) == (2, 0, {"hidden": 1, "neither audio nor video": 1})
    assert found["files"][0]["duration_s"] == 2
    assert found["files"][0]["languages"] == ["en"]


def test_batch_that_is_started_again_skips_existing_outputs(stream, capsys):
    write_batch("batch")
    Path("out").mkdir()
    Path("out/lecture 1.srt").write_text("already done")
    run("batch", "--out", "out", "--format", "srt", "--json")
    found = json_line(capsys)
    assert [file["state"] for file in found["files"]] == ["skipped", "done", "done", "done"]
    assert Path("out/lecture 1.srt").read_text() == "already done"
    run("batch", "--out", "out", "--format", "srt", "--json")
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[-1])["skipped"] == 4
    assert "--overwrite" in captured.err
    assert len(stream.resumed_at_s) == 3


def test_outputs_stand_beside_their_files(stream):
    write_sound(Path("a/x [1].wav"), 2)
    write_sound(Path("b/x [1].wav"), 3)
    run("a/x [1].wav", "b", "--beside", "--format", "srt,json")
    assert all(Path(name).exists() for name in ("a/x [1].srt", "a/x [1].json", "b/x [1].srt", "b/x [1].json"))


def test_archive_has_the_structure_of_the_folder(stream):
    write_sound(Path("in/a.wav"), 2)
    write_sound(Path("in/b/a.wav"), 3)
    run("in", "--zip", "all.zip", "--format", "srt,json")
    with zipfile.ZipFile("all.zip") as archive:
        assert sorted(archive.namelist()) == ["a.json", "a.srt", "b/a.json", "b/a.srt"]


def test_failed_files_are_named_in_one_sentence_after_the_others_are_done(stream, capsys):
    write_batch("in", 2)
    Path("in/bad.wav").write_text("no sound")
    line = failure(capsys, "in", "missing.wav", "--out", "out")
    assert line.startswith("error: 2 of 4 files failed")
    assert "bad.wav" in line
    assert "missing.wav" in line
    assert len(list(Path("out").glob("*.txt"))) == 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "give a file or a folder"),
        (["a.wav", "--format", "srt,doc"], "'doc' is not a format"),
        (["a.wav", "--format", ","], "is not a format"),
        (["a.wav", "--format", "srt,vtt"], "--out DIR"),
        (["a.wav", "b.wav", "--format", "srt"], "do not fit into one srt"),
        (["a.wav", "--out", "out", "--beside"], "two places"),
        (["a.wav", "--out", "file"], "is a file, not a folder"),
        (["a.wav", "--transcripts", "file"], "is a file, not a folder"),
        (["a.wav", "--watch", "."], "one folder and no other files"),
        (["--watch", "none"], "no such folder"),
        (["a.wav", "--zip", "file"], "exists already"),
        (["a.wav", "--workers", "0"], "workers"),
        (["a.wav", "--channels", "left"], "channels"),
        (["a.wav", "--zip", "a.wav", "--overwrite"], "is a file to transcribe"),
        (["a.wav", "--zip", ".", "--overwrite"], "is a folder"),
        (["a.wav", "--zip", "file/all.zip"], "is a file, not a folder"),
        (["a.wav", "--transcripts", "file/x"], "is a file, not a folder"),
        (["a.wav", "--decoding.patience", "2"], "set beam_size above 1"),
        (["a.wav", "--beam-size", "5", "--decoding.temperature", "0.5"], "set one of the two"),
        (["a.wav", "--decoding.hot_words", "Qal"], 'a list such as ["a","b"]'),
        (["a.wav", "--preset", "film", "--subtitles.min_duration_s", "6.5"], "above max_duration_s 6.0"),
        (["a.wav", "--preset", "movie"], "film"),
        (["a.wav", "--language", "auto-per-segment", "--longform.language_mode", "file"], "contradict"),
        (["a.wav", "--language", "auto-per-segment", "--strategy", "overlap"], "use packed"),
        (["a.wav", "--language", "en", "--longform.language_mode", "stretch"], "no effect"),
        (["a.wav", "--language", "en", "--languages", "ru", "am"], "is not one of --languages ru am"),
        (["a.wav", "--postprocessing.profanity_file", "none.txt"], "list of words"),
    ],
)
def test_options_that_do_not_fit_are_refused(words, part, stream, capsys):
    Path("file").touch()
    Path("a.wav").touch()
    assert part in failure(capsys, *words)
    assert stream.resumed_at_s == []


def parsed(*words: str) -> TranscribeOptions:
    return parse_options("qal transcribe", "", TranscribeOptions, expand_short_options(["base", "a.wav", *words]))


def test_options_that_are_given_count_whatever_a_preset_or_the_default_says():
    film = parsed("--subtitles.max_letters", "42", "--preset", "film").output().subtitles
    assert (film.max_letters, film.max_duration_s) == (42, 6.0)
    assert parsed("--preset=words").output().subtitles == SUBTITLE_PRESETS["words"].rules
    decoding = (
        parsed("--beam-size", "5", "--decoding.patience", "2", "--decoding.words", "false").transcription().decoding
    )
    assert (decoding.beam_size, decoding.patience, decoding.words) == (5, 2, False)
    assert parsed("--strategy", "overlap", "--beam_size=3").transcription().longform.strategy == "overlap"
    assert parsed().transcription().decoding.words


def test_another_track_is_another_transcript(stream):
    write_sound(Path("a.wav"), 3)
    run("a.wav")
    run("a.wav", "--track", "2")
    run("a.wav", "--beam-size", "5")
    assert len(stream.resumed_at_s) == 3


def test_watched_folder_is_transcribed_until_it_is_interrupted(stream, monkeypatch, capsys):
    Path("in").mkdir()
    monkeypatch.setattr(transcribe, "FolderWatcher", lambda folder: FolderWatcher(folder, settle_s=0.05))
    write_sound(Path("in/old.wav"), 2)

    def add_file_and_stop() -> None:
        wait_until(Path("out/old.srt").exists)
        write_sound(Path("in/new.wav"), 3)
        wait_until(Path("out/new.srt").exists)
        signal.raise_signal(signal.SIGINT)

    user = threading.Thread(target=add_file_and_stop)
    user.start()
    run("--watch", "in", "--out", "out", "--format", "srt", "--json")
    user.join()
    assert json_line(capsys)["done"] == 2


def test_watched_file_with_the_name_of_an_earlier_one_has_its_own_output(stream, monkeypatch):
    Path("in").mkdir()
    monkeypatch.setattr(transcribe, "FolderWatcher", lambda folder: FolderWatcher(folder, settle_s=0.05))
    write_sound(Path("in/talk.wav"), 2)

    def add_files_and_stop() -> None:
        try:
            wait_until(Path("out/talk.srt").exists)
            write_sound(Path("in/talk.mp4"), 3)
            wait_until(Path("out/talk.mp4.srt").exists)
            write_sound(Path("in/talk.wav"), 5)
            wait_until(lambda: "second 4" in Path("out/talk.srt").read_text())
        finally:
            signal.raise_signal(signal.SIGINT)

    user = threading.Thread(target=add_files_and_stop)
    user.start()
    run("--watch", "in", "--out", "out", "--format", "srt")
    user.join()
    assert sorted(path.name for path in Path("out").iterdir()) == ["talk.mp4.srt", "talk.srt"]


def test_names_of_files_cannot_write_on_the_terminal(stream, capsys):
    write_sound(Path("in/new\nline \x1b[2J.wav"), 2)
    write_sound(Path(os.fsdecode(b"in/not utf-8 \xff.wav")), 3)
    Path("in/bad\nname.wav").write_text("no sound")
    line = failure(capsys, "in", "--out", "out")
    assert "bad name.wav" in line
    run("in/new\nline \x1b[2J.wav", "--out", "out", "--json")
    captured = capsys.readouterr()
    assert "new line [2J.wav: skipped" in captured.err
    assert json.loads(captured.out.splitlines()[-1])["skipped"] == 1


def slow_command(*words: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SLOW_COMMAND, "transcribe", "base", *words]
    environment = qal_environment(PYTHONPATH=str(Path(__file__).parents[2]))
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def settled_segments() -> list[Segment]:
    return [segment for transcript in TranscriptStore(Path("transcripts")).all() for segment in transcript.segments()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_or_interrupted_file_is_resumed_and_equals_an_uninterrupted_one(number, stream, capsys):
    write_sound(Path("talk.wav"), 600)
    process = slow_command("talk.wav")
    wait_until(lambda: len(settled_segments()) >= 10)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    kept = len(settled_segments())
    assert 10 <= kept < 600
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command again continues" in errors
    run("talk.wav")
    assert stream.resumed_at_s == [kept]
    assert capsys.readouterr().out.split() == " ".join(f"second {i}" for i in range(600)).split()
