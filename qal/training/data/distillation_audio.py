"""The sounds of distillation's lessons: utterances, joined or altered or in noise, and noise alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from augmentation.augmenter import Augmenter
from augmentation.noise import Background, audio_files, excerpt, first_minute
from augmentation.options import BackgroundOptions
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.jobs.options.data import DistillationOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.skipped_audio import BadRow, heard_or_bad
from qal.training.data.examples import Example

MAX_JOINED = 5
PAUSE_S = (0.15, 0.7)  # between joined utterances
NOISE_DRAWS = 2  # its draws are its own: noise alters no other choice


@dataclass(frozen=True)
class Sound:
    samples: Samples
    example: Example
    silent: bool = False  # nobody speaks


def prepare_sounds(
    examples: Sequence[Example], config: TrainingConfig, skipped: Callable[[BadRow], object]
) -> list[Sound]:
    """One sound an example: some joined with others of the same language, some altered, drawn from the seed.

    What cannot be heard is left out, and told to `skipped`."""
    rng = np.random.default_rng([config.seed, len(examples)])
    augmenter, options = Augmenter(config.augmentation, [e.audio for e in examples]), config.distillation
    by_language: dict[str, list[Example]] = {}
    for example in examples:
        by_language.setdefault(example.language, []).append(example)
    sounds = []
    for example in examples:
        chosen = [example]
        if rng.random() < options.joined_share:
            others = by_language[example.language]
            chosen += [others[i] for i in rng.integers(0, len(others), rng.integers(1, MAX_JOINED))]
        parts = [heard_or_bad(e.audio, e.duration_s) for e in chosen]
        for bad in (p for p in parts if isinstance(p, BadRow)):
            skipped(bad)
        if isinstance(parts[0], BadRow):
            continue
        samples = _joined([p for p in parts if not isinstance(p, BadRow)], config.max_utterance_s, rng)
        if rng.random() < options.altered_share:
            samples = augmenter.waveform(samples, rng)[: int(config.max_utterance_s * SAMPLE_RATE)]
        sounds.append(Sound(samples, example))
    if options.noise_folder is None:
        return sounds
    noise_rng = np.random.default_rng([config.seed, len(examples), NOISE_DRAWS])
    return [*_in_noise(sounds, options, noise_rng), *_noises(sounds, config, noise_rng)]


def _in_noise(sounds: list[Sound], options: DistillationOptions, rng: np.random.Generator) -> list[Sound]:
    """The same, a share of them mixed with a sound of the folder."""
    background = Background(
        BackgroundOptions(
            folder=options.noise_folder, babble_share=0, min_snr_db=options.min_snr_db, max_snr_db=options.max_snr_db
        ),
        voices=[],
    )
    noisy = rng.random(len(sounds)) < options.noisy_share
    return [
        replace(s, samples=np.clip(background(s.samples, rng), -1, 1)) if n else s
        for s, n in zip(sounds, noisy, strict=True)
    ]


def _noises(sounds: list[Sound], config: TrainingConfig, rng: np.random.Generator) -> list[Sound]:
    """Sounds of the folder alone, as long as lessons are, each under some lesson's language."""
    count = round(config.distillation.silent_share * len(sounds))
    if not count or config.distillation.noise_folder is None:
        return []
    files, found = audio_files(config.distillation.noise_folder), []
    for _ in range(count):
        like = sounds[rng.integers(len(sounds))]
        samples = excerpt(first_minute(files[rng.integers(len(files))]), len(like.samples), rng)
        found.append(Sound(samples, replace(like.example, duration_s=seconds(samples)), silent=True))
    return found


def _joined(parts: Sequence[Samples], limit_s: float, rng: np.random.Generator) -> Samples:
    """Parts with pauses between them, as many as stay under the limit."""
    joined = parts[0]
    for part in parts[1:]:
        pause = np.zeros(int(rng.uniform(*PAUSE_S) * SAMPLE_RATE), np.float32)
        if len(joined) + len(pause) + len(part) > limit_s * SAMPLE_RATE:
            break
        joined = np.concatenate([joined, pause, part])
    return joined
