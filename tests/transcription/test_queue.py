"""The queue: files one after the other or at once, pause, resume, stop, errors, and what a restart leaves."""

import threading
from pathlib import Path

import pytest

from qal.errors import ModelError, OptionError
from qal.transcription.queue import TranscriptionQueue
from qal.transcription.store import TranscriptStore
from tests.transcription.streams import OPTIONS, FolderEngine, write_sound
from tests.waiting import wait_until


class Gate:
    """`may_run` of a queue: lets files run as long as it is open."""

    def __init__(self, is_open: bool = True):
        self._event = threading.Event()
        if is_open:
            self._event.set()

    def __call__(self) -> bool:
        return self._event.is_set()

    def open(self) -> None:
        self._event.set()


def make_queue(store: TranscriptStore, engine: FolderEngine, workers: int = 1, gate: Gate | None = None):
    return TranscriptionQueue(store, lambda options: engine, workers, gate or Gate())


def states(queue: TranscriptionQueue) -> list[str]:
    return [file.state for file in queue.files()]


def add_files(queue: TranscriptionQueue, folder: Path, count: int, seconds: int = 12) -> list[str]:
    paths = [write_sound(folder / f"{i}.wav", seconds, take=i) for i in range(count)]
    return [queue.add(path, OPTIONS).id for path in paths]


@pytest.mark.parametrize("workers", [1, 3])
def test_queue_transcribes_all_files(workers, stream, store, engine, tmp_path):
    queue = make_queue(store, engine, workers)
    ids = add_files(queue, tmp_path, 5)
    assert queue.wait(30)
    assert states(queue) == ["done"] * 5
    for file_id in ids:
        transcript = queue.transcript(file_id)
        assert transcript is not None
        assert len(transcript.segments()) == 12


def test_error_of_a_file_stops_no_other_file(stream, store, engine, tmp_path):
    queue = make_queue(store, engine)
    broken = tmp_path / "broken.wav"
    broken.write_text("no sound")
    queue.add(broken, OPTIONS)
    queue.add(tmp_path / "missing.wav", OPTIONS)
    add_files(queue, tmp_path, 1)
    assert queue.wait(30)
    assert states(queue) == ["failed", "failed", "done"]
    assert ["broken.wav" in queue.files()[0].reason, "missing.wav" in queue.files()[1].reason] == [True, True]


def test_model_that_cannot_be_loaded_fails_its_file_alone(stream, store, engine, tmp_path):
    def load(options):
        if options.model == "none":
            raise ModelError("none: there is no such model; choose another one")
        return engine

    queue = TranscriptionQueue(store, load)
    queue.add(write_sound(tmp_path / "a.wav", 3), OPTIONS.model_copy(update={"model": "none"}))
    queue.add(write_sound(tmp_path / "a.wav", 3), OPTIONS)
    assert queue.wait(30)
    assert states(queue) == ["failed", "done"]


def test_error_of_the_program_does_not_end_the_worker(stream, store, engine, tmp_path):
    engine.transcribe = lambda utterances, options: 1 / 0
    queue = make_queue(store, engine)
    add_files(queue, tmp_path, 2)
    assert queue.wait(30)
    assert states(queue) == ["failed", "failed"]
    assert "ZeroDivisionError" in queue.files()[0].reason


def test_paused_file_gives_its_worker_to_the_next_and_goes_on_later(stream, store, engine, tmp_path):
    gate = Gate(is_open=False)
    queue = make_queue(store, engine, gate=gate)
    first, _ = add_files(queue, tmp_path, 2)
    wait_until(lambda: states(queue) == ["running", "waiting"])
    queue.pause(first)
    assert states(queue) == ["paused", "running"]
    gate.open()
    assert queue.wait(30)
    assert states(queue) == ["paused", "done"]
    queue.resume(first)
    assert queue.wait(30)
    assert states(queue) == ["done", "done"]


def test_all_files_are_paused_and_resumed(stream, store, engine, tmp_path):
    gate = Gate(is_open=False)
    queue = make_queue(store, engine, gate=gate)
    add_files(queue, tmp_path, 3)
    queue.pause_all()
    gate.open()
    assert states(queue) == ["paused"] * 3
    queue.resume_all()
    assert queue.wait(30)
    assert states(queue) == ["done"] * 3


def test_stopped_file_keeps_what_is_settled_and_can_be_continued(stream, store, engine, tmp_path):
    gate = Gate()
    seen = threading.Event()

    def on_change(file):
        if file.settled_s >= 5 and not seen.is_set():
            seen.set()
            queue.stop(file.id)

    queue = TranscriptionQueue(store, lambda options: engine, may_run=gate, on_change=on_change)
    (file_id,) = add_files(queue, tmp_path, 1)
    assert queue.wait(30)
    assert queue.find(file_id).state == "stopped"
    (transcript,) = store.all()
    assert len(transcript.segments()) == 5
    queue.resume(file_id)
    assert queue.wait(30)
    assert queue.find(file_id).state == "done"
    assert stream.resumed_at_s == [0, 5]


def test_all_files_are_stopped(stream, store, engine, tmp_path):
    queue = make_queue(store, engine, gate=Gate(is_open=False))
    add_files(queue, tmp_path, 3)
    queue.stop_all()
    assert queue.wait(30)
    assert states(queue) == ["stopped"] * 3


def test_unfinished_files_are_listed_after_a_restart_and_can_be_continued(stream, store, engine, tmp_path):
    queue = make_queue(store, engine, gate=Gate(is_open=False))
    ids = add_files(queue, tmp_path, 2)
    wait_until(lambda: states(queue) == ["running", "waiting"])
    restarted = make_queue(store, engine)  # the first one is as a killed process left it
    assert [file.id for file in restarted.files()] == ids
    assert states(restarted) == ["stopped", "stopped"]
    assert "restarted" in restarted.files()[0].reason
    queue.close()
    for file_id in ids:
        restarted.resume(file_id)
    assert restarted.wait(30)
    assert states(restarted) == ["done", "done"]


def test_close_stops_all_files_and_refuses_new_ones(stream, store, engine, tmp_path):
    queue = make_queue(store, engine, gate=Gate(is_open=False))
    add_files(queue, tmp_path, 2)
    queue.close()
    assert states(queue)[0] == "stopped"
    with pytest.raises(OptionError):
        queue.add(tmp_path / "0.wav", OPTIONS)


def test_removed_file_is_no_longer_listed_and_its_transcript_is_kept(stream, store, engine, tmp_path):
    queue = make_queue(store, engine)
    (file_id,) = add_files(queue, tmp_path, 1)
    assert queue.wait(30)
    queue.remove(file_id)
    assert queue.files() == []
    assert len(store.all()) == 1
    assert make_queue(store, engine).files() == []
    with pytest.raises(OptionError):
        queue.find(file_id)


def test_order_of_files_changes_no_text(stream, store, engine, tmp_path):
    paths = [write_sound(tmp_path / f"{i}.wav", 6 + i) for i in range(4)]
    forward, backward = (TranscriptStore(tmp_path / name) for name in ("forward", "backward"))
    for target, order in ((forward, paths), (backward, paths[::-1])):
        queue = TranscriptionQueue(target, lambda options: engine, workers=2)
        for path in order:
            queue.add(path, OPTIONS)
        assert queue.wait(30)
    for transcript in forward.all():
        assert transcript.segments() == backward.transcript(transcript.key).segments()
