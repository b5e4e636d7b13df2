"""A full, small or read-only disk: the reason is kept, and the sentence has units that can be read."""

import errno
import os
import shutil
from pathlib import Path

import pytest

import train_whisper_lightning as script
from qal import storage
from qal.errors import StorageError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import RESERVE_BYTES, Run, begin_attempt, create_run
from qal.storage import format_bytes, require_space

NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def full_disk(monkeypatch):
    """A disk that has no space for status.json until the reserve file is deleted."""
    write_text = Path.write_text

    def write(path: Path, *arguments, **named):
        if path.name.startswith("status.") and (path.parent / "reserve").exists():
            raise NO_SPACE
        return write_text(path, *arguments, **named)

    monkeypatch.setattr(Path, "write_text", write)


def running(tmp_path) -> Run:
    run = create_run(TrainingConfig(), tmp_path, "r")
    begin_attempt(run)
    assert run.reserve_file.stat().st_size == RESERVE_BYTES
    return run


def test_final_status_of_a_full_disk_uses_the_reserve(tmp_path, request):
    run = running(tmp_path)
    request.getfixturevalue("full_disk")
    with pytest.raises(OSError, match="No space"):
        run.update_status(step=5)
    assert run.reserve_file.exists()  # only the final status may use it
    run.update_status(state="failed", reason="the disk is full")
    assert (run.status().state, run.status().reason) == ("failed", "the disk is full")
    assert not run.reserve_file.exists()


def test_reserve_is_deleted_when_the_run_ends(tmp_path):
    run = running(tmp_path)
    run.update_status(state="finished")
    assert not run.reserve_file.exists()


@pytest.mark.parametrize("error", [NO_SPACE, RuntimeError("unexpected pos 64 vs 0")])
def test_disk_that_gets_full_in_mid_run_fails_the_run_with_the_reason(error, tmp_path, monkeypatch, full_disk):
    """torch and other libraries do not report a full disk as an OSError."""
    run = create_run(TrainingConfig(), tmp_path, "r")

    def stages(*_) -> None:
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
        raise error

    monkeypatch.setattr(Run, "update_status", Run.update_status)
    monkeypatch.setattr(script, "run_stages", stages)
    monkeypatch.setattr(script, "begin_attempt", lambda run: run.reserve_file.write_bytes(b"0"))
    with pytest.raises((StorageError, RuntimeError)):
        script.run_job(run, TrainingConfig())
    assert run.status().state == "failed"
    assert "free some" in (run.status().reason or "")


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"0" * 4096)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a disk")
def test_run_on_a_small_disk_that_gets_full_keeps_its_reason(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=300k tmpfs {disk} 2>/dev/null"):
        pytest.skip("this machine does not allow to mount a disk")
    try:
        run = create_run(TrainingConfig(), disk, "r")
        begin_attempt(run)
        with pytest.raises(OSError, match="No space"):
            fill(run.folder / "filler")
        run.update_status(state="failed", reason="the disk is full")
        assert run.status().reason == "the disk is full"
    finally:
        os.system(f"umount {disk}")


@pytest.mark.parametrize(
    ("size", "text"), [(1.5e9, "1.5 GB"), (120e6, "120 MB"), (300e3, "0.3 MB"), (0, "0 MB"), (40e9, "40.0 GB")]
)
def test_sizes_below_a_gigabyte_are_in_megabytes(size, text):
    assert format_bytes(size) == text


def test_small_disk_is_reported_in_megabytes(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2_000_000))
    with pytest.raises(StorageError, match=r"needs 45 MB in .*, where 2.0 MB are free"):
        require_space(tmp_path, 45e6, "a training run")


def test_read_only_disk_is_reported_as_such(tmp_path, monkeypatch):
    statvfs = os.statvfs(tmp_path)
    read_only = os.statvfs_result((*statvfs[:8], statvfs.f_flag | os.ST_RDONLY, statvfs[9]))
    monkeypatch.setattr(storage.os, "statvfs", lambda path: read_only)
    with pytest.raises(StorageError, match="which is read-only"):
        require_space(tmp_path / "runs", 0, "a training run")
