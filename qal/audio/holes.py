"""Fills the holes of a sound track with silence, so that each sample is at the time that the file states for it.

    frames      ├──0 to 4 s──┤        ├──6 to 9 s──┤         packets that were lost, or were never written
    samples     ████████████░░░░░░░░░██████████████         4 s, 2 s of silence, 3 s

The sound of a video may also start later than its picture. Players keep to these times, and so do subtitles."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

MIN_HOLE_S = 0.1  # shorter ones come from rounded times and from the delay of an encoder
MAX_HOLE_S = 3600.0  # a longer one comes from damaged times
MAX_SILENCE_S = 4 * 3600.0  # in one file: damaged times must not turn a small file into days of silence
NEW_TIMES_S = 10.0  # by which times go back where they begin anew, as in joined files
MP4, MAX_EDIT_S = "mp4", 600.0  # whose edit lists put silence before the sound; more comes from a part of a live stream
SILENT_FRAME = 1 << 19  # values of all channels
UNSIGNED_ZERO = 128  # of 8-bit samples


class Hole(NamedTuple):
    """Silence that was filled in, in seconds from the first sample."""

    start_s: float
    end_s: float


def start_of(container: InputContainer) -> float | None:
    """Returns the time at which a player starts a file: that of the first of its tracks, in MP4 mostly 0.

    None if it is not known."""
    if container.start_time is None:
        return None
    start_s = container.start_time / av.time_base
    is_edited = MP4 in container.format.name.split(",") and 0 < start_s <= MAX_EDIT_S
    return 0.0 if is_edited else start_s


class SilenceFiller:
    """Inserts silence between the frames of a track. `holes` lists it.

    Args:
        start_s: the time from which the samples are counted; None: that of the first frame."""

    def __init__(self, start_s: float | None = None):
        self.holes: list[Hole] = []
        self._expected_s = start_s  # the time of the next sample, if there is no hole
        self._filled_s = self._output_s = 0.0

    def feed(self, frame: av.AudioFrame, time_s: float | None) -> Iterator[av.AudioFrame]:
        """Yields silent frames for the hole before a frame, if there is one, then the frame.

        Args:
            frame: the next frame, which `planes` can read.
            time_s: when it starts; None: not known."""
        hole_s = self._hole_s(time_s) if frame.samples else 0.0
        if hole_s:
            self.holes.append(Hole(self._output_s, self._output_s + hole_s))
            self._filled_s += hole_s
            yield from _silent_frames(frame, round(hole_s * frame.sample_rate))
        duration_s = frame.samples / frame.sample_rate
        self._output_s += hole_s + duration_s
        yield frame
        if self._expected_s is not None:
            self._expected_s += duration_s

    def restart(self) -> None:
        """Takes the time of the next frame as it comes, as of another file that is joined to the first one."""
        self._expected_s = None

    @property
    def output_s(self) -> float:
        """Duration of the frames and of the silence so far."""
        return self._output_s

    def _hole_s(self, time_s: float | None) -> float:
        """Returns the duration of the silence before a frame at a time, and expects the frame's samples next."""
        if time_s is None:
            return 0.0
        hole_s = 0.0 if self._expected_s is None else time_s - self._expected_s
        is_hole = MIN_HOLE_S <= hole_s <= MAX_HOLE_S and self._filled_s + hole_s <= MAX_SILENCE_S
        if self._expected_s is None or is_hole or hole_s > MAX_HOLE_S or hole_s < -NEW_TIMES_S:
            self._expected_s = time_s
        return hole_s if is_hole else 0.0


def _silent_frames(like: av.AudioFrame, count: int) -> Iterator[av.AudioFrame]:
    """Yields `count` silent samples in the form of a frame."""
    values: NDArray[Any] = like.to_ndarray()
    values_per_sample = values.shape[1] // like.samples
    zero = UNSIGNED_ZERO if values.dtype == np.uint8 else 0
    step = max(1, SILENT_FRAME // like.layout.nb_channels)
    for first in range(0, count, step):
        n = min(step, count - first)
        silence = np.full((len(values), n * values_per_sample), zero, values.dtype)
        frame = av.AudioFrame.from_ndarray(silence, like.format.name, like.layout.name)
        frame.sample_rate = like.sample_rate
        yield frame
