"""Reads the sound of a file of any length block by block, as it is transcribed, in little memory."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from qal.audio.decoding.notes import TOO_LONG
from qal.audio.decoding.opening import Check, decode_errors, no_check, open_audio, require_usable_rate
from qal.audio.decoding.sound_stream import SoundStream
from qal.audio.decoding.tracks import SoundTrack, choose_track, list_tracks, stated_duration_s
from qal.audio.samples import SAMPLE_RATE
from qal.audio.sound_choice import DEFAULT_SOUND, SoundChoice

BLOCK_S = 5.0
MAX_SOUND_S = 24 * 3600.0  # a small file of silence may last for years

Blocks = NDArray[np.float32]  # (channels, n) at 16 kHz


class SoundFile:
    """The sound of an audio or video file, with the times of the file: a late start and holes are silence.

    What is damaged is left out. `notes` says so, in sentences without a full stop; it is complete after the last block.

    Args:
        path: the file.
        choice: the track, and whether its channels are mixed.
        language: of the speech, which chooses among several tracks; None: not known.
        check: called for each piece; an error that it raises stops the decoding.

    Raises:
        AudioDecodeError: there is no such file or track, or it is not audio."""

    def __init__(
        self,
        path: Path,
        choice: SoundChoice = DEFAULT_SOUND,
        language: str | None = None,
        check: Check = no_check,
    ):
        self.path = path
        self._choice, self._language, self._check = choice, language, check
        with decode_errors(path), open_audio(path) as container:
            self.tracks: list[SoundTrack] = list_tracks(container)
            self.track = choose_track(self.tracks, choice.track, language, path)
            require_usable_rate(self.track.rate_hz, self.track.channels, path)
            stated_s = stated_duration_s(container, self.track)
            duration_s = container.duration / av.time_base if container.duration else stated_s
        self.declared_duration_s: float | None = duration_s or None  # may be an estimate, or wrong
        self.channels = self.track.channels if choice.channels == "separate" else 1
        self.notes: list[str] = []

    def blocks(self) -> Iterator[Blocks]:
        """Yields the samples, (channels, n) at 16 kHz, BLOCK_S long and more only by a piece; the last may be shorter.

        Raises AudioDecodeError if there is no sound in the file."""
        stream = SoundStream(self.path, self._choice, self._language, check=self._check)
        pending: list[Blocks] = []
        n = total = 0
        for piece in stream.pieces():
            pending.append(piece.samples)
            n += piece.samples.shape[1]
            if n >= BLOCK_S * SAMPLE_RATE:
                total += n
                yield np.concatenate(pending, axis=1)
                pending, n = [], 0
                self.notes = stream.notes
            if total >= MAX_SOUND_S * SAMPLE_RATE:
                self.notes = [*stream.notes, TOO_LONG.format(MAX_SOUND_S / 3600)]
                return
        if n:
            yield np.concatenate(pending, axis=1)
        self.notes = stream.notes
