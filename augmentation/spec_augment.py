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
    """Returns a copy of the log-mel with masks, which are set to its mean.

    Args:
        mel: (n_mels, frames), not changed.
        rng: source of the masks' places and widths.
        time_masks: number of time masks.
        time_mask_share: maximum width of a time mask, as a share of speech_frames.
        frequency_masks: number of frequency masks.
        frequency_mask_bins: maximum width of a frequency mask, in mel bins.
        speech_frames: time masks lie inside the first frames up to this number.

    Returns:
        The masked log-mel, (n_mels, frames)."""
    masked = mel.copy()
    fill_value = mel.mean()
    for _ in range(time_masks):
        width = int(rng.integers(0, int(speech_frames * time_mask_share) + 1))
        start = int(rng.integers(0, max(1, speech_frames - width)))
        masked[:, start : start + width] = fill_value
    for _ in range(frequency_masks):
        width = int(rng.integers(0, min(frequency_mask_bins, len(mel)) + 1))
        start = int(rng.integers(0, len(mel) - width + 1))
        masked[start : start + width] = fill_value
    return masked
