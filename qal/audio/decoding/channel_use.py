"""How the channels of a track are used: mixed to one, one of them alone, or each as a row of its own."""

from pathlib import Path
from typing import Protocol

import av
import numpy as np

from qal.audio.decoding.resampling import Channels, with_channels
from qal.audio.mix import CANCELLED, SIX_CHANNELS, MonoMixer
from qal.audio.planes import channels_of
from qal.errors import AudioDecodeError

NOTHING_TO_SEPARATE = "it has one channel, so there is nothing to separate"
NO_SAMPLES = np.zeros((1, 0), np.float32)


class ChannelUse(Protocol):
    """Turns frames at 16 kHz, of the format flt, to rows. Feed all frames, then call `flush`."""

    @property
    def count(self) -> int:
        """The number of rows."""
        ...

    def feed(self, frame: av.AudioFrame) -> Channels:
        """Returns the rows, (rows, n), that are decided."""
        ...

    def flush(self) -> Channels:
        """Returns the rest."""
        ...

    @property
    def notes(self) -> list[str]:
        """The notes on what was done so far, in sentences without a full stop."""
        ...


class MixedChannels:
    """Mixes the channels to one row, as `MonoMixer` does; their number may change on the way."""

    count = 1

    def __init__(self) -> None:
        self._mixer: MonoMixer | None = None
        self._layout = ""
        self._past_notes: list[str] = []
        self._has_cancelled = False

    @property
    def has_cancelled(self) -> bool:
        """True if the channels cancelled each other out somewhere."""
        return self._has_cancelled or (self._mixer is not None and self._mixer.has_cancelled)

    def feed(self, frame: av.AudioFrame) -> Channels:
        rest = NO_SAMPLES
        if self._mixer is None or frame.layout.name != self._layout:
            rest = self.flush()
            self._layout = frame.layout.name
            self._mixer = MonoMixer(names=channel_names(frame.layout))
        mixed = self._mixer.feed(channels_of(frame))[None]
        return np.concatenate([rest, mixed], axis=1) if rest.size else mixed

    def flush(self) -> Channels:
        if self._mixer is None:
            return NO_SAMPLES
        rest = self._mixer.flush()[None]
        self._past_notes, self._has_cancelled = self.notes, self.has_cancelled
        self._mixer = None
        return rest

    @property
    def notes(self) -> list[str]:
        surround = self._mixer.surround_note if self._mixer is not None else ""
        found = [*self._past_notes, surround, CANCELLED if self.has_cancelled else ""]
        return list(dict.fromkeys(filter(None, found)))


class SeparateChannels:
    """Makes a row of each channel.

    Args:
        count: of the rows; where the file has another number on the way, see `with_channels`."""

    def __init__(self, count: int):
        self.count = count

    def feed(self, frame: av.AudioFrame) -> Channels:
        return with_channels(channels_of(frame), self.count)

    def flush(self) -> Channels:
        return np.zeros((self.count, 0), np.float32)

    @property
    def notes(self) -> list[str]:
        return [NOTHING_TO_SEPARATE] if self.count == 1 else []


class OneChannel:
    """Uses one channel, counted from 0, of the file `path`."""

    count = 1

    def __init__(self, channel: int, path: Path):
        self.notes: list[str] = []
        self._channel, self._path = channel, path

    def feed(self, frame: av.AudioFrame) -> Channels:
        channels = channels_of(frame)
        if self._channel >= len(channels):
            raise AudioDecodeError(
                f"{self._path.name}: has {len(channels)} channels, but channel {self._channel} is named"
            )
        return channels[self._channel : self._channel + 1]

    def flush(self) -> Channels:
        return NO_SAMPLES


def channel_names(layout: av.AudioLayout) -> list[str]:
    """Returns FFmpeg's names of the channels; those of 5.1 for six channels without names."""
    names = [channel.name for channel in layout.channels]
    is_unnamed = len(names) == len(SIX_CHANNELS) and not set(names) & set(SIX_CHANNELS)
    return list(SIX_CHANNELS) if is_unnamed else names
