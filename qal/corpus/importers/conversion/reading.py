"""Reads a recording of a source piece by piece, as mono samples at 16 kHz, and notes what was done to its channels."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from qal.audio.decode import (
    Check,
    decode_errors,
    decoded_frames,
    ffmpeg_errors,
    no_check,
    open_audio,
    resampler_to_16_khz,
)
from qal.audio.holes import Hole, SilenceFiller, start_of
from qal.audio.mix import CANCELLED, MonoMixer
from qal.audio.planes import channels_of
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.sound_check import NumberCheck
from qal.corpus.importers.listing import AudioBytes, AudioPiece
from qal.errors import AudioDecodeError

CENTRE, LOW_FREQUENCY = "FC", "LFE"
CENTRES_ORDER = ("FL", "FR", "FC", "LFE", "BL", "BR")  # of a WAV file with six channels that does not name them
FRONT = ("FL", "FR", "FC")
SURROUND_GAIN = np.float32(0.7071)  # ITU-R BS.775
MIN_CENTRE_POWER = 0.01  # relative to the loudest channel (-20 dB); below it the centre holds no speech
CENTRE_USED = "of its {} channels the centre is used"
MIXED_DOWN = "its {} channels are mixed to one"


class RecordingReader:
    """Decodes one recording. `notes` and `holes` grow while the pieces are read.

    Args:
        audio: the file or the bytes.
        channel: the channel that is used, from 0; None: the channels are mixed.
        keeps_times: True: sound that starts late in its file, as in a video, is preceded by silence.
        check: called for each piece; an error that it raises stops the decoding."""

    def __init__(
        self,
        audio: AudioPiece | AudioBytes,
        channel: int | None = None,
        keeps_times: bool = False,
        check: Check = no_check,
    ):
        self._path = Path(audio.name) if isinstance(audio, AudioBytes) else audio.path
        self._content = audio.data if isinstance(audio, AudioBytes) else None
        self._channel, self._keeps_times, self._check = channel, keeps_times, check
        self.notes: list[str] = []
        self.holes: Sequence[Hole] = ()

    def pieces(self) -> Iterator[Samples]:
        """Yields the samples, (n,) at 16 kHz. Raises AudioDecodeError if the recording cannot be decoded."""
        with ffmpeg_errors(self._path) if self._content is not None else decode_errors(self._path):
            yield from self._decoded()

    def _decoded(self) -> Iterator[Samples]:
        resampler, numbers, mixer = resampler_to_16_khz(), NumberCheck(self._path.name), MonoMixer()
        selection: _ChannelSelection | None = None
        with open_audio(self._path, self._content) as container:
            filler = SilenceFiller(start_of(container) if self._keeps_times else None)
            self.holes = filler.holes
            for frame in decoded_frames(container, self._path, filler):
                self._check()
                for resampled in resampler.resample(numbers.feed(frame)):
                    selection = selection or self._select(resampled)
                    yield self._noted(mixer, mixer.feed(selection.apply(channels_of(resampled))))
        yield self._noted(mixer, mixer.flush())
        numbers.flush()

    def _noted(self, mixer: MonoMixer, samples: Samples) -> Samples:
        if mixer.has_cancelled and CANCELLED not in self.notes:
            self.notes.append(CANCELLED)
        return samples

    def _select(self, frame: av.AudioFrame) -> "_ChannelSelection":
        count = frame.layout.nb_channels
        if self._channel is not None:
            if self._channel >= count:
                raise AudioDecodeError(f"{self._path.name}: has {count} channels, but channel {self._channel} is named")
            return _ChannelSelection((self._channel,), (1.0,))
        names = [channel.name for channel in frame.layout.channels]
        if CENTRE not in names and count == len(CENTRES_ORDER):
            names = list(CENTRES_ORDER)
        if CENTRE not in names or count < len(FRONT):
            return _ChannelSelection(tuple(range(count)), (1.0,) * count)
        centre = names.index(CENTRE)
        if self._centre_holds_speech(centre):
            self.notes.append(CENTRE_USED.format(count))
            return _ChannelSelection((centre,), (1.0,))
        self.notes.append(MIXED_DOWN.format(count))
        used = [i for i, name in enumerate(names) if name != LOW_FREQUENCY and i != centre]
        gains = tuple(1.0 if names[i] in FRONT else float(SURROUND_GAIN) for i in used)
        return _ChannelSelection(tuple(used), gains)

    def _centre_holds_speech(self, centre: int) -> bool:
        """Compares the power of the centre with that of the other channels, over the whole recording."""
        powers: NDArray[np.float64] | None = None
        resampler, numbers = resampler_to_16_khz(), NumberCheck(self._path.name)
        with open_audio(self._path, self._content) as container:
            for channels in _resampled(container, self._path, resampler, numbers):
                self._check()
                power = np.square(channels, dtype=np.float64).sum(axis=1)
                powers = power if powers is None else powers + power
        return powers is not None and bool(powers[centre] > MIN_CENTRE_POWER * powers.max())


class _ChannelSelection:
    """Selects channels and applies a gain to each."""

    def __init__(self, indices: Sequence[int], gains: Sequence[float]):
        self._indices = list(indices)
        self._gains = np.array(gains, np.float32)[:, None]
        self._is_whole = all(gain == 1 for gain in gains) and self._indices == list(range(len(indices)))

    def apply(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the selected channels of (channels, n)."""
        if self._is_whole and len(channels) == len(self._indices):
            return channels
        return channels[self._indices] * self._gains


def _resampled(
    container: InputContainer, path: Path, resampler: av.AudioResampler, numbers: NumberCheck
) -> Iterator[NDArray[np.float32]]:
    for frame in decoded_frames(container, path):
        for resampled in resampler.resample(numbers.feed(frame)):
            yield channels_of(resampled)


def samples_at(time_s: float) -> int:
    """Returns the number of samples before a time."""
    return round(time_s * SAMPLE_RATE)
