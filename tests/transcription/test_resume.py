"""A single file: an interrupted transcription continues where it was, and equals one that was not interrupted."""

import threading
import time

import pytest

from qal.engine.longform.settled import Continuation
from qal.errors import AudioDecodeError, OptionError
from qal.transcription.control import RunControl, TranscriptionStopped
from qal.transcription.store import (
    SEGMENTS_FILE,
    TranscriptState,
    TranscriptStore,
    transcript_writer,
)
from qal.transcription.transcribe_source import transcribe_source
from tests.transcription.streams import BLOCK_S, OPTIONS, FolderEngine, texts, write_sound
from tests.waiting import wait_until


class Interruption(BaseException):
    """Stands for Ctrl-C or a kill."""


def stop_after(control: RunControl, seconds: float):
    def progress(found):
        if found.settled_s >= seconds:
            control.stop()

    return progress


def test_transcript_holds_the_segments_and_state_of_a_file(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 12)
    found = []
    transcript = transcribe_source(path, engine, OPTIONS, store, progress=found.append)
    state = transcript.state()
    assert texts(transcript.segments()) == [f"second {i}" for i in range(12)]
    assert (state.state, state.settled_s, state.duration_s, state.name) == ("done", 12, 12, "talk.wav")
    assert state.notes == ("the sound was scripted",)
    assert [(p.settled_s, p.duration_s) for p in found] == [(0, 12), (5, 12), (10, 12), (12, 12)]
    assert found[0].eta_s is None
    assert found[1].eta_s is not None
    assert found[-1].eta_s == 0


@pytest.mark.parametrize("seconds", [5, 10, 15])
def test_stopped_file_resumes_where_it_was_and_equals_an_uninterrupted_one(seconds, stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 22)
    control = RunControl()
    stopped = transcribe_source(path, engine, OPTIONS, store, control, stop_after(control, seconds))
    assert stopped.state().state == "stopped"
    assert stopped.state().settled_s == seconds
    assert len(stopped.segments()) == seconds
    finished = transcribe_source(path, engine, OPTIONS, store)
    whole = transcribe_source(path, engine, OPTIONS, TranscriptStore(tmp_path / "others"))
    assert stream.resumed_at_s == [0, seconds, 0]
    assert stream.continuations[1] == Continuation("en", f"{seconds}")
    assert finished.key == stopped.key
    assert finished.segments() == whole.segments()
    assert finished.state().state == "done"


def test_done_file_is_not_transcribed_again_also_under_another_name(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 7)
    first = transcribe_source(path, engine, OPTIONS, store)
    again = transcribe_source(path.rename(tmp_path / "renamed.wav"), engine, OPTIONS, store)
    assert again.key == first.key
    assert len(stream.resumed_at_s) == 1
    assert again.state().source.endswith("renamed.wav")


@pytest.mark.parametrize(
    "changes",
    [{"language": "ru"}, {"task": "translate"}, {"decoding": OPTIONS.decoding.model_copy(update={"beam_size": 5})}],
)
def test_other_options_make_another_transcript(changes, stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 7)
    first = transcribe_source(path, engine, OPTIONS, store)
    other = transcribe_source(path, engine, OPTIONS.model_copy(update=changes), store)
    assert other.key != first.key
    assert len(stream.resumed_at_s) == 2


def test_another_model_makes_another_transcript_and_a_copy_of_the_model_does_not(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 7)
    first = transcribe_source(path, engine, OPTIONS, store)
    copy = FolderEngine(directory=engine.directory.rename(tmp_path / "copy"))
    named = OPTIONS.model_copy(update={"model": "another name"})
    assert transcribe_source(path, copy, named, store).key == first.key
    (copy.directory / "model.bin").write_bytes(b"trained further")
    assert transcribe_source(path, copy, named, store).key != first.key
    float32 = FolderEngine(directory=copy.directory, compute_type="float32")
    assert len({transcribe_source(path, e, named, store).key for e in (copy, float32)}) == 2


def test_batch_size_is_not_part_of_the_key(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 7)
    small = OPTIONS.model_copy(update={"longform": OPTIONS.longform.model_copy(update={"batch_size": 1})})
    first = transcribe_source(path, engine, OPTIONS, store)
    assert transcribe_source(path, engine, small, store).key == first.key


def test_torn_last_line_of_segments_is_ignored_and_replaced(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 17)
    control = RunControl()
    transcript = transcribe_source(path, engine, OPTIONS, store, control, stop_after(control, 10))
    with (transcript.folder / SEGMENTS_FILE).open("ab") as file:
        file.write(b'{"settled_s": 15, "segm')
    assert len(transcript.segments()) == 10
    transcribe_source(path, engine, OPTIONS, store)
    assert stream.resumed_at_s == [0, 10]
    assert texts(transcript.segments()) == [f"second {i}" for i in range(17)]


def test_interrupted_file_is_a_stopped_one(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 17)

    def interrupt(progress):
        if progress.settled_s:
            raise Interruption

    with pytest.raises(Interruption):
        transcribe_source(path, engine, OPTIONS, store, progress=interrupt)
    (transcript,) = store.unfinished()
    assert transcript.state().state == "stopped"
    assert len(transcript.segments()) == BLOCK_S


def test_transcript_whose_process_died_is_listed_as_stopped(store):
    new = TranscriptState(key="0" * 32, source="x", name="x", content_sha256="", model="m", options=OPTIONS)
    transcript = store.transcript(new.key)
    with transcript_writer(transcript, new, lambda: None) as writer:
        writer.update(state="running")
        assert transcript.state().state == "running"
        with pytest.raises(OptionError, match="stop it first"):
            store.delete(new.key)
    assert transcript.state().state == "stopped"
    assert "continue" in transcript.state().reason
    store.delete(new.key)
    assert store.all() == []


def test_failed_file_says_why_and_keeps_nothing_else_from_it(stream, store, engine, tmp_path):
    path = tmp_path / "broken.wav"
    path.write_text("no sound")
    with pytest.raises(AudioDecodeError, match="broken"):
        transcribe_source(path, engine, OPTIONS, store)
    (transcript,) = store.all()
    assert transcript.state().state == "failed"
    assert "not readable" in transcript.state().reason


def test_missing_file_is_an_error_that_names_it(store, engine, tmp_path):
    with pytest.raises(AudioDecodeError, match=r"gone\.wav"):
        transcribe_source(tmp_path / "gone.wav", engine, OPTIONS, store)


def test_two_writers_of_one_transcript_wait_for_each_other(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 7)
    may_run = threading.Event()
    first = threading.Thread(target=transcribe_source, args=(path, engine, OPTIONS, store, RunControl(may_run.is_set)))
    first.start()
    wait_until(lambda: bool(store.all()))
    second = threading.Thread(target=transcribe_source, args=(path, engine, OPTIONS, store))
    second.start()
    time.sleep(0.3)
    assert second.is_alive()
    may_run.set()
    first.join()
    second.join()
    assert len(stream.resumed_at_s) == 1
    assert store.all()[0].is_done()


def test_waiting_for_another_writer_can_be_stopped(store, engine, tmp_path):
    new = TranscriptState(key="0" * 32, source="x", name="x", content_sha256="", model="m", options=OPTIONS)
    control = RunControl()
    control.stop()
    with transcript_writer(store.transcript(new.key), new, lambda: None):  # noqa: SIM117
        with pytest.raises(TranscriptionStopped):
            with transcript_writer(store.transcript(new.key), new, control.raise_if_stopped):
                pass


@pytest.mark.parametrize("key", ["../x", "0" * 31, "G" * 32, None, "0" * 32 + "/"])
def test_keys_that_could_be_paths_are_refused(key, store):
    with pytest.raises(OptionError):
        store.transcript(key)


def test_separate_channels_resume_each_where_it_was(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "call.wav", 17, channels=2)
    control = RunControl()
    transcript = transcribe_source(path, engine, OPTIONS, store, control, stop_after(control, 5))
    first_run = [(s.channel, s.text) for s in transcript.segments()]
    assert {channel for channel, _ in first_run} == {0, 1}
    transcribe_source(path, engine, OPTIONS, store)
    expected = [(channel, f"second {i}") for i in range(17) for channel in (0, 1)]
    assert [(s.channel, s.text) for s in transcript.segments()] == expected
    assert min(stream.resumed_at_s[2:]) == 5


def test_file_without_speech_says_so(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "silent.wav", 0)
    transcript = transcribe_source(path, engine, OPTIONS, store)
    assert transcript.state().state == "done"
    assert "no speech" in transcript.state().notes[-1]


def test_file_waits_while_live_captions_have_requests(stream, store, engine, tmp_path):
    path = write_sound(tmp_path / "talk.wav", 7)
    asked = iter([False, False, *[True] * 100])
    transcript = transcribe_source(path, engine, OPTIONS, store, RunControl(may_run=lambda: next(asked)))
    assert len(transcript.segments()) == 7


def test_batches_are_small_while_live_captions_use_the_engine(stream, store, engine, tmp_path):
    sizes = []
    transcribe = engine.transcribe
    engine.transcribe = lambda utterances, options: sizes.append(len(utterances)) or transcribe(utterances, options)
    transcribe_source(write_sound(tmp_path / "a.wav", 7), engine, OPTIONS, store, RunControl(max_batch=lambda: 2))
    assert sizes == [2, 2, 1, 2]
