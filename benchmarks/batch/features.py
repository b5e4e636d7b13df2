"""The log-mel input of the model against faster-whisper's: equal, and not slower."""

import time
from collections.abc import Callable
from statistics import median

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor

from qal.audio.log_mel import log_mel
from qal.audio.samples import SAMPLE_RATE, WINDOW_S

ROUNDS = 15
DURATIONS_S = (2, 8, WINDOW_S)


def log_mel_figures() -> tuple[dict[str, float], dict[str, float]]:
    """Returns our figures and the peer's: the largest difference, and milliseconds for some durations."""
    rng = np.random.default_rng(0)
    extractor = FeatureExtractor()
    ours: dict[str, float] = {}
    peer: dict[str, float] = {}
    ratios, differences = [], []
    for duration_s in DURATIONS_S:
        samples = rng.normal(0, 0.1, duration_s * SAMPLE_RATE).astype(np.float32)
        differences.append(float(np.abs(log_mel(samples) - extractor(samples, padding=0)[:, : duration_s * 100]).max()))
        our_ms, peer_ms = _alternately_ms(lambda x=samples: log_mel(x), lambda x=samples: extractor(x, padding=0))
        ours[f"log_mel_{duration_s}_s_ms"], peer[f"log_mel_{duration_s}_s_ms"] = round(our_ms, 2), round(peer_ms, 2)
        ratios.append(peer_ms / our_ms)
    ours |= {"log_mel_difference": max(differences), "log_mel_times_faster_whisper": round(median(ratios), 2)}
    return ours, peer


def _alternately_ms(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Returns the median times of two functions that are called in turn."""
    times_ms: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for function, into in zip((one, other), times_ms, strict=True):
            started = time.perf_counter()
            function()
            into.append(1000 * (time.perf_counter() - started))
    return median(times_ms[0]), median(times_ms[1])
