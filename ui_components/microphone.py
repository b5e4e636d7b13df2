"""The microphone chunks that Gradio's audio component uploads: read, then removed."""

import struct
from collections import deque
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from errors import AudioDecodeError

STREAM_EVERY_S = 0.25  # one chunk
NOTICEABLE_LOSS_S = 1.5  # less may be lateness
KEPT_CHUNKS = 8  # equal chunks (digital silence) share one file, which the next one may be about to read


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
        if self._began_s is None:
            self._began_s = now_s - duration_s
        self._heard_s += duration_s
        return max(0.0, now_s - self._began_s - self._heard_s)


class ChunkFiles:
    """Nobody asked to keep a speaker's voice: a chunk's file is deleted soon after it was read."""

    def __init__(self):
        self._recent: deque[Path] = deque()

    def took(self, path: Path) -> None:
        self._recent.append(path)
        while len(self._recent) > KEPT_CHUNKS:
            self._delete(self._recent.popleft())

    def delete_all(self) -> None:
        while self._recent:
            self._delete(self._recent.popleft())

    def _delete(self, path: Path) -> None:
        if path in self._recent:
            return
        path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: something else is in it
            path.parent.rmdir()  # Gradio makes a folder for each upload
