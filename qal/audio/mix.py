"""Mixes channels to one: their average or, where they cancel each other out in it, the loudest channel.

Of surround sound the centre is used while it holds sound, because films have their speech there. Otherwise the channels
are weighted as in ITU-R BS.775, without that of the low frequencies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import SAMPLE_RATE, Samples

WINDOW = SAMPLE_RATE  # samples, over which is decided
LIVE_WINDOW_S = 0.096  # of live audio, which should lag little: a packet of the page
# Power of the average relative to that of unrelated channels, which is 1. Equal channels have more. Inverted ones have
# their noise alone: at a power n times below the voice, 1 / (n + 1). Powers do not count a constant offset.
MIN_RELATIVE_POWER = 0.4
LOUDER = 2.0  # power ratio at which another channel is preferred to the one that was used last
CANCELLED = "its channels cancel each other out when they are mixed, so the loudest one is used"
CENTRE, LOW_FREQUENCIES = "FC", ("LFE", "LFE2")  # FFmpeg's names
SIX_CHANNELS = ("FL", "FR", "FC", "LFE", "BL", "BR")  # the order of a WAV file that does not name its six channels
MIN_SURROUND_CHANNELS = 3
FRONT = ("FL", "FR", "FLC", "FRC", "DL", "DR", "WL", "WR")
CENTRE_GAIN, SURROUND_GAIN = 2**0.5, 2**-0.5  # relative to the front
MIN_CENTRE_POWER = 0.01  # relative to the loudest channel (-20 dB); below it the centre holds no speech
CENTRE_HOLD = 5  # windows for which the centre is kept while it is silent, so that pauses between words stay pauses
SILENT_POWER = 1e-8  # of all channels (-80 dB)
CENTRE_USED = "of its {} channels the centre is used"
CENTRE_OR_MIX = "of its {} channels the centre is used, and where it is silent all channels, mixed to one"
MIXED_DOWN = "its {} channels are mixed to one"

Channels = NDArray[np.float32]  # (channels, n)


class MonoMixer:
    """Mixes a stream to one channel. The result does not depend on the chunk size; it lags by less than the window.

    Feed all chunks, then call `flush`.

    Args:
        window: samples over which is decided; a shorter one lags less.
        names: FFmpeg's names of the channels; without them, all channels count alike."""

    def __init__(self, window: int = WINDOW, names: Sequence[str] = ()) -> None:
        self._window = window
        self._gains = channel_gains(names)
        self._centre = list(names).index(CENTRE) if self._gains is not None and CENTRE in names else None
        self._centre_hold = 0  # windows for which the centre is still used
        self._pending: Channels | None = None
        self._channel: int | None = None  # the channel that was used last
        self._has_used_centre = self._has_mixed = False
        self.has_cancelled = False

    def feed(self, channels: NDArray[Any]) -> Samples:
        """Adds the next chunk, (channels, n), and returns the samples that are decided."""
        if len(channels) == 1:
            return channels[0].astype(np.float32, copy=False)
        pending = channels if self._pending is None else np.concatenate([self._pending, channels], axis=1)
        complete = pending.shape[1] // self._window * self._window
        self._pending = pending[:, complete:]
        windows = [self._mixed(pending[:, i : i + self._window]) for i in range(0, complete, self._window)]
        return np.concatenate([pending[0, :0], *windows])

    def flush(self) -> Samples:
        """Returns the samples of the last, incomplete window. Nothing may be fed after it."""
        if self._pending is None or not self._pending.shape[1]:
            return np.zeros(0, np.float32)
        return self._mixed(self._pending)

    @property
    def surround_note(self) -> str:
        """The note on what was done so far to channels with gains; "" for others."""
        if self._gains is None or not (self._has_used_centre or self._has_mixed):
            return ""
        note = CENTRE_USED if not self._has_mixed else CENTRE_OR_MIX if self._has_used_centre else MIXED_DOWN
        return note.format(len(self._gains))

    def _mixed(self, channels: Channels) -> Samples:
        powers = channels.var(axis=1, dtype=np.float64)
        gains = self._gains
        if gains is not None:
            powers = powers * (gains > 0)
            if self._centre is not None and self._uses_centre(powers):
                return channels[self._centre]
            self._has_mixed = self._has_mixed or bool(powers.max() > SILENT_POWER)
        average, unrelated_power = _average(channels, powers, gains)
        if average.var(dtype=np.float64) >= MIN_RELATIVE_POWER * unrelated_power:
            return average
        self.has_cancelled = True
        if self._channel is None or powers.max() > LOUDER * powers[self._channel]:
            self._channel = int(powers.argmax())
        return channels[self._channel]

    def _uses_centre(self, powers: NDArray[np.float64]) -> bool:
        power = powers[self._centre]
        if power > SILENT_POWER and power > MIN_CENTRE_POWER * powers.max():
            self._centre_hold, self._has_used_centre = CENTRE_HOLD, True
            return True
        self._centre_hold -= 1
        return self._centre_hold >= 0


def channel_gains(names: Sequence[str]) -> NDArray[np.float64] | None:
    """Returns the gains of channels in a mix, with a sum of 1; None if all count alike.

    Args:
        names: FFmpeg's names of the channels."""
    if len(names) < MIN_SURROUND_CHANNELS or not {*FRONT, CENTRE} & set(names):
        return None
    gains = np.array([_gain(name) for name in names])
    return gains / gains.sum()


def _gain(name: str) -> float:
    if name in LOW_FREQUENCIES:
        return 0.0
    if name == CENTRE:
        return CENTRE_GAIN
    return 1.0 if name in FRONT else SURROUND_GAIN


def _average(
    channels: Channels, powers: NDArray[np.float64], gains: NDArray[np.float64] | None
) -> tuple[Samples, float]:
    """Returns the average of channels, (n,), and the power that it had if they were unrelated."""
    if gains is None:
        return channels.mean(axis=0, dtype=np.float32), powers.sum() / len(channels) ** 2
    return gains.astype(np.float32) @ channels, float(powers @ gains**2)
