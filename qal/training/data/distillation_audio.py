"""Audio of distillation: single or concatenated utterances, some augmented or mixed with noise, and noise alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from augmentation.augmenter import Augmenter
from augmentation.noise import BackgroundNoise, list_audio_files, load_clip, random_excerpt
from augmentation.options import BackgroundOptions
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.evaluation.scoring import ProgressCallback, no_progress
from qal.jobs.options.data import DistillationOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.skipped_audio import UnusableAudio, load_if_usable
from qal.training.data.examples import Example

MAX_CONCATENATED = 5  # utterances
PAUSE_RANGE_S = (0.15, 0.7)  # between concatenated utterances
NOISE_STREAM = 2  # random stream of the noise, so that noise does not change the other choices


@dataclass(frozen=True)
class DistillationAudio:
    """Audio for the teacher, with the example whose prompt it uses."""

    samples: Samples
    example: Example
    noise_only: bool = False  # the audio holds no speech


def prepare_distillation_audio(
    examples: Sequence[Example],
    config: TrainingConfig,
    on_bad_row: Callable[[UnusableAudio], object],
    progress: ProgressCallback = no_progress,
) -> list[DistillationAudio]:
    """Makes the audio of each example: some concatenated with others of the same language, some augmented.

    Args:
        examples: training examples.
        config: the run's configuration; its seed determines every choice.
        on_bad_row: called for audio that cannot be used and is skipped.
        progress: called before each example is read.

    Returns:
        the audio of the usable examples, followed by noise alone where `distillation.silent_share` asks for it."""
    rng = np.random.default_rng([config.seed, len(examples)])
    augmenter, options = Augmenter(config.augmentation, [e.audio for e in examples]), config.distillation
    by_language: dict[str, list[Example]] = {}
    for example in examples:
        by_language.setdefault(example.language, []).append(example)
    audios = []
    for i, example in enumerate(examples):
        progress(i, len(examples))
        chosen = [example]
        if rng.random() < options.joined_share:
            same_language = by_language[example.language]
            indices = rng.integers(0, len(same_language), rng.integers(1, MAX_CONCATENATED))
            chosen += [same_language[i] for i in indices]
        loaded = [load_if_usable(e.audio, e.duration_s) for e in chosen]
        for bad_row in (item for item in loaded if isinstance(item, UnusableAudio)):
            on_bad_row(bad_row)
        if isinstance(loaded[0], UnusableAudio):
            continue
        utterances = [item for item in loaded if not isinstance(item, UnusableAudio)]
        samples = _concatenated(utterances, config.max_utterance_s, rng)
        if rng.random() < options.altered_share:
            samples = augmenter.augment_waveform(samples, rng)[: int(config.max_utterance_s * SAMPLE_RATE)]
        audios.append(DistillationAudio(samples, example))
    if options.noise_folder is None:
        return audios
    noise_rng = np.random.default_rng([config.seed, len(examples), NOISE_STREAM])
    return [*_with_noise(audios, options, noise_rng), *_noise_only(audios, config, noise_rng)]


def _with_noise(
    audios: list[DistillationAudio], options: DistillationOptions, rng: np.random.Generator
) -> list[DistillationAudio]:
    """Mixes a share of the audio with noise of the folder."""
    background = BackgroundNoise(
        BackgroundOptions(
            folder=options.noise_folder, babble_share=0, min_snr_db=options.min_snr_db, max_snr_db=options.max_snr_db
        ),
        babble_paths=[],
    )
    noisy = rng.random(len(audios)) < options.noisy_share
    return [
        replace(audio, samples=np.clip(background(audio.samples, rng), -1, 1)) if is_noisy else audio
        for audio, is_noisy in zip(audios, noisy, strict=True)
    ]


def _noise_only(
    audios: list[DistillationAudio], config: TrainingConfig, rng: np.random.Generator
) -> list[DistillationAudio]:
    """Excerpts of the folder's noise, each with the duration and the language of a random utterance."""
    count = round(config.distillation.silent_share * len(audios))
    if not count or config.distillation.noise_folder is None:
        return []
    files, noises = list_audio_files(config.distillation.noise_folder), []
    for _ in range(count):
        model = audios[rng.integers(len(audios))]
        samples = random_excerpt(load_clip(files[rng.integers(len(files))]), len(model.samples), rng)
        example = replace(model.example, duration_s=seconds(samples))
        noises.append(DistillationAudio(samples, example, noise_only=True))
    return noises


def _concatenated(utterances: Sequence[Samples], limit_s: float, rng: np.random.Generator) -> Samples:
    """Concatenates utterances with random pauses, as many as fit into the limit."""
    joined = utterances[0]
    for utterance in utterances[1:]:
        pause = np.zeros(int(rng.uniform(*PAUSE_RANGE_S) * SAMPLE_RATE), np.float32)
        if len(joined) + len(pause) + len(utterance) > limit_s * SAMPLE_RATE:
            break
        joined = np.concatenate([joined, pause, utterance])
    return joined
