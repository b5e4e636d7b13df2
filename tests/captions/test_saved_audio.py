"""The sound of a session: only where it was asked for, each sample in its place, whatever breaks."""

import errno
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.captions import saved_audio as kept_sound
from qal.captions.protocol import pack
from qal.captions.record import Record, new_id
from qal.captions.resumable_session import LiveStream
from qal.captions.saved_audio import KeptSound, SoundNotKeptError, Stretch
from qal.captions.scheduler import Scheduler
from qal.captions.session import CaptionSession
from qal.errors import StorageError
from tests.fakes import ScriptedEngine, ScriptedVad, noise

HEARD: Samples = from_pcm16(to_pcm16(noise(10_000)))  # as a wire brings it


def pcm(folder: Path) -> np.ndarray:
    return np.frombuffer((folder / "sound.pcm").read_bytes(), "<i2")


@pytest.mark.parametrize("chunk", [1, 160, 4096])
def test_sample_n_lies_at_byte_2n_and_what_was_not_asked_for_is_zero(tmp_path: Path, chunk: int):
    sound = KeptSound(tmp_path)
    for at, end in ((1000, 2000), (5000, 9000)):
        sound.keep(at)
        for first in range(at, end, chunk):
            sound.write(first, HEARD[first : min(first + chunk, end)])
        sound.stop()
    expected = HEARD[:9000].copy()
    expected[:1000] = expected[2000:5000] = 0
    assert (pcm(tmp_path) == to_pcm16(expected)).all()
    assert sound.stretches() == [Stretch(1000, 2000), Stretch(5000, 9000)]
    assert (sound.read(Stretch(5100, 5200), Stretch(4000, 5300)) == HEARD[5000:5300]).all()


@pytest.mark.parametrize("again_from", [1000, 1500, 2000])
def test_a_restarted_server_goes_on_and_what_comes_twice_is_kept_once(tmp_path: Path, again_from: int):
    first, second = KeptSound(tmp_path), KeptSound(tmp_path)
    first.keep(1200)
    first.write(1200, HEARD[1200:2000])
    second.keep(again_from)
    second.write(again_from, HEARD[again_from:3000])
    assert second.stretches() == [Stretch(1200, 3000)]
    assert (pcm(tmp_path)[1200:] == to_pcm16(HEARD[1200:3000])).all()
    assert not pcm(tmp_path)[:1200].any()  # said before it was asked for, sent again after


def test_a_wish_made_anew_before_the_end_of_what_is_kept_loses_nothing(tmp_path: Path):
    sound = KeptSound(tmp_path)
    sound.keep(0)
    sound.write(0, HEARD[:2000])
    sound.stop()
    sound.keep(1500)
    sound.write(1500, HEARD[1500:3000])
    assert sound.stretches() == [Stretch(0, 2000), Stretch(2000, 3000)]
    assert (pcm(tmp_path) == to_pcm16(HEARD[:3000])).all()


def test_what_nobody_sent_again_is_a_gap(tmp_path: Path):
    sound = KeptSound(tmp_path)
    sound.keep(0)
    sound.write(0, HEARD[:1000])
    sound.keep(1500)
    sound.write(1500, HEARD[1500:2000])
    assert sound.stretches() == [Stretch(0, 1000), Stretch(1500, 2000)]
    with pytest.raises(SoundNotKeptError, match="was not kept"):
        sound.read(Stretch(900, 1600), Stretch(900, 1600))


def test_half_a_sample_that_a_full_disk_left_moves_nothing(tmp_path: Path):
    sound = KeptSound(tmp_path)
    sound.keep(0)
    sound.write(0, HEARD[:1000])
    with (tmp_path / "sound.pcm").open("ab") as file:
        file.write(b"x")
    sound.write(1000, HEARD[1000:2000])
    assert (pcm(tmp_path) == to_pcm16(HEARD[:2000])).all()


def test_no_more_is_kept_than_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept_sound, "MAX_KEPT_SAMPLES", 1500)
    sound = KeptSound(tmp_path)
    sound.keep(0)
    for first in range(0, 3000, 1000):
        sound.write(first, HEARD[first : first + 1000])
    assert len(pcm(tmp_path)) == 1500
    sound.stop()
    sound.keep(2**53)
    assert sound.stretches() == [Stretch(0, 1500)]


def test_where_there_is_no_room_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept_sound, "MAX_KEPT_SAMPLES", 2**60)
    with pytest.raises(StorageError, match="keeping the sound needs"):
        KeptSound(tmp_path).keep(0)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def speech() -> Samples:
    return noise(10 * SAMPLE_RATE)


def open_stream(live: Path, session: str, keep_sound: bool, kept_from: int = 0) -> LiveStream:
    captions = CaptionSession("en", vad=ScriptedVad([]))
    record, scheduler = Record(live, session), Scheduler(ScriptedEngine())
    return LiveStream(record, scheduler, captions, lambda _: None, kept_from, keep_sound)


@pytest.mark.parametrize("seed", range(4))
def test_packets_in_disorder_over_restarts_leave_the_spoken_samples(tmp_path: Path, seed: int, speech: Samples):
    rng, session, at = np.random.default_rng(seed), new_id(), 0
    while at < len(speech):
        stream = open_stream(tmp_path, session, True, max(0, at - int(rng.integers(0, SAMPLE_RATE))))
        end = at + int(rng.integers(SAMPLE_RATE, 3 * SAMPLE_RATE))
        firsts = np.arange(stream.next_sample, min(end, len(speech)), 1600)
        for first in [*rng.permutation(np.repeat(firsts, 2))]:
            stream.take(pack(int(first), speech[first : first + 1600]))
        at = stream.next_sample
    assert (pcm(tmp_path / session) == to_pcm16(speech)).all()


def test_nothing_is_written_for_who_did_not_ask(tmp_path: Path, speech: Samples):
    stream = open_stream(tmp_path, session := new_id(), False)
    stream.take(pack(0, speech))
    assert [p.name for p in (tmp_path / session).iterdir()] == ["captions.jsonl"]


def test_a_full_disk_is_one_sentence(tmp_path: Path, speech: Samples, monkeypatch: pytest.MonkeyPatch):
    def full(_samples: Samples):
        raise OSError(errno.ENOSPC, "No space left on device")

    stream = open_stream(tmp_path, new_id(), True)
    monkeypatch.setattr(kept_sound, "to_pcm16", full)
    with pytest.raises(StorageError, match="no space left"):
        stream.take(pack(0, speech[:1600]))
