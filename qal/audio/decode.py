"""Any audio file -> samples, through FFmpeg's decoders (PyAV)."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.errors import AudioDecodeError

MAX_DURATION_S = 12 * 3600  # a file that decodes to more is refused before it fills the memory
SILENT_FILE = "holds no audio samples; give a file with sound in it"


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
    with decode_errors(path):
        parts = list(read(path))
    if not parts:
        raise AudioDecodeError(f"{path.name}: {SILENT_FILE}")
    return np.concatenate(parts)


@contextmanager
def decode_errors(path: Path) -> Iterator[None]:
    """Translates what goes wrong while a file is decoded into AudioDecodeError."""
    if not os.path.isfile(path):  # false, too, for a name no disk can hold
        raise AudioDecodeError(f"{path}: there is no such file; check the path")
    try:
        yield
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise AudioDecodeError(
            f"{path.name}: not readable as audio; give a WAV, FLAC, MP3, OGG or similar file"
        ) from error


@contextmanager
def open_audio(path: Path) -> Iterator[InputContainer]:
    """A container that has an audio track."""
    with av.open(str(path), metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise AudioDecodeError(f"{path.name}: holds no audio track; give a file with sound in it")
        yield container


def mono_resampler() -> av.AudioResampler:
    """To 16 kHz with all channels; its own way to mono would be 3 dB too loud."""
    return av.AudioResampler(format="fltp", rate=SAMPLE_RATE)


def mixed_to_one(frame: av.AudioFrame) -> Samples:
    """A frame of floats, channel by channel -> (n,)"""
    return frame.to_ndarray().mean(axis=0, dtype=np.float32)


def too_long(path: Path, max_duration_s: float) -> AudioDecodeError:
    return AudioDecodeError(f"{path.name}: longer than {max_duration_s / 3600:g} hours; cut it into shorter files")


def _decoded(path: Path, max_duration_s: float) -> Iterator[Samples]:
    total = 0
    resampler = mono_resampler()
    with open_audio(path) as container:
        for frame in frames_of(container):
            for resampled in resampler.resample(frame):
                total += resampled.samples
                if total > max_duration_s * SAMPLE_RATE:
                    raise too_long(path, max_duration_s)
                yield mixed_to_one(resampled)


def frames_of(container: InputContainer) -> Iterator[av.AudioFrame | None]:
    """The decoded frames, then None, which empties the resampler."""
    for frame in container.decode(audio=0):
        frame.pts = None  # broken time stamps must not stop the resampler
        yield frame
    yield None
