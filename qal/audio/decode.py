"""Decodes any audio file to samples with FFmpeg (PyAV)."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from qal.audio.mix import CANCELLED, MonoMixer
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.sound_check import NumberCheck
from qal.errors import AudioDecodeError

AUDIO_SUFFIXES = {  # of the files that imports and folders of noises read; lower case
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aiff", ".aif", ".wma", ".webm", ".mp4"),
    *(".g722", ".gsm"),  # telephone prompts
}
MAX_DURATION_S = 12 * 3600  # longer files are refused before they fill the memory
LOG = logging.getLogger("qal")
NO_SAMPLES = "holds no audio samples; give a file with sound in it"


def decode(path: Path | str, max_duration_s: float = MAX_DURATION_S) -> Samples:
    """Decodes a file to (n,) float32 at 16 kHz; channels are mixed as in `MonoMixer`, which is logged if they cancel.

    A few samples that are not numbers become zero.
    Raises AudioDecodeError if the file is missing, holds no audio, is empty, is too long or holds too few numbers."""
    return _concatenated(Path(path), lambda file: _decoded_pieces(file, max_duration_s))


def decode_start(path: Path | str, limit_s: float) -> Samples:
    """Decodes the first `limit_s` seconds of a file, in the format of `decode`; the rest is not read.

    Raises AudioDecodeError as `decode` does."""
    n = int(limit_s * SAMPLE_RATE)
    return _concatenated(Path(path), lambda file: _limited(_decoded_pieces(file, float("inf")), n))


def _limited(pieces: Iterator[Samples], n: int) -> Iterator[Samples]:
    """Yields pieces up to a total of n samples."""
    for piece in pieces:
        yield piece[:n]
        n -= len(piece)
        if n <= 0:
            return


def _concatenated(path: Path, read: Callable[[Path], Iterator[Samples]]) -> Samples:
    with decode_errors(path):
        pieces = list(read(path))
    if not any(map(len, pieces)):
        raise AudioDecodeError(f"{path.name}: {NO_SAMPLES}")
    return np.concatenate(pieces)


@contextmanager
def decode_errors(path: Path) -> Iterator[None]:
    """Translates a missing file and FFmpeg's errors into AudioDecodeError."""
    if not os.path.isfile(path):  # also false for names that no file system allows
        raise AudioDecodeError(f"{path}: there is no such file; check the path")
    try:
        yield
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise AudioDecodeError(
            f"{path.name}: not readable as audio; give a WAV, FLAC, MP3, OGG or similar file"
        ) from error


@contextmanager
def open_audio(path: Path) -> Iterator[InputContainer]:
    """Opens a container and checks that it has an audio track. Raises AudioDecodeError if it has none."""
    with av.open(str(path), metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise AudioDecodeError(f"{path.name}: holds no audio track; give a file with sound in it")
        yield container


def resampler_to_16_khz() -> av.AudioResampler:
    """Returns a resampler to 16 kHz that keeps the channels; FFmpeg's own mix to mono is 3 dB too loud."""
    return av.AudioResampler(format="fltp", rate=SAMPLE_RATE)


def too_long_error(path: Path, max_duration_s: float) -> AudioDecodeError:
    """Returns the error for a file above the maximum duration."""
    return AudioDecodeError(f"{path.name}: longer than {max_duration_s / 3600:g} hours; cut it into shorter files")


def _decoded_pieces(path: Path, max_duration_s: float) -> Iterator[Samples]:
    total = 0
    resampler, numbers, mixer = resampler_to_16_khz(), NumberCheck(path.name), MonoMixer()
    with open_audio(path) as container:
        for frame in decoded_frames(container):
            for resampled in resampler.resample(numbers.feed(frame)):
                total += resampled.samples
                if total > max_duration_s * SAMPLE_RATE:
                    raise too_long_error(path, max_duration_s)
                yield mixer.feed(resampled.to_ndarray())
    yield mixer.flush()
    numbers.flush()
    if mixer.has_cancelled:
        LOG.warning("%s: %s", path.name, CANCELLED)


def decoded_frames(container: InputContainer) -> Iterator[av.AudioFrame | None]:
    """Yields the decoded audio frames, then None, which flushes a resampler."""
    for frame in container.decode(audio=0):
        frame.pts = None  # invalid time stamps would stop the resampler
        yield frame
    yield None
