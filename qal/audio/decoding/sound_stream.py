"""Decodes the sound of a file as a stream: the one way from a file to samples.

packets ─► frames, silence in the holes ─► numbers only ─┬─► 16 kHz ─► rows (mixed, or a row per channel)
                                                         └─► the file's own rate and channels, if they are wanted

What is broken is left out and noted. Memory does not grow with the duration."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.audio import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from qal.audio.decoding.channel_use import ChannelUse, MixedChannels, OneChannel, SeparateChannels
from qal.audio.decoding.joined import next_part
from qal.audio.decoding.notes import BROKEN_END, CUT_OFF, clock, damage_note, missing_note, not_numbers_note
from qal.audio.decoding.opening import (
    NOT_READABLE,
    Check,
    decode_errors,
    ffmpeg_errors,
    no_check,
    open_audio,
    require_usable_rate,
)
from qal.audio.decoding.resampling import Channels, Resampler, channels_of_all
from qal.audio.decoding.track_frames import TrackFrames, is_timed
from qal.audio.decoding.tracks import AUTO, choose_track, list_tracks, stated_duration_s, track_note
from qal.audio.decoding.wav_length import missing_wav_share
from qal.audio.holes import Hole, SilenceFiller, start_of
from qal.audio.planes import joined
from qal.audio.sound_check import MAX_INVALID_SHARE_OF_SOUND, NumberCheck
from qal.audio.sound_choice import DEFAULT_SOUND, SoundChoice
from qal.errors import AudioDecodeError

NO_SAMPLES = "holds no audio samples; give a file with sound in it"
PIECE_S = 0.25  # more samples at once cost less per sample
CUT_OFF_S = 1.0  # that are missing at the end of a file before it counts as cut off
MIN_NOTED_S = 0.05  # of a hole

NativeSamples = NDArray[np.float32]  # (channels, n) at the file's own rate


class Piece(NamedTuple):
    """The next part of a sound. `samples`, (rows, n) at 16 kHz, may lag a second behind `native`."""

    samples: Channels
    native: NativeSamples | None = None


class _CheckFailed(Exception):
    """Carries the error of a check through the decoder."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        self.error = error


class SoundStream:
    """Decodes one track of a file. Notes, holes and damage grow while the pieces are read.

    Args:
        path: the file; only its name is used if `content` is given.
        choice: the track, and whether its channels are mixed.
        language: of the speech, which chooses among the tracks; None: not known.
        content: the bytes of the file, if it is not on the disk.
        channel: the channel that is used alone, from 0; None: as `choice` says.
        keeps_times: True: sound that starts late in its file, as in a video, is preceded by silence.
        has_native: True: pieces also hold the samples at the file's own rate.
        check: called for each piece; an error that it raises stops the decoding."""

    def __init__(
        self,
        path: Path,
        choice: SoundChoice = DEFAULT_SOUND,
        language: str | None = None,
        *,
        content: bytes | None = None,
        channel: int | None = None,
        keeps_times: bool = True,
        has_native: bool = False,
        check: Check = no_check,
    ):
        self._path, self._content, self._check = path, content, check
        self._choice, self._language, self._channel = choice, language, channel
        self._keeps_times, self._has_native = keeps_times, has_native
        self._filler = SilenceFiller()
        self._damage: list[Hole] = []
        self._numbers = NumberCheck()
        self._resampler = Resampler()
        self._to_native: _NativeForm | None = None
        self._use: ChannelUse | None = None
        self._track_note = self._end_note = ""

    @property
    def holes(self) -> list[Hole]:
        """Silence that was filled in, in the order of time, damage included."""
        return self._filler.holes

    @property
    def damage(self) -> list[Hole]:
        """The places that were left out because they are damaged."""
        return self._damage

    @property
    def numbers(self) -> NumberCheck:
        """Counts the samples that are not numbers."""
        return self._numbers

    @property
    def choice_notes(self) -> list[str]:
        """The notes on the track that is used and on its channels."""
        return [*filter(None, [self._track_note]), *(self._use.notes if self._use else [])]

    @property
    def notes(self) -> list[str]:
        """The notes on what was left out, chosen or changed, in sentences without a full stop.

        They are complete after the last piece."""
        is_damaged = set(self._damage)
        noted = [hole for hole in self.holes if hole.end_s - hole.start_s >= MIN_NOTED_S]
        damaged = [hole for hole in noted if hole in is_damaged]
        missing = [hole for hole in noted if hole not in is_damaged and hole.start_s > 0]
        return [
            *self.choice_notes,
            *([damage_note(damaged)] if damaged else []),
            *([missing_note(missing)] if missing else []),
            *([not_numbers_note(self._numbers.invalid_share)] if self._numbers.invalid_share else []),
            *filter(None, [self._end_note]),
        ]

    @property
    def channels(self) -> int:
        """The number of rows of the pieces; known from the first one."""
        return self._use.count if self._use else 0

    def require_whole(self) -> None:
        """Raises AudioDecodeError if something was left out, or many samples are not numbers, as in no example."""
        if self._damage:
            reason = damage_note(self._damage[:1]) if self._damage[0] in self.holes else self._end_note
            raise AudioDecodeError(f"{self._path.name}: {reason}; copy or download it again")
        self._numbers.require_few(self._path.name)

    def pieces(self) -> Iterator[Piece]:
        """Yields the sound in order. To be called once.

        Raises AudioDecodeError if there is no such file or track, or no sound in it, and what the check raises."""
        try:
            yield from self._pieces()
        except _CheckFailed as failed:
            raise failed.error from None

    def _pieces(self) -> Iterator[Piece]:
        has_samples = False
        with ffmpeg_errors(self._path) if self._content is not None else decode_errors(self._path):
            offset: int | None = 0
            while offset is not None:
                with open_audio(self._path, self._content, offset) as container:
                    frames = TrackFrames(self._path, self._start(container, is_first=not offset), self._damage)
                    for frame in joined(frames.read(container, self._track.number - 1), PIECE_S):
                        self._run_check()
                        piece = self._piece(frame)
                        has_samples = has_samples or piece.samples.size > 0 or frame.samples > 0
                        yield piece
                    offset = self._next_offset(container, frames, offset)
            yield self._rest()
        if not has_samples:
            raise AudioDecodeError(f"{self._path.name}: {NOT_READABLE if self._end_note else NO_SAMPLES}")
        self._numbers.require_few(self._path.name, MAX_INVALID_SHARE_OF_SOUND)

    def _run_check(self) -> None:
        """Calls the check. Its errors are kept apart from those of the decoder, which they may resemble."""
        try:
            self._check()
        except Exception as error:
            raise _CheckFailed(error) from error

    def _start(self, container: InputContainer, is_first: bool) -> SilenceFiller:
        """Chooses the track of a part of the file and returns what fills its holes."""
        tracks = list_tracks(container)
        choice = self._choice.track if is_first else AUTO
        self._track = choose_track(tracks, choice, self._language, self._path)
        require_usable_rate(self._track.rate_hz, self._track.channels, self._path)
        if not is_first:
            self._filler.restart()
            return self._filler
        self._track_note = track_note(self._track, len(tracks))
        self._use = self._channel_use()
        self._to_native = _NativeForm(container.streams.audio[self._track.number - 1]) if self._has_native else None
        start_s = start_of(container) if self._keeps_times and is_timed(container) else None
        self._filler = SilenceFiller(start_s)
        return self._filler

    def _channel_use(self) -> ChannelUse:
        if self._channel is not None:
            return OneChannel(self._channel, self._path)
        if self._choice.channels == "separate":
            return SeparateChannels(self._track.channels)
        return MixedChannels()

    def _piece(self, frame: av.AudioFrame) -> Piece:
        frame = self._numbers.feed(frame)
        native = self._to_native.feed(frame) if self._to_native else None
        return Piece(self._rows(self._resampler.feed(frame)), native)

    def _rest(self) -> Piece:
        """Returns what the filters still hold."""
        native = self._to_native.flush() if self._to_native else None
        return Piece(self._rows(self._resampler.flush(), is_last=True), native)

    def _rows(self, frames: Iterator[av.AudioFrame], is_last: bool = False) -> Channels:
        use = self._use
        assert use is not None
        rows = [use.feed(frame) for frame in frames]
        rows += [use.flush()] if is_last else []
        return np.concatenate([np.zeros((use.count, 0), np.float32), *rows], axis=1)

    def _next_offset(self, container: InputContainer, frames: TrackFrames, offset: int) -> int | None:
        """Returns where the next part of a joined file starts; None at the end of the file, which is noted."""
        position = offset + frames.last_position
        following = next_part(self._path, self._content, container.format.name, position)
        if following is not None and following > offset:
            return following
        end_s = self._filler.output_s
        leading_s = self.holes[0].end_s if self.holes and not self.holes[0].start_s else 0.0
        stated_s = max(leading_s + stated_duration_s(container, self._track), self._wav_duration_s(end_s))
        if stated_s - end_s > CUT_OFF_S and not offset:
            self._end_note = CUT_OFF.format(clock(stated_s), clock(end_s))
        if frames.ends_broken:
            self._damage.append(Hole(end_s, max(end_s, stated_s)))
            self._end_note = self._end_note or BROKEN_END.format(clock(end_s))
        return None

    def _wav_duration_s(self, found_s: float) -> float:
        """Returns how long the sound of a WAV file should last, of which there are `found_s` seconds."""
        return found_s / (1 - missing_wav_share(self._path)) if self._content is None else 0.0


class _NativeForm:
    """Converts frames to float32 at a track's own rate and channels, as its header states them."""

    def __init__(self, stream: AudioStream):
        self._count = stream.layout.nb_channels
        self._resampler = Resampler(stream.rate, stream.layout)

    def feed(self, frame: av.AudioFrame) -> NativeSamples:
        return channels_of_all(self._resampler.feed(frame), self._count)

    def flush(self) -> NativeSamples:
        return channels_of_all(self._resampler.flush(), self._count)
