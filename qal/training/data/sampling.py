"""The batch sampler of a run, and the difficulty of examples for a curriculum."""

from collections.abc import Sequence

import numpy as np

from qal.audio.samples import HOP, Samples
from qal.jobs.options.data import CurriculumOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.skipped_audio import UnusableAudio, load_if_usable
from qal.text.normalisation.basic import normalise_basic
from qal.training.data.buckets import LengthBucketSampler
from qal.training.data.examples import Example
from qal.training.loop.distributed import SINGLE_PROCESS, TrainingProcess

SPEECH_PERCENTILE, NOISE_PERCENTILE = 95, 10  # of the frames' energy
MIN_ENERGY = 1e-12
MAX_SNR_DB = 100.0


def make_sampler(
    examples: Sequence[Example], config: TrainingConfig, process: TrainingProcess = SINGLE_PROCESS
) -> LengthBucketSampler:
    """Makes the sampler of the training examples, with the run's weights and curriculum."""
    curriculum = config.curriculum
    return LengthBucketSampler(
        [e.duration_s for e in examples],
        config.batch_size,
        config.seed,
        config.compute.batch_seconds,
        [e.weight for e in examples],
        None if curriculum.by == "none" else [difficulty(e, curriculum) for e in examples],
        curriculum.epochs,
        process.rank,
        process.world_size,
    )


def difficulty(example: Example, curriculum: CurriculumOptions) -> float:
    """Difficulty of an example in the unit of the curriculum's measure; higher is harder."""
    if curriculum.by == "duration":
        return example.duration_s
    if curriculum.by == "text_length":
        return len(example.text)
    if curriculum.by == "words_per_second":
        return len(normalise_basic(example.reference).split()) / max(example.duration_s, 0.1)
    samples = load_if_usable(example.audio, example.duration_s)
    return 0.0 if isinstance(samples, UnusableAudio) else -estimated_snr_db(samples)


def estimated_snr_db(samples: Samples) -> float:
    """Estimates the signal-to-noise ratio without a reference: the energy of loud frames over that of quiet ones."""
    energies = np.square(samples[: len(samples) // HOP * HOP], dtype=np.float64).reshape(-1, HOP).mean(1)
    if not len(energies):
        return 0.0
    noise, speech = np.percentile(energies, [NOISE_PERCENTILE, SPEECH_PERCENTILE])
    return min(MAX_SNR_DB, 10 * np.log10(max(speech, MIN_ENERGY) / max(noise, MIN_ENERGY)))
