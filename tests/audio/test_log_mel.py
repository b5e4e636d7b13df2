"""The log-mel spectrogram."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from qal.audio import log_mel as module
from qal.audio.log_mel import log_mel
from tests.fakes import noise


def test_no_other_thread_computes_a_spectrogram(monkeypatch: pytest.MonkeyPatch):
    threads: list[int] = []

    def extract(samples: np.ndarray, padding: int) -> np.ndarray:
        threads.extend(info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas")
        return np.zeros((80, len(samples) // 160 + 1))

    monkeypatch.setattr(module, "_extractor", lambda n_mels: extract)
    assert log_mel(noise(16_000)).shape == (80, 100)
    assert set(threads) <= {1}
