"""Reads and writes the samples of FFmpeg's audio frames, for any number of channels.

Frames with a plane for each channel are interleaved first: PyAV reads beyond the list of the planes if there are 8 or
more, which ends the process."""

from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

MAX_PLANES = 7  # that PyAV reads safely


def interleaved(frame: av.AudioFrame) -> av.AudioFrame:
    """Returns a frame with the same samples that is safe to read: with one plane, or with few ones."""
    if not frame.format.is_planar or frame.layout.nb_channels <= MAX_PLANES:
        return frame
    resampler = av.AudioResampler(format=frame.format.packed.name)
    (packed,) = resampler.resample(frame)
    return packed


def channels_of(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Returns the samples of a frame of the format flt, (channels, n)."""
    return np.ascontiguousarray(frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T, np.float32)


def frame_of(channels: NDArray[np.float32], layout: str, rate_hz: int) -> av.AudioFrame:
    """Returns a frame of the format flt with the given samples, (channels, n)."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels.T, np.float32).reshape(1, -1), "flt", layout)
    frame.sample_rate = rate_hz
    return frame


def sliced(frame: av.AudioFrame, max_samples: int) -> Iterator[av.AudioFrame]:
    """Yields the parts of an interleaved frame, each of at most `max_samples` samples; `time` is that of the first."""
    if frame.samples <= max_samples:
        yield frame
        return
    values = frame.to_ndarray()
    step = max_samples * (values.shape[1] // frame.samples)
    for first in range(0, values.shape[1], step):
        part = values[:, first : first + step]
        yield _frame_of_values([part], frame)


def joined(frames: Iterator[av.AudioFrame], min_s: float) -> Iterator[av.AudioFrame]:
    """Joins short interleaved frames of the same form to frames of at least `min_s` seconds, which cost less each."""
    pending: list[NDArray[Any]] = []
    last: av.AudioFrame | None = None
    samples = 0
    for frame in frames:
        if last is not None and _form(frame) != _form(last):
            yield _frame_of_values(pending, last)
            pending, samples = [], 0
        last = frame
        pending.append(frame.to_ndarray())
        samples += frame.samples
        if samples >= min_s * frame.sample_rate:
            yield _frame_of_values(pending, frame)
            pending, samples, last = [], 0, None
    if last is not None:
        yield _frame_of_values(pending, last)


def _form(frame: av.AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _frame_of_values(values: list[NDArray[Any]], like: av.AudioFrame) -> av.AudioFrame:
    """Returns a frame with the values of several ones, one after the other."""
    all_values = np.ascontiguousarray(np.concatenate(values, axis=1))
    frame = av.AudioFrame.from_ndarray(all_values, like.format.name, like.layout.name)
    frame.sample_rate = like.sample_rate
    return frame
