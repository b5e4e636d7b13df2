"""Checks whether audio can be used: imports and training refuse silent audio and audio that is not finite."""

import av
import numpy as np
from numpy.typing import NDArray

from qal.audio.planes import interleaved
from qal.audio.samples import HOP, Samples
from qal.errors import AudioDecodeError, NotFiniteAudioError, SilentAudioError

MIN_SWING = 1e-4  # half the distance from the lowest to the highest sample: -80 dB, three steps of 16-bit audio
MAX_SAMPLE = 1e6  # larger values of float audio are not sound
MAX_INVALID_SHARE = 0.01  # of the samples of an example; more than that is a damaged file
MAX_INVALID_SHARE_OF_SOUND = 0.999  # above it a file holds no sound
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
    """Replaces samples that are not numbers, or are too large for sound, by zero.

    Feed each frame before it is resampled, which would spread such a sample over its neighbours."""

    def __init__(self) -> None:
        self._total = self._invalid = 0

    def feed(self, frame: av.AudioFrame) -> av.AudioFrame:
        """Returns the frame, or a copy without invalid samples."""
        if frame.format.name not in FLOAT_FORMATS:
            self._total += frame.samples * frame.layout.nb_channels
            return frame
        frame = interleaved(frame)
        values = frame.to_ndarray()
        self._total += values.size
        valid = np.abs(values) <= MAX_SAMPLE  # False for NaN
        if valid.all():
            return frame
        self._invalid += int(values.size - np.count_nonzero(valid))
        return _with_values(frame, np.where(valid, values, values.dtype.type(0)))

    @property
    def invalid_share(self) -> float:
        """Share of the samples so far that were replaced, 0 to 1."""
        return self._invalid / max(self._total, 1)

    def require_few(self, name: str, max_share: float = MAX_INVALID_SHARE) -> None:
        """Raises NotFiniteAudioError, which starts with `name`, if more samples than this were replaced."""
        if self._invalid and self.invalid_share > max_share:
            share = f"{100 * self.invalid_share:.0f} %"
            raise NotFiniteAudioError(f"{name}: {share} of its samples are not numbers; export it again")


def _with_values(frame: av.AudioFrame, values: NDArray) -> av.AudioFrame:
    copy = av.AudioFrame.from_ndarray(np.ascontiguousarray(values), frame.format.name, frame.layout.name)
    copy.sample_rate = frame.sample_rate
    return copy
