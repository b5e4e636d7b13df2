"""Checks whether audio can be used: imports and training refuse silent audio and audio that is not finite."""

import av
import numpy as np
from numpy.typing import NDArray

from qal.audio.planes import interleaved
from qal.audio.samples import HOP, Samples
from qal.errors import AudioDecodeError, NotFiniteAudioError, SilentAudioError

MIN_SWING = 1e-4  # half the distance from the lowest to the highest sample: -80 dB, three steps of 16-bit audio
MAX_SAMPLE = 1e6  # larger values of float audio are not sound
MAX_INVALID_SHARE = 0.01  # of the samples; more than that is a damaged file
FLOAT_FORMATS = {"flt", "fltp", "dbl", "dblp"}


def require_sound(samples: Samples, name: str) -> Samples:
    """Returns the samples of an example. Raises an AudioDecodeError that starts with `name` if it cannot be used."""
    if len(samples) < HOP:
        raise AudioDecodeError(f"{name}: contains no audio samples; record it again or delete its row")
    if not np.isfinite(samples).all():
        raise NotFiniteAudioError(f"{name}: contains samples that are not numbers; export it again")
    if is_silent(samples):
        raise SilentAudioError(f"{name}: is silent; record it again or delete its row")
    return samples


def is_silent(samples: Samples) -> bool:
    """True if the samples hold nothing but zeros, a constant, or the rounding of 16-bit audio."""
    return bool(np.ptp(samples) / 2 < MIN_SWING)


class NumberCheck:
    """Replaces samples that are not numbers by zero, as long as they are few. Feed each frame before it is resampled,
    which would spread such a sample over its neighbours, and call `flush` at the end."""

    def __init__(self, name: str):
        self._name = name
        self._total = self._invalid = 0

    def feed(self, frame: av.AudioFrame | None) -> av.AudioFrame | None:
        """Returns the frame, or a copy without invalid samples. None, which flushes a resampler, is returned."""
        if frame is None or frame.format.name not in FLOAT_FORMATS:
            return frame
        frame = interleaved(frame)
        values = frame.to_ndarray()
        self._total += values.size
        valid = np.abs(values) <= MAX_SAMPLE  # False for NaN
        if valid.all():
            return frame
        self._invalid += int(values.size - np.count_nonzero(valid))
        return _with_values(frame, np.where(valid, values, values.dtype.type(0)))

    def flush(self) -> None:
        """Raises NotFiniteAudioError if too many samples were replaced."""
        if self._invalid > MAX_INVALID_SHARE * self._total:
            share = f"{100 * self._invalid / self._total:.0f} %"
            raise NotFiniteAudioError(f"{self._name}: {share} of its samples are not numbers; export it again")


def _with_values(frame: av.AudioFrame, values: NDArray) -> av.AudioFrame:
    copy = av.AudioFrame.from_ndarray(np.ascontiguousarray(values), frame.format.name, frame.layout.name)
    copy.sample_rate = frame.sample_rate
    return copy
