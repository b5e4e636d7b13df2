"""The whole of augmentation: waveform, then spectrogram."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from augmentation.options import AugmentationOptions
from augmentation.spec_augment import spec_augment
from augmentation.waveform import augment, pipeline
from qal.audio.log_mel import LogMel
from qal.audio.samples import HOP, Samples


class Augmenter:
    """Draws from the generator that it is given, and from nothing else. `voices`: what babble is made of.

    Raises OptionError when a folder of sounds cannot be used."""

    def __init__(self, options: AugmentationOptions, voices: Sequence[Path] = ()):
        self.options = options
        self.alters_sound = any(s.probability for s in options.switches.values())
        self._pipeline = pipeline(options, voices)

    def waveform(self, samples: Samples, rng: np.random.Generator) -> Samples:
        return augment(samples, self._pipeline, rng) if self.alters_sound else samples

    def applied(self) -> list[str]:
        """Names of the transforms that the last waveform went through."""
        names = [name for name, switch in self.options.switches.items() if switch.probability]
        transforms = self._pipeline.transforms
        return [n for n, t in zip(names, transforms, strict=True) if t.parameters["should_apply"]]

    def mel(self, mel: LogMel, rng: np.random.Generator, speech_samples: int) -> LogMel:
        o = self.options
        bins, share = o.frequency_mask_bins, o.time_mask_share
        return spec_augment(mel, rng, o.time_masks, share, o.frequency_masks, bins, speech_samples // HOP)
