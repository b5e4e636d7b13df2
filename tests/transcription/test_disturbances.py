"""Files that change or vanish while they are transcribed, damaged transcripts, and folders that cannot be read."""

import os
from pathlib import Path

import pytest

from qal.engine.decoding import DecodingOptions
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.settled import Settled
from qal.errors import AudioDecodeError
from qal.transcription import identity
from qal.transcription.batch import Batch, BatchFile
from qal.transcription.identity import content_hash, transcript_key
from qal.transcription.sources import FOLDER_LINK, UNREADABLE_FOLDER, find_sources, walk_media
from qal.transcription.store import SEGMENTS_FILE, TranscriptState, transcript_writer
from qal.transcription.transcribe_source import transcribe_source
from tests.transcription.streams import BLOCK_S, OPTIONS, segment, texts, write_sound


def test_file_that_changes_while_it_is_transcribed_fails_and_keeps_only_text_of_the_file_as_it_was(
    stream, store, engine, tmp_path
):
    path = write_sound(tmp_path / "talk.wav", 12)

    def change(progress):
        if progress.settled_s:
            write_sound(path, 30, take=1)

    with pytest.raises(AudioDecodeError, match="changed while"):
        transcribe_source(path, engine, OPTIONS, store, progress=change)
    (transcript,) = store.all()
    assert transcript.state().state == "failed"
    assert len(transcript.segments()) == BLOCK_S
    changed = transcribe_source(path, engine, OPTIONS, store)
    assert (changed.key == transcript.key, len(changed.segments())) == (False, 30)
    write_sound(path, 12)
    assert len(transcribe_source(path, engine, OPTIONS, store).segments()) == 12


def test_file_that_is_deleted_while_it_is_transcribed_is_read_to_its_end(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 12)
    transcript = transcribe_source(
        path, engine, OPTIONS, store, progress=lambda found: path.unlink(missing_ok=True) if found.settled_s else None
    )
    assert transcript.is_done()
    assert len(transcript.segments()) == 12


@pytest.mark.parametrize("error", [FileNotFoundError(2, "gone"), OSError(5, "Input/output error")])
def test_file_that_cannot_be_read_stops_no_other_file_of_a_batch(error, stream, store, engine, tmp_path, monkeypatch):
    files = [BatchFile(write_sound(tmp_path / f"{i}.wav", 3, take=i)) for i in range(3)]
    require_regular = identity.require_regular

    def require_readable(path: Path) -> Path:
        if path.name == "1.wav":
            raise error
        return require_regular(path)

    monkeypatch.setattr(identity, "require_regular", require_readable)
    results = Batch(engine, OPTIONS, store).run(files)
    assert [result.state for result in results] == ["done", "failed", "done"]
    assert "1.wav" in results[1].reason


def test_pipe_is_no_file_to_hash(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioDecodeError, match=r"pipe\.wav: is a folder, a pipe"):
        content_hash(tmp_path / "pipe.wav")


@pytest.mark.parametrize("damage", ["deleted", "torn", "emptied"])
def test_done_transcript_whose_segments_are_damaged_is_completed_again(damage, stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 12)
    transcript = transcribe_source(path, engine, OPTIONS, store)
    whole, segments_file = texts(transcript.segments()), transcript.folder / SEGMENTS_FILE
    if damage == "deleted":
        segments_file.unlink()
    else:
        segments_file.write_bytes(segments_file.read_bytes()[:-40] if damage == "torn" else b"")
    assert not transcript.is_done()
    assert transcript.state().state == "stopped"
    assert "damaged" in transcript.state().reason
    assert [found.key for found in store.unfinished()] == [transcript.key]
    assert texts(transcribe_source(path, engine, OPTIONS, store).segments()) == whole
    assert transcript.is_done()
    assert transcript.state().duration_s == 12


def test_state_of_an_older_version_does_not_check_the_segments(store):
    state = TranscriptState(
        key="0" * 32, source="x", name="x", content_sha256="", model="m", options=OPTIONS, state="done"
    )
    old = state.model_dump_json(exclude={"segments_bytes"})
    transcript = store.transcript(state.key)
    transcript.folder.mkdir(parents=True)
    (transcript.folder / "state.json").write_text(old)
    assert transcript.is_done()


def test_figures_that_are_no_numbers_are_kept_in_a_transcript(store):
    state = TranscriptState(key="0" * 32, source="x", name="x", content_sha256="", model="m", options=OPTIONS)
    transcript = store.transcript(state.key)
    odd = segment("odd").__class__(0.0, 1.0, "odd", "en", float("-inf"), float("nan"))
    with transcript_writer(transcript, state, lambda: None) as writer:
        writer.append(Settled([odd], 1.0))
        writer.append(Settled([segment("next", 1.0)], 2.0))
    assert texts(transcript.segments()) == ["odd", "next"]


def test_options_that_differ_never_have_the_same_key():
    decodings = [
        OPTIONS.decoding,
        DecodingOptions(),
        DecodingOptions(words=True),
        OPTIONS.decoding.model_copy(update={"words": False}),
        OPTIONS.decoding.model_copy(update={"seed": None}),
    ]
    gate = LongformOptions().gate
    longforms = [
        LongformOptions(),
        LongformOptions(gate=type(gate)()),
        LongformOptions(gate=gate.model_copy(update={"post_roll_ms": 200})),
    ]
    variants = [OPTIONS.model_copy(update={"decoding": d, "longform": f}) for d in decodings for f in longforms]
    assert len({transcript_key("0" * 64, options, "model") for options in variants}) == len(variants)


def test_folder_that_cannot_be_read_stops_no_other_folder(tmp_path, monkeypatch):
    for name in ("a/1.wav", "b/2.wav", "c/3.wav"):
        write_sound(tmp_path / name, 1)
    scandir = os.scandir

    def scan(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", scan)
    found = find_sources([tmp_path])
    assert [source.path.name for source in found.sources] == ["1.wav", "3.wav"]
    assert found.left_out == {UNREADABLE_FOLDER: 1}
    assert len(list(walk_media(tmp_path))) == 2


def test_links_to_folders_are_counted_and_never_followed_in_a_circle(tmp_path):
    write_sound(tmp_path / "in" / "a" / "1.wav", 1)
    (tmp_path / "in" / "a" / "loop").symlink_to("..")
    (tmp_path / "in" / "self").symlink_to("self")
    (tmp_path / "in" / "link.wav").symlink_to("a/1.wav")
    found = find_sources([tmp_path / "in"])
    assert [source.path.name for source in found.sources] == ["link.wav"]
    assert found.left_out[FOLDER_LINK] == 1
