"""The microphone chunks that Gradio's audio component uploads: read, measured and deleted."""

import struct
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qal.errors import AudioDecodeError

STREAM_EVERY_S = 0.25  # duration of one chunk
NOTICEABLE_LOSS_S = 1.5  # a smaller loss may be a late chunk
MAX_FILE_AGE_S = 10.0
MIN_DATA_OFFSET = 36  # bytes before a WAV file's data chunk


class ChunkAudio(NamedTuple):
    """The content of a chunk's WAV file."""

    rate: int  # Hz
    pcm: NDArray[np.int16]  # (n,) or (n, channels)


def read_chunk(path: Path) -> ChunkAudio:
    """Reads a chunk's WAV file. Raises AudioDecodeError unless it is 16-bit WAV.

    The sizes in the header are ignored: the browser repeats the header of the first chunk."""
    data = path.read_bytes()
    start = data.find(b"data")
    if data[:4] != b"RIFF" or start < MIN_DATA_OFFSET:
        raise AudioDecodeError("the microphone's audio is not WAV; reload the page or use another browser")
    channels, rate = struct.unpack_from("<HI", data, 22)
    bits = struct.unpack_from("<H", data, 34)[0]
    if bits != 16 or channels < 1:
        raise AudioDecodeError(f"the microphone's audio has {bits} bits instead of 16; use another browser")
    body = data[start + 8 :]
    pcm = np.frombuffer(body[: len(body) - len(body) % (2 * channels)], "<i2")
    return ChunkAudio(rate, pcm if channels == 1 else pcm.reshape(-1, channels))


class AudioLossMeter:
    """Measures lost audio: Gradio overwrites a chunk that a busy server has not processed yet.

    Times are seconds of a monotonic clock."""

    def __init__(self):
        self._start_s: float | None = None
        self._received_s = 0.0

    def add_chunk(self, now_s: float, duration_s: float) -> float:
        """Returns the seconds lost since the first chunk; a late chunk counts as lost until it arrives."""
        if self._start_s is None or not duration_s:  # an empty chunk comes from a silent device, not a busy server
            self._start_s, self._received_s = now_s - duration_s, 0.0
        self._received_s += duration_s
        return max(0.0, now_s - self._start_s - self._received_s)


class ChunkFiles:
    """Deletes the chunk files of all sessions some seconds after they were read, for the speakers' privacy.

    Not at once: equal chunks (digital silence) share one file, which another event may still read. Each upload renews
    the file's modification time."""

    def __init__(self):
        self._paths: set[Path] = set()
        self._lock = threading.Lock()

    def add(self, path: Path) -> None:
        """Adds a file that was read, and deletes old ones."""
        with self._lock:
            self._paths.add(path)
        self.delete_old()

    def delete_old_later(self) -> None:
        """Deletes the last chunks of a recording when they are old enough."""
        timer = threading.Timer(2 * MAX_FILE_AGE_S, self.delete_old)
        timer.daemon = True
        timer.start()

    def delete_old(self, max_age_s: float = MAX_FILE_AGE_S) -> None:
        with self._lock:
            self._paths = {path for path in self._paths if not _delete_if_old(path, max_age_s)}


def _delete_if_old(path: Path, max_age_s: float) -> bool:
    """Returns True if the file no longer exists: it was old, or it was deleted before."""
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime < max_age_s:
            return False
        path.unlink()
    with suppress(OSError):  # the folder is not empty
        path.parent.rmdir()  # Gradio creates a folder for each upload
    return True
