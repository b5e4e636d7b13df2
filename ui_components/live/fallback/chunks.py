"""The microphone chunks that Gradio's audio component uploads: read, then removed."""

import struct
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.errors import AudioDecodeError

STREAM_EVERY_S = 0.25  # one chunk
NOTICEABLE_LOSS_S = 1.5  # less may be lateness
KEPT_S = 10.0  # seconds a chunk's file lives


def read_chunk(path: Path) -> tuple[int, NDArray[np.int16]]:
    """A chunk's WAV file -> (rate in Hz, 16-bit PCM, (n,) or (n, channels)).

    The browser repeats the first chunk's header, so the sizes in it are wrong and are not read."""
    data = path.read_bytes()
    begin = data.find(b"data")
    if data[:4] != b"RIFF" or begin < 36:
        raise AudioDecodeError("the microphone's sound did not come as WAV; reload the page or use another browser")
    channels, rate = struct.unpack_from("<HI", data, 22)
    bits = struct.unpack_from("<H", data, 34)[0]
    if bits != 16 or channels < 1:
        raise AudioDecodeError(f"the browser sent {bits}-bit sound from the microphone; use another browser")
    body = data[begin + 8 :]
    pcm = np.frombuffer(body[: len(body) - len(body) % (2 * channels)], "<i2")
    return rate, pcm if channels == 1 else pcm.reshape(-1, channels)


class LossMeter:
    """How much sound never came: Gradio overwrites a chunk that a busy server has not taken yet.

    Times are seconds of any clock that only goes forward."""

    def __init__(self):
        self._began_s: float | None = None
        self._heard_s = 0.0

    def took(self, now_s: float, duration_s: float) -> float:
        """Seconds lost since the first chunk; a chunk that is merely late counts until it comes."""
        if self._began_s is None or not duration_s:  # a microphone that gives nothing is not a busy server
            self._began_s, self._heard_s = now_s - duration_s, 0.0
        self._heard_s += duration_s
        return max(0.0, now_s - self._began_s - self._heard_s)


class ChunkFiles:
    """Nobody asked to keep a speaker's voice: the chunks of all sessions are deleted seconds after they came.

    Not at once, because equal chunks (digital silence) share one file, which another event may be about
    to read; each upload makes it young again."""

    def __init__(self):
        self._paths: set[Path] = set()
        self._lock = threading.Lock()

    def took(self, path: Path) -> None:
        with self._lock:
            self._paths.add(path)
        self.sweep()

    def sweep_later(self) -> None:
        """For the chunks of a recording after which nobody speaks."""
        timer = threading.Timer(2 * KEPT_S, self.sweep)
        timer.daemon = True
        timer.start()

    def sweep(self, kept_s: float = KEPT_S) -> None:
        with self._lock:
            self._paths = {path for path in self._paths if not _deleted(path, kept_s)}


def _deleted(path: Path, kept_s: float) -> bool:
    """True when the file is gone, because it was old or because somebody else removed it."""
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime < kept_s:
            return False
        path.unlink()
    with suppress(OSError):  # not empty: something else is in it
        path.parent.rmdir()  # Gradio makes a folder for each upload
    return True
