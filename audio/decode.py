"""Any audio file -> samples, through FFmpeg's decoders (PyAV)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from audio.samples import SAMPLE_RATE, Samples
from errors import AudioDecodeError

MAX_DURATION_S = 12 * 3600  # a file that decodes to more is refused before it fills the memory


def decode(path: Path | str, max_duration_s: float = MAX_DURATION_S) -> Samples:
    """File -> (n,) float32 at 16 kHz, channels mixed to one.

    Raises AudioDecodeError when the file is missing, holds no audio, is empty or is too long."""
    return _joined(Path(path), lambda found: _decoded(found, max_duration_s))


def decode_start(path: Path | str, limit_s: float) -> Samples:
    """The same of a file's first limit_s; what comes later is not read."""
    return _joined(Path(path), lambda found: _first(_decoded(found, float("inf")), int(limit_s * SAMPLE_RATE)))


def _first(parts: Iterator[Samples], n: int) -> Iterator[Samples]:
    for part in parts:
        yield part[:n]
        n -= len(part)
        if n <= 0:
            return


def _joined(path: Path, read: Callable[[Path], Iterator[Samples]]) -> Samples:
    if not os.path.isfile(path):  # false, too, for a name no disk can hold
        raise AudioDecodeError(f"{path}: there is no such file; check the path")
    try:
        parts = list(read(path))
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise AudioDecodeError(
            f"{path.name}: not readable as audio; give a WAV, FLAC, MP3, OGG or similar file"
        ) from error
    if not parts:
        raise AudioDecodeError(f"{path.name}: holds no audio samples; give a file with sound in it")
    return np.concatenate(parts)


def _decoded(path: Path, max_duration_s: float) -> Iterator[Samples]:
    total = 0
    resampler = av.AudioResampler(format="fltp", rate=SAMPLE_RATE)  # its own way to mono would be 3 dB too loud
    with av.open(str(path), metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise AudioDecodeError(f"{path.name}: holds no audio track; give a file with sound in it")
        for frame in _frames(container):
            for resampled in resampler.resample(frame):
                total += resampled.samples
                if total > max_duration_s * SAMPLE_RATE:
                    raise AudioDecodeError(
                        f"{path.name}: longer than {max_duration_s / 3600:g} hours; cut it into shorter files"
                    )
                yield resampled.to_ndarray().mean(axis=0, dtype=np.float32)


def _frames(container):
    """The decoded frames, then None, which empties the resampler."""
    for frame in container.decode(audio=0):
        frame.pts = None  # broken time stamps must not stop the resampler
        yield frame
    yield None
