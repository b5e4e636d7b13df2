import numpy as np
import pytest

from qal.audio.log_mel import log_mel
from qal.audio.overview import Columns, MelStream, Overview
from qal.audio.samples import HOP
from tests.fakes import noise


def pooled(values: np.ndarray, limit: int, chunk: int) -> tuple[np.ndarray, int]:
    columns = Columns(limit, np.maximum)
    for i in range(0, len(values), chunk):
        columns.feed(values[i : i + chunk])
    return columns.all(), columns.stride


@pytest.mark.parametrize("chunk", [1, 3, 64, 1000])
@pytest.mark.parametrize("n", [1, 16, 17, 33, 1000])
def test_columns_do_not_depend_on_chunk_size(n, chunk):
    values = noise(n)
    (found, stride), (whole, expected) = pooled(values, 16, chunk), pooled(values, 16, n)
    assert stride == expected
    assert np.array_equal(found, whole)


@pytest.mark.parametrize("n", [5, 100, 5000])
def test_columns_are_few_and_lose_no_extreme(n):
    values = noise(n)
    columns, stride = pooled(values, 16, 50)
    assert len(columns) <= 17
    assert np.array_equal(columns, [values[i : i + stride].max() for i in range(0, n, stride)])


@pytest.mark.parametrize("chunk", [100, 1600, 16_000])
def test_the_streamed_mel_is_whispers_before_it_is_levelled(chunk):
    samples, stream = noise(16_000), MelStream()
    parts = [stream.feed(samples[i : i + chunk]) for i in range(0, len(samples), chunk)]
    mel = np.concatenate([*parts, stream.flush()], axis=1)[:, : len(samples) // HOP]
    levelled = (np.maximum(mel, mel.max() - 8) + 4) / 4
    inside = slice(2, -2)  # at the ends Whisper mirrors the sound
    assert np.allclose(levelled[:, inside], log_mel(samples)[:, inside], atol=1e-4)


def test_the_outline_holds_the_lowest_and_the_highest():
    overview, samples = Overview(max_outline=10, max_frames=10), noise(5000)
    overview.feed(samples)
    overview.flush()
    low, high = overview.outline
    assert (low.min(), high.max()) == (samples.min(), samples.max())
    assert overview.outline.shape[1] * overview.outline_samples >= len(samples)
    assert overview.mel.shape[1] * overview.mel_samples >= len(samples)
