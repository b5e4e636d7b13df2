"""Saved audio: written only on request, each sample at its position, in spite of restarts and failed writes."""

import errno
import stat
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.captions import saved_audio
from qal.captions.protocol import pack
from qal.captions.record import SessionRecord, make_private, new_session_id
from qal.captions.resumable_session import ResumableSession
from qal.captions.saved_audio import AUDIO_FILE, AudioNotSavedError, SampleRange, SavedAudio
from qal.captions.scheduler import Scheduler
from qal.captions.session import CaptionSession
from qal.errors import StorageError
from tests.fakes import ScriptedEngine, ScriptedVad, noise

SAMPLES: Samples = from_pcm16(to_pcm16(noise(10_000)))  # rounded to 16 bits, as the protocol sends them


def saved_pcm(folder: Path) -> np.ndarray:
    return np.frombuffer((folder / AUDIO_FILE).read_bytes(), "<i2")


@pytest.mark.parametrize("chunk", [1, 160, 4096])
def test_sample_n_is_at_byte_2n_and_samples_outside_of_saved_ranges_are_zero(tmp_path: Path, chunk: int):
    audio = SavedAudio(tmp_path)
    for start, end in ((1000, 2000), (5000, 9000)):
        audio.start(start)
        for first in range(start, end, chunk):
            audio.write(first, SAMPLES[first : min(first + chunk, end)])
        audio.stop()
    expected = SAMPLES[:9000].copy()
    expected[:1000] = expected[2000:5000] = 0
    assert (saved_pcm(tmp_path) == to_pcm16(expected)).all()
    assert audio.saved_ranges() == [SampleRange(1000, 2000), SampleRange(5000, 9000)]
    assert (audio.read(SampleRange(5100, 5200), SampleRange(4000, 5300)) == SAMPLES[5000:5300]).all()


@pytest.mark.parametrize("resent_from", [1000, 1500, 2000])
def test_restarted_server_continues_the_range_and_writes_resent_samples_once(tmp_path: Path, resent_from: int):
    before_restart, after_restart = SavedAudio(tmp_path), SavedAudio(tmp_path)
    before_restart.start(1200)
    before_restart.write(1200, SAMPLES[1200:2000])
    after_restart.start(resent_from)
    after_restart.write(resent_from, SAMPLES[resent_from:3000])
    assert after_restart.saved_ranges() == [SampleRange(1200, 3000)]
    assert (saved_pcm(tmp_path)[1200:] == to_pcm16(SAMPLES[1200:3000])).all()
    assert not saved_pcm(tmp_path)[:1200].any()  # resent, but from before the request to save


def test_new_range_that_starts_before_the_end_of_the_last_one_loses_nothing(tmp_path: Path):
    audio = SavedAudio(tmp_path)
    audio.start(0)
    audio.write(0, SAMPLES[:2000])
    audio.stop()
    audio.start(1500)
    audio.write(1500, SAMPLES[1500:3000])
    assert audio.saved_ranges() == [SampleRange(0, 2000), SampleRange(2000, 3000)]
    assert (saved_pcm(tmp_path) == to_pcm16(SAMPLES[:3000])).all()


def test_samples_that_were_not_resent_are_a_gap_between_ranges(tmp_path: Path):
    audio = SavedAudio(tmp_path)
    audio.start(0)
    audio.write(0, SAMPLES[:1000])
    audio.start(1500)
    audio.write(1500, SAMPLES[1500:2000])
    assert audio.saved_ranges() == [SampleRange(0, 1000), SampleRange(1500, 2000)]
    with pytest.raises(AudioNotSavedError, match="was not saved"):
        audio.read(SampleRange(900, 1600), SampleRange(900, 1600))


def test_torn_last_sample_after_a_full_disk_is_overwritten(tmp_path: Path):
    audio = SavedAudio(tmp_path)
    audio.start(0)
    audio.write(0, SAMPLES[:1000])
    with (tmp_path / AUDIO_FILE).open("ab") as file:
        file.write(b"x")
    audio.write(1000, SAMPLES[1000:2000])
    assert (saved_pcm(tmp_path) == to_pcm16(SAMPLES[:2000])).all()


def test_audio_after_the_maximum_duration_is_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(saved_audio, "MAX_SAVED_SAMPLES", 1500)
    audio = SavedAudio(tmp_path)
    audio.start(0)
    for first in range(0, 3000, 1000):
        audio.write(first, SAMPLES[first : first + 1000])
    assert len(saved_pcm(tmp_path)) == 1500
    audio.stop()
    audio.start(2**53)
    assert audio.saved_ranges() == [SampleRange(0, 1500)]


def test_no_file_is_created_if_the_longest_recording_does_not_fit_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(saved_audio, "MAX_SAVED_SAMPLES", 2**60)
    with pytest.raises(StorageError, match="saving the audio needs"):
        SavedAudio(tmp_path).start(0)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def speech() -> Samples:
    return noise(10 * SAMPLE_RATE)


def open_session(live: Path, session_id: str, save_audio: bool, kept_from: int = 0) -> ResumableSession:
    session = CaptionSession("en", vad=ScriptedVad([]))
    record, scheduler = SessionRecord(live, session_id), Scheduler(ScriptedEngine())
    return ResumableSession(record, scheduler, session, lambda _: None, kept_from, save_audio)


@pytest.mark.parametrize("seed", range(4))
def test_reordered_packets_and_restarts_save_the_samples_of_the_stream(tmp_path: Path, seed: int, speech: Samples):
    rng, session_id, received = np.random.default_rng(seed), new_session_id(), 0
    while received < len(speech):
        kept_from = max(0, received - int(rng.integers(0, SAMPLE_RATE)))
        session = open_session(tmp_path, session_id, True, kept_from)
        end = received + int(rng.integers(SAMPLE_RATE, 3 * SAMPLE_RATE))
        firsts = np.arange(session.next_sample, min(end, len(speech)), 1600)
        for first in [*rng.permutation(np.repeat(firsts, 2))]:
            session.receive(pack(int(first), speech[first : first + 1600]))
        received = session.next_sample
    assert (saved_pcm(tmp_path / session_id) == to_pcm16(speech)).all()


def test_no_audio_is_written_without_a_request(tmp_path: Path, speech: Samples):
    session_id = new_session_id()
    open_session(tmp_path, session_id, False).receive(pack(0, speech))
    assert [p.name for p in (tmp_path / session_id).iterdir()] == ["captions.jsonl"]


def test_full_disk_is_a_storage_error(tmp_path: Path, speech: Samples, monkeypatch: pytest.MonkeyPatch):
    def fail(_samples: Samples):
        raise OSError(errno.ENOSPC, "No space left on device")

    session = open_session(tmp_path, new_session_id(), True)
    monkeypatch.setattr(saved_audio, "to_pcm16", fail)
    with pytest.raises(StorageError, match="no space left"):
        session.receive(pack(0, speech[:1600]))


def test_sessions_are_readable_by_the_account_of_the_server_only(tmp_path):
    live = tmp_path / "live"
    old = live / "an-earlier-session" / "captions.jsonl"
    old.parent.mkdir(parents=True)
    old.touch()
    (live / "notes").mkdir()
    for path in (live, old.parent, old, live / "notes"):
        path.chmod(0o755)
    make_private(live)
    record = SessionRecord(live, "a-session-of-today")
    record.create()
    audio = SavedAudio(record.folder)
    audio.start(0)
    audio.write(0, np.zeros(1600, np.float32))
    audio.stop()
    paths = [live, old.parent, old, record.folder, *record.folder.iterdir()]
    assert {path.name: stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths if path.stat().st_mode & 0o077} == {}
    assert stat.S_IMODE((live / "notes").stat().st_mode) == 0o755  # not a session


def test_private_folder_is_created_and_a_shared_one_is_refused(tmp_path):
    make_private(tmp_path / "new" / "live")
    assert stat.S_IMODE((tmp_path / "new" / "live").stat().st_mode) == 0o700
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp").chmod(0o1777)
    with pytest.raises(StorageError, match="shared"):
        make_private(tmp_path / "tmp")
    assert stat.S_IMODE((tmp_path / "tmp").stat().st_mode) == 0o1777


def test_folder_of_the_sessions_that_is_a_link_is_made_private(tmp_path):
    (tmp_path / "disk").mkdir(0o755)
    (tmp_path / "live").symlink_to(tmp_path / "disk")
    make_private(tmp_path / "live")
    assert stat.S_IMODE((tmp_path / "disk").stat().st_mode) == 0o700
