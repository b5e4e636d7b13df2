"""The pipeline behind all formats: conversion, parts, notes, repeated audio, resuming, progress."""

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qal.audio.decode import decode
from qal.corpus.importers.conversion import build, convert
from qal.corpus.importers.conversion.cutting import Part, cut_parts
from qal.corpus.importers.formats import FORMATS, find_format, format_named
from qal.corpus.importers.import_source import import_source, preview
from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem
from qal.corpus.importers.results import ImportProgress, ProblemsError
from qal.corpus.manifest import read_corpus
from qal.corpus.versions.history import list_versions
from qal.errors import CorpusError
from tests.corpus.importers.sources import clips_folder, run_import, texts, tree, write_clips
from tests.sounds import sine, write_audio, write_float_audio

ENGLISH = ListingOptions("en")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = clips_folder(tmp_path / "in", 8)
    lines = "".join(f"clips/{i}.wav,words {i}\n" for i in range(8))
    (folder / "t.csv").write_text(f"file,text\n{lines}")
    return folder


def write_channels(path: Path, channels: np.ndarray, layout: str) -> None:
    """Writes (channels, n) at 16 kHz as FLAC with a named layout."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout=layout)
        pcm = np.ascontiguousarray((channels * 32767).astype("<i2").T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, "s16", layout)
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "aiff", "mka", "3gp", "wma", "ogg"])
@pytest.mark.parametrize("name", ["a.{}", "a.bin"])
def test_recording_is_recognised_by_its_content(tmp_path: Path, suffix: str, name: str):
    (tmp_path / "in").mkdir()
    codecs = {
        "wav": "pcm_s16le",
        "mp3": "libmp3lame",
        "aiff": "pcm_s16be",
        "3gp": "aac",
        "mka": "aac",
        "wma": "wmav2",
        "ogg": "libopus",
    }
    path = tmp_path / f"in/a.{suffix}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codecs.get(suffix, "flac"), rate=48_000, layout="mono")
        stream.bit_rate = 64_000
        pcm = (sine(440, 0.5, 48_000, 0.5) * 32767).astype("<i2")[None]
        frame = av.AudioFrame.from_ndarray(pcm, "s16", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path.rename(tmp_path / "in" / name.format(suffix))
    (tmp_path / "in/a.txt").write_text("Hello")
    (row,) = run_import(tmp_path / "in", tmp_path / "out").corpus.rows
    assert (row.audio, row.duration_s) == ("audio/a.flac", pytest.approx(0.5, abs=0.15))


def test_float_audio_above_full_scale_is_scaled_down_as_a_whole_and_noted(tmp_path: Path):
    wave = sine(440, 0.5) * np.linspace(0.1, 4, 8000, dtype=np.float32)
    write_float_audio(tmp_path / "in/a.wav", wave)
    (tmp_path / "in/a.txt").write_text("Hello")
    result = run_import(tmp_path / "in", tmp_path / "out")
    (row,) = result.corpus.rows
    assert "scaled down by 12.0 dB" in row.notes[0]
    scaled = decode(result.corpus.audio_path(row))
    assert np.abs(scaled - wave / np.abs(wave).max()).max() < 1e-3
    assert preview(tmp_path / "in", ENGLISH).rows[0].notes == row.notes
    assert result.notes == ("1 example: scaled down, because its peak was above full scale.",)


def test_channels_that_cancel_are_noted(tmp_path: Path):
    wave = sine(440, 1, amplitude=0.5)
    write_audio(tmp_path / "in/a.wav", np.stack([wave, -wave]))
    (tmp_path / "in/a.txt").write_text("Hello")
    (row,) = run_import(tmp_path / "in", tmp_path / "out").corpus.rows
    assert "cancel each other out" in row.notes[0]
    (tmp_path / "in/a.txt").unlink()
    (tmp_path / "in/t.csv").write_text("file,text,start,end\na.wav,One,0,0.5\na.wav,Two,0.5,1\n")
    rows = run_import(tmp_path / "in", tmp_path / "parts").corpus.rows
    assert ["cancel each other out" in row.notes[0] for row in rows] == [True, True]


@pytest.mark.parametrize(("centre", "used"), [(0.5, "the centre is used"), (0.0, "mixed to one")])
def test_centre_of_surround_sound_is_used_where_it_holds_sound(tmp_path: Path, centre: float, used: str):
    (tmp_path / "in").mkdir()
    speech, music, bass = (sine(hz, 1, amplitude=0.5) for hz in (440, 1000, 60))
    quiet = np.zeros_like(speech)
    channels = np.stack([music, music, speech * centre / 0.5, bass, quiet, quiet])
    write_channels(tmp_path / "in/a.flac", channels, "5.1")
    (tmp_path / "in/a.txt").write_text("Hello")
    result = run_import(tmp_path / "in", tmp_path / "out")
    (row,) = result.corpus.rows
    assert used in row.notes[0]
    spectrum = np.abs(np.fft.rfft(decode(result.corpus.audio_path(row))[4000:12000]))
    assert np.argmax(spectrum) * 2 == (440 if centre else 1000)
    assert spectrum[30] < 0.01 * spectrum.max()  # the channel of low frequencies is left out


def test_channel_of_a_stereo_recording_is_a_row_of_its_own(tmp_path: Path):
    left, right = sine(300, 1, amplitude=0.5), sine(900, 1, amplitude=0.25)
    path = write_audio(tmp_path / "in/call.wav", np.stack([left, right]))
    candidates = [Candidate(AudioPiece(path, channel=i), f"speaker {i}") for i in (0, 1, 5)]
    result = import_source(tmp_path / "in", tmp_path / "out", ENGLISH, format=listing_format(candidates))
    assert [row.source for row in result.corpus.rows] == ["call.wav, channel 0", "call.wav, channel 1"]
    for row, wave in zip(result.corpus.rows, (left, right), strict=True):
        assert np.abs(decode(result.corpus.audio_path(row)) - wave).max() < 1e-3
    assert "has 2 channels, but channel 5" in result.problems[0].reason


def listing_format(entries: Sequence[Candidate | Problem], **about: Any):
    """A format that lists the given entries."""
    return replace(FORMATS[-1], name="given", list=lambda _path, _options: Listing(iter(entries), **about))


@pytest.mark.parametrize("chunk", [1, 160, 4096, 100_000])
def test_parts_do_not_depend_on_the_size_of_the_pieces(chunk: int):
    samples = np.arange(20_000, dtype=np.float32)
    spans = [(15_000, None), (0, 100), (50, 12_000), (0, 20_000), (19_000, 20_500), (19_000, 40_000), (30_000, None)]
    pieces = (samples[i : i + chunk] for i in range(0, len(samples), chunk))
    found = dict(cut_parts(pieces, [Part(*span) for span in spans]))
    for i, (start, end) in enumerate(spans[:5]):
        assert np.array_equal(found[i], samples[start:end])
    assert all("the recording ends at 1.25 s" in str(found[i]) for i in (5, 6))


def test_recording_is_read_only_as_far_as_its_last_part():
    def pieces():
        yield np.zeros(1000, np.float32)
        raise AssertionError("the rest is not needed")

    assert len(list(cut_parts(pieces(), [Part(0, 500), Part(100, 900)]))) == 2


def test_recordings_of_the_same_name_get_names_of_their_own(tmp_path: Path):
    write_clips(tmp_path / "in", ["a.wav", "A.wav", "a.bin", "a\n.wav"])
    for i, name in enumerate(("a.wav.txt", "A.wav.txt", "a.bin.txt", "a\n.wav.txt")):
        (tmp_path / "in" / name).write_text(f"words {i}")
    result = run_import(tmp_path / "in", tmp_path / "out")
    assert len({row.audio.rsplit(".", 1)[0].casefold() for row in result.corpus.rows}) == 4
    assert all(row.audio.isprintable() for row in result.corpus.rows)


def test_recording_in_train_and_test_is_named(tmp_path: Path):
    folder = clips_folder(tmp_path / "in")
    (folder / "clips/2.wav").write_bytes((folder / "clips/0.wav").read_bytes())
    (folder / "t.csv").write_text(
        "file,text,split\nclips/0.wav,One,train\nclips/1.wav,Two,train\nclips/2.wav,Three,test\n"
    )
    result = run_import(folder, tmp_path / "out")
    assert "1 example has the same audio as another one" in result.notes[0]
    assert "1 of these recordings have different texts" in result.notes[0]
    assert "1 of 1 test examples has audio that is also trained on" in result.corpus.info.split_note


def test_bare_16_khz_wav_is_copied_as_it_is(folder: Path, tmp_path: Path):
    result = run_import(folder, tmp_path / "out")
    assert (tmp_path / "out/audio/clips/3.wav").read_bytes() == (folder / "clips/3.wav").read_bytes()
    assert not (tmp_path / "out/audio/clips/3.wav").samefile(folder / "clips/3.wav")
    assert len(result.corpus.rows) == 8


def test_source_is_never_changed_and_the_preview_writes_nothing(folder: Path, tmp_path: Path):
    before = tree(tmp_path)
    preview(folder, ENGLISH)
    assert tree(tmp_path) == before
    run_import(folder, tmp_path / "out")
    assert tree(tmp_path, "out") == before


class Stop(Exception):
    pass


def stop_after(count: int):
    """A check that stops the import after so many examples were written."""

    def check() -> None:
        if len(list(check.folder.glob(".out-import-*/new/audio/**/*.*"))) >= count:  # type: ignore[attr-defined]
            raise Stop

    return check


def test_interrupted_import_is_continued(folder: Path, tmp_path: Path):
    check = stop_after(3)
    check.folder = tmp_path  # type: ignore[attr-defined]
    with pytest.raises(Stop):
        import_source(folder, tmp_path / "out", ENGLISH, check=check)
    assert not (tmp_path / "out").exists()
    result = import_source(folder, tmp_path / "out", ENGLISH)
    assert 3 <= result.resumed < 8
    assert texts(result) == [f"words {i}" for i in range(8)]
    whole = import_source(folder, tmp_path / "other", ENGLISH)
    assert result.corpus.info.version == whole.corpus.info.version
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "other", "out"]


def import_slowly(folder: Path, out: Path) -> None:
    import_source(folder, out, ENGLISH, check=lambda: time.sleep(0.05))


def test_killed_import_is_continued(folder: Path, tmp_path: Path):
    process = multiprocessing.get_context("fork").Process(target=import_slowly, args=(folder, tmp_path / "out"))
    process.start()
    deadline_s = time.monotonic() + 30
    while len(list(tmp_path.glob(".out-import-*/new/audio/**/*.wav"))) < 3 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    result = import_source(folder, tmp_path / "out", ENGLISH)
    assert result.resumed >= 1
    assert texts(result) == [f"words {i}" for i in range(8)]


@pytest.mark.parametrize("renamed", ["new", "out"])
@pytest.mark.parametrize("language", ["en", "am"])
def test_corpus_that_a_killed_import_was_replacing_is_put_back_with_its_versions(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, renamed: str, language: str
):
    out = tmp_path / "out"
    import_source(folder, out, ENGLISH)
    [first] = list_versions(out)
    rename = Path.rename

    def rename_or_stop(path: Path, target: Path) -> Path:
        if path.name == renamed:
            raise Stop
        return rename(path, target)

    (folder / "t.csv").write_text("file,text\nclips/0.wav,other words\n")
    monkeypatch.setattr(Path, "rename", rename_or_stop)
    with pytest.raises(Stop):
        import_source(folder, out, ENGLISH, force=True)
    monkeypatch.undo()
    with pytest.raises(CorpusError, match="exists and is not empty"):
        import_source(folder, out, ListingOptions(language))
    assert len(read_corpus(out).rows) == 8
    assert first in list_versions(out)
    assert texts(import_source(folder, out, ListingOptions(language), force=True)) == ["other words"]
    assert first in list_versions(out)


@pytest.mark.parametrize(("name", "reason"), [("7.wav", "no longer there"), ("7.mp3", "there is no such file")])
def test_recording_that_is_deleted_during_an_import_is_named(folder: Path, tmp_path: Path, name: str, reason: str):
    (folder / "clips/7.wav").rename(folder / "clips" / name)

    def check() -> None:
        if list(tmp_path.glob(".out-import-*/new/audio/clips/*")):
            (folder / "clips" / name).unlink(missing_ok=True)

    result = import_source(folder, tmp_path / "out", ENGLISH, check=check)
    assert len(result.corpus.rows) == 7
    assert reason in result.problems[0].reason


def test_changes_between_an_interruption_and_its_continuation_are_taken_over(folder: Path, tmp_path: Path):
    check = stop_after(5)
    check.folder = tmp_path  # type: ignore[attr-defined]
    with pytest.raises(Stop):
        import_source(folder, tmp_path / "out", ENGLISH, check=check)
    lines = [f"clips/{i}.wav,{'changed' if i == 1 else 'words'} {i}\n" for i in range(8) if i != 2]
    (folder / "t.csv").write_text(f"file,text\n{''.join(lines)}")
    write_audio(folder / "clips/0.wav", sine(999, 0.3, amplitude=0.5))
    result = import_source(folder, tmp_path / "out", ENGLISH)
    assert texts(result) == ["words 0", "changed 1", *(f"words {i}" for i in range(3, 8))]
    assert result.corpus.rows[0].duration_s == 0.3
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out/audio").rglob("*.*")}
    assert files == {row.audio for row in result.corpus.rows}


def test_torn_last_line_of_the_journal_and_a_cut_off_file_are_converted_again(folder: Path, tmp_path: Path):
    check = stop_after(6)
    check.folder = tmp_path  # type: ignore[attr-defined]
    with pytest.raises(Stop):
        import_source(folder, tmp_path / "out", ENGLISH, check=check)
    (staging,) = tmp_path.glob(".out-import-*")
    journal = staging / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    (staging / "new/audio/clips/0.wav").write_bytes(b"RIFF")
    result = import_source(folder, tmp_path / "out", ENGLISH)
    assert texts(result) == [f"words {i}" for i in range(8)]
    assert decode(result.corpus.audio_path(result.corpus.rows[0])).size == 1600


def test_import_with_other_options_starts_anew(folder: Path, tmp_path: Path):
    check = stop_after(3)
    check.folder = tmp_path  # type: ignore[attr-defined]
    with pytest.raises(Stop):
        import_source(folder, tmp_path / "out", ENGLISH, check=check)
    result = import_source(folder, tmp_path / "out", ListingOptions("am"))
    assert (result.resumed, result.corpus.info.languages) == (0, ("am",))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_second_import_into_the_same_folder_is_refused_while_the_first_runs(folder: Path, tmp_path: Path):
    refused: list[str] = []

    def start_another(progress: ImportProgress) -> None:
        if progress.stage == "convert" and not refused:
            with pytest.raises(CorpusError, match="is running") as error:
                import_source(folder, tmp_path / "out", ENGLISH)
            refused.append(str(error.value))

    import_source(folder, tmp_path / "out", ENGLISH, on_progress=start_another)
    assert len(refused) == 1


def test_progress_counts_all_entries_and_ends_with_the_total(folder: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(build, "PROGRESS_S", 0.0)
    seen: list[ImportProgress] = []
    import_source(folder, tmp_path / "out", ENGLISH, on_progress=seen.append)
    converted = [progress for progress in seen if progress.stage == "convert"]
    assert (converted[-1].done, converted[-1].total, converted[-1].eta_s) == (8, 8, 0)
    assert [progress.done for progress in converted] == sorted(progress.done for progress in converted)
    assert (seen[0].stage, seen[-1].stage) == ("list", "write")


def test_progress_is_shown_while_one_long_recording_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(build, "PROGRESS_S", 0.0)
    monkeypatch.setattr(convert, "WAITING_S", 0.01)
    write_audio(tmp_path / "in/long.wav", sine(440, 20, 44_100, 0.5), 44_100)
    lines = "".join(f"long.wav,words {i},{i},{i + 1}\n" for i in range(20))
    (tmp_path / "in/t.csv").write_text(f"file,text,start,end\n{lines}")
    done: list[int] = []
    import_source(
        tmp_path / "in",
        tmp_path / "out",
        ENGLISH,
        on_progress=lambda progress: done.append(progress.done),
        check=lambda: time.sleep(0.001),
    )
    assert len(set(done)) > 2


def test_part_of_a_list_that_is_longer_than_the_memory_allows_is_listed_while_it_is_converted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(build, "MAX_LISTED", 3)
    seen: list[ImportProgress] = []
    result = import_source(folder, tmp_path / "out", ENGLISH, on_progress=seen.append)
    assert texts(result) == [f"words {i}" for i in range(8)]
    assert all(progress.total is None for progress in seen)


def test_too_many_unreadable_recordings_stop_the_import_early(folder: Path, tmp_path: Path):
    for i in range(4):
        (folder / f"clips/{i}.wav").write_bytes(b"RIFF no audio")
    with pytest.raises(ProblemsError, match="of 8 entries cannot be used"):
        import_source(folder, tmp_path / "out", ENGLISH)
    assert not (tmp_path / "out").exists()


def test_what_the_format_says_about_its_source_is_recorded(folder: Path, tmp_path: Path):
    candidates = [Candidate(AudioPiece(folder / "clips/0.wav"), "Hello", marks=("too loud",), notes=("by hand",))]
    about = {"licence": "CC0-1.0", "attribution": "Anna", "source": "a survey", "notes": "Read aloud."}
    corpus = import_source(folder, tmp_path / "out", ENGLISH, format=listing_format(candidates, **about)).corpus
    assert (corpus.info.licence, corpus.info.attribution, corpus.info.source) == ("CC0-1.0", "Anna", "a survey")
    assert corpus.info.notes == "Read aloud."
    assert (corpus.rows[0].marks, corpus.rows[0].notes) == (("too loud",), ("by hand",))


def test_format_is_found_or_named_and_an_unknown_one_is_an_error(folder: Path, tmp_path: Path):
    assert find_format(folder).name == "table"
    assert format_named("folder").name == "folder"
    with pytest.raises(CorpusError, match=r"no format 'kaldo'; use one of .*table"):
        format_named("kaldo")
    (tmp_path / "x.bin").write_bytes(b"something")
    with pytest.raises(CorpusError, match=r"not recognised as any of: .*a table of recordings"):
        find_format(tmp_path / "x.bin")
    with pytest.raises(CorpusError, match="there is no such file or folder"):
        preview(tmp_path / "missing", ENGLISH)


def test_import_that_too_many_problems_stop_is_continued_when_more_are_allowed(tmp_path: Path):
    names = [f"{i}.wav" for i in range(12)]
    write_clips(tmp_path / "in", names)
    for name in names[9:]:
        (tmp_path / "in" / name).write_bytes(b"no audio")
    lines = [f"{name},text {name[0]}" for name in names]
    (tmp_path / "in" / "clips.csv").write_text("\n".join(["file,text", *lines]), encoding="utf-8")
    with pytest.raises(ProblemsError, match="What was converted is kept"):
        run_import(tmp_path / "in", tmp_path / "out", max_problem_share=0.1)
    assert not (tmp_path / "out").exists()
    result = run_import(tmp_path / "in", tmp_path / "out", max_problem_share=0.5)
    assert result.resumed == 9
    assert len(result.corpus.rows) == 9
    assert not list(tmp_path.glob(".out-import-*"))


def test_import_that_stops_before_anything_was_converted_leaves_nothing_behind(tmp_path: Path):
    write_clips(tmp_path / "in", ["0.wav"])
    lines = ["file,text", "0.wav,hello", *[f"missing{i}.wav,text" for i in range(5)]]
    (tmp_path / "in" / "clips.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        run_import(tmp_path / "in", tmp_path / "out", max_problem_share=0.1)
    assert "kept" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
