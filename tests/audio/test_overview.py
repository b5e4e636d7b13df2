import numpy as np
import pytest

from qal.audio.log_mel import log_mel
from qal.audio.overview import MelStream, Overview, PooledColumns
from qal.audio.samples import HOP
from tests.fakes import noise


def pooled(values: np.ndarray, limit: int, chunk: int) -> tuple[np.ndarray, int]:
    columns = PooledColumns(limit, np.maximum)
    for i in range(0, len(values), chunk):
        columns.feed(values[i : i + chunk])
    return columns.columns(), columns.stride


@pytest.mark.parametrize("chunk", [1, 3, 64, 1000])
@pytest.mark.parametrize("n", [1, 16, 17, 33, 1000])
def test_pooled_columns_do_not_depend_on_chunk_size(n, chunk):
    values = noise(n)
    columns, stride = pooled(values, 16, chunk)
    expected_columns, expected_stride = pooled(values, 16, n)
    assert stride == expected_stride
    assert np.array_equal(columns, expected_columns)


@pytest.mark.parametrize("n", [5, 100, 5000])
def test_pooled_columns_stay_below_the_limit_and_keep_extremes(n):
    values = noise(n)
    columns, stride = pooled(values, 16, 50)
    assert len(columns) <= 17
    assert np.array_equal(columns, [values[i : i + stride].max() for i in range(0, n, stride)])


@pytest.mark.parametrize("chunk", [100, 1600, 16_000])
def test_streamed_log_mel_equals_whispers_before_normalisation(chunk):
    samples, stream = noise(16_000), MelStream()
    frames = [stream.feed(samples[i : i + chunk]) for i in range(0, len(samples), chunk)]
    mel = np.concatenate([*frames, stream.flush()], axis=1)[:, : len(samples) // HOP]
    normalised = (np.maximum(mel, mel.max() - 8) + 4) / 4
    inside = slice(2, -2)  # Whisper mirrors the audio at its ends
    assert np.allclose(normalised[:, inside], log_mel(samples)[:, inside], atol=1e-4)


def test_outline_holds_the_minimum_and_the_maximum():
    overview, samples = Overview(max_outline_columns=10, max_mel_columns=10), noise(5000)
    overview.feed(samples)
    overview.flush()
    low, high = overview.outline
    assert (low.min(), high.max()) == (samples.min(), samples.max())
    assert overview.outline.shape[1] * overview.outline_samples >= len(samples)
    assert overview.mel.shape[1] * overview.mel_samples >= len(samples)
