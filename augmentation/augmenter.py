"""Augmentation of a training example: first its waveform, then its spectrogram."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from augmentation.options import AugmentationOptions
from augmentation.spec_augment import spec_augment
from augmentation.waveform import augment, build_pipeline
from qal.audio.log_mel import LogMel
from qal.audio.samples import HOP, Samples


class Augmenter:
    """Augments with randomness from the given generators only.

    `babble_paths` are recordings of speech for background voices. Raises OptionError if a folder of sounds cannot be
    used."""

    def __init__(self, options: AugmentationOptions, babble_paths: Sequence[Path] = ()):
        self.options = options
        self.alters_waveform = bool(options.enabled_transforms)
        self._pipeline = build_pipeline(options, babble_paths)

    def augment_waveform(self, samples: Samples, rng: np.random.Generator) -> Samples:
        """Applies the waveform transforms; the length may change: (n,) -> (m,)."""
        return augment(samples, self._pipeline, rng) if self.alters_waveform else samples

    def applied_transforms(self) -> list[str]:
        """Returns the names of the transforms that the last call of `augment_waveform` applied."""
        transforms = zip(self.options.enabled_transforms, self._pipeline.transforms, strict=True)
        return [name for name, transform in transforms if transform.parameters["should_apply"]]

    def mask_log_mel(self, mel: LogMel, rng: np.random.Generator, speech_samples: int) -> LogMel:
        """Applies SpecAugment; time masks lie inside the first `speech_samples` samples."""
        return spec_augment(
            mel,
            rng,
            time_masks=self.options.time_masks,
            time_mask_share=self.options.time_mask_share,
            frequency_masks=self.options.frequency_masks,
            frequency_mask_bins=self.options.frequency_mask_bins,
            speech_frames=speech_samples // HOP,
        )
