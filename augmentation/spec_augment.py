"""SpecAugment (Park et al. 2019) without time warping, on log-mels in NumPy."""

import numpy as np

from qal.audio.log_mel import LogMel


def spec_augment(
    mel: LogMel,
    rng: np.random.Generator,
    time_masks: int,
    time_mask_share: float,
    frequency_masks: int,
    frequency_mask_bins: int,
    speech_frames: int,
) -> LogMel:
    """A copy of mel (n_mels, frames) with masks set to its mean; time masks lie inside the first speech_frames."""
    mel = mel.copy()
    filling = mel.mean()
    for _ in range(time_masks):
        width = int(rng.integers(0, int(speech_frames * time_mask_share) + 1))
        start = int(rng.integers(0, max(1, speech_frames - width)))
        mel[:, start : start + width] = filling
    for _ in range(frequency_masks):
        width = int(rng.integers(0, min(frequency_mask_bins, len(mel)) + 1))
        start = int(rng.integers(0, len(mel) - width + 1))
        mel[start : start + width] = filling
    return mel
