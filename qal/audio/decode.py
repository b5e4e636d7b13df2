"""Decodes any audio file to samples at once. `qal.audio.sound_file` reads files of any length in little memory."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qal.audio.decoding.opening import Check, no_check
from qal.audio.decoding.sound_stream import SoundStream
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.errors import AudioDecodeError

AUDIO_SUFFIXES = {  # of the files that imports and folders of noises read; lower case
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aiff", ".aif", ".wma", ".webm", ".mp4"),
    *(".g722", ".gsm"),  # telephone prompts
}
MAX_DURATION_S = 12 * 3600  # longer files are refused before they fill the memory
LOG = logging.getLogger("qal")


def decode(
    path: Path | str,
    max_duration_s: float = MAX_DURATION_S,
    check: Check = no_check,
    is_example: bool = True,
) -> Samples:
    """Decodes a file to (n,) float32 at 16 kHz: its default track, mixed to one channel as in `MonoMixer`.

    Holes in the sound become silence, as in `SilenceFiller`; samples that are not numbers become zero. What was done
    is logged.

    Args:
        path: the audio file.
        max_duration_s: longer files are refused.
        check: called for each piece; an error that it raises stops the decoding.
        is_example: True: a damaged file, or one with many samples that are not numbers, is refused, because its text
            would not be that of its sound. False: what is whole is decoded.

    Raises:
        AudioDecodeError: the file is missing, holds no audio, is empty, is too long, or is damaged."""
    stream = SoundStream(Path(path), check=check)
    samples = _concatenated(_limited_to(stream, max_duration_s, Path(path)))
    if is_example:
        stream.require_whole()
    for note in stream.notes:
        LOG.warning("%s: %s", Path(path).name, note)
    return samples


def decode_start(path: Path | str, limit_s: float) -> Samples:
    """Decodes the first `limit_s` seconds of a file, in the format of `decode`; the rest is not read.

    Raises AudioDecodeError as `decode` does."""
    return _concatenated(_limited(SoundStream(Path(path)), int(limit_s * SAMPLE_RATE)))


def _limited(stream: SoundStream, n: int) -> Iterator[Samples]:
    """Yields pieces up to a total of n samples."""
    for piece in stream.pieces():
        yield piece.samples[0, :n]
        n -= piece.samples.shape[1]
        if n <= 0:
            return


def _limited_to(stream: SoundStream, max_duration_s: float, path: Path) -> Iterator[Samples]:
    """Yields the pieces; raises AudioDecodeError if there are more of them."""
    n = 0
    for piece in stream.pieces():
        n += piece.samples.shape[1]
        if n > max_duration_s * SAMPLE_RATE:
            raise too_long_error(path, max_duration_s)
        yield piece.samples[0]


def _concatenated(pieces: Iterator[Samples]) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *pieces])


def too_long_error(path: Path, max_duration_s: float) -> AudioDecodeError:
    """Returns the error for a file above the maximum duration."""
    return AudioDecodeError(f"{path.name}: longer than {max_duration_s / 3600:g} hours; cut it into shorter files")
