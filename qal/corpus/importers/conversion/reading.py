"""Reads a recording of a source piece by piece, as mono samples at 16 kHz, and notes what was done to its channels."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from qal.audio.decoding.opening import Check, no_check
from qal.audio.decoding.sound_stream import SoundStream
from qal.audio.holes import Hole
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.importers.listing import AudioBytes, AudioPiece


class RecordingReader:
    """Decodes one recording. `notes`, `holes` and `damage` grow while the pieces are read.

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
        path = Path(audio.name) if isinstance(audio, AudioBytes) else audio.path
        content = audio.data if isinstance(audio, AudioBytes) else None
        self._name = path.name
        self._stream = SoundStream(path, content=content, channel=channel, keeps_times=keeps_times, check=check)

    @property
    def notes(self) -> list[str]:
        """The notes on its track and its channels, in sentences without a full stop."""
        return self._stream.choice_notes

    @property
    def holes(self) -> Sequence[Hole]:
        """Silence that was filled in."""
        return self._stream.holes

    @property
    def damage(self) -> Sequence[Hole]:
        """The places that were left out because they are damaged."""
        return self._stream.damage

    def pieces(self) -> Iterator[Samples]:
        """Yields the samples, (n,) at 16 kHz.

        Raises AudioDecodeError if the recording cannot be decoded, or many samples are not numbers."""
        for piece in self._stream.pieces():
            yield piece.samples[0]
        self._stream.numbers.require_few(self._name)


def samples_at(time_s: float) -> int:
    """Returns the number of samples before a time."""
    return round(time_s * SAMPLE_RATE)
