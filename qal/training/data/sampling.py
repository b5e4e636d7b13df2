"""The sampler of a run: its corpora's weights, and what makes a row hard where easy ones come first."""

from collections.abc import Sequence

import numpy as np

from qal.audio.samples import HOP, Samples
from qal.jobs.options.data import CurriculumOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.skipped_audio import BadRow, heard_or_bad
from qal.text.normalisation import normalise
from qal.training.data.buckets import LengthBuckets
from qal.training.data.examples import Example
from qal.training.loop.distributed import ALONE, Ranks

LOUD, QUIET = 95, 10  # percentiles of the frames' energy: speech, and what is there when nobody speaks
MAX_SNR_DB = 100.0


def make_buckets(examples: Sequence[Example], config: TrainingConfig, ranks: Ranks = ALONE) -> LengthBuckets:
    curriculum = config.curriculum
    return LengthBuckets(
        [e.duration_s for e in examples],
        config.batch_size,
        config.seed,
        config.compute.batch_seconds,
        [e.weight for e in examples],
        None if curriculum.by == "none" else [hardness_of(e, curriculum) for e in examples],
        curriculum.epochs,
        ranks.rank,
        ranks.world,
    )


def hardness_of(example: Example, curriculum: CurriculumOptions) -> float:
    """Higher is harder."""
    if curriculum.by == "duration":
        return example.duration_s
    if curriculum.by == "text_length":
        return len(example.text)
    if curriculum.by == "words_per_second":
        return len(normalise(example.reference).split()) / max(example.duration_s, 0.1)
    sound = heard_or_bad(example.audio, example.duration_s)
    return 0.0 if isinstance(sound, BadRow) else -signal_to_noise_db(sound)


def signal_to_noise_db(samples: Samples) -> float:
    """The loud frames' energy over the quiet ones': an estimate that needs no reference."""
    frames = np.square(samples[: len(samples) // HOP * HOP], dtype=np.float64).reshape(-1, HOP).mean(1)
    if not len(frames):
        return 0.0
    quiet, loud = np.percentile(frames, [QUIET, LOUD])
    return min(MAX_SNR_DB, 10 * np.log10(max(loud, 1e-12) / max(quiet, 1e-12)))
