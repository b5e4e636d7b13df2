"""Training steps with random weights: every batch padded to 30 s against adaptive context."""

import time
from collections.abc import Iterable
from typing import Any

import pytorch_lightning as pl
import torch

from benchmarks.bars import MAX_TRAINING_MEMORY_SHARE, MIN_TRAINING_TIMES_FASTER
from benchmarks.gpu.budget import Budget, OutOfTimeError
from benchmarks.gpu.options import GpuOptions
from benchmarks.gpu.random_weights import END, RandomModels, random_whisper
from benchmarks.gpu.results import Results
from benchmarks.gpu.speed import tokens_of
from benchmarks.gpu.timing import is_out_of_memory, release_memory, synchronise, used_memory_mb
from benchmarks.job import ROOT
from qal.audio.samples import SAMPLE_RATE, WINDOW_FRAMES
from qal.engine.decoding import Tokenizer
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.training.data.examples import Batch, Target, frames_with_margin, make_labels
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import allow_short_contexts
from qal.training.model.trainable import make_trainable

PRESET = ROOT / "configs" / "quick.yaml"
PROMPT = (END + 1, END + 2, END + 3, END + 4)
WARM_UP_STEPS = 2
PADDED_SPEECH_S = 5  # length of the text of the batches that are padded to 30 s


class StepClock(pl.Callback):
    """Times the steps after the first ones, and reads the peak memory.

    Args:
        device: "cuda" or "cpu".
        budget: training stops when it is over."""

    def __init__(self, device: str, budget: Budget):
        self.device, self.budget = device, budget
        self.steps = 0  # that were timed
        self.seconds = 0.0  # of these steps together
        self.peak_mb = 0.0
        self._began = 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == WARM_UP_STEPS:
            synchronise(self.device)
            self._began = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.device == "cpu":
            self.peak_mb = max(self.peak_mb, used_memory_mb("cpu"))
        if batch_idx >= WARM_UP_STEPS:
            synchronise(self.device)
            self.steps, self.seconds = batch_idx + 1 - WARM_UP_STEPS, time.perf_counter() - self._began
        trainer.should_stop = trainer.should_stop or self.budget.is_over


def measure_training(models: RandomModels, options: GpuOptions, device: str, budget: Budget, results: Results) -> None:
    config = load_config(PRESET).model_copy(
        update={"device": device, "batch_size": options.train_batch, "epochs": 1, "precision": "bf16-mixed"}
    )
    for done, size in enumerate(options.sizes):
        share = budget.share(1, len(options.sizes) - done)
        try:
            share.check()
            tokenizer = Tokenizer(models.directory(size))
            measure_size(size, tokenizer, config, options, share, results)
        except OutOfTimeError:
            results.skip(f"train_{size}: no time")
        release_memory(device)


def measure_size(
    size: str, tokenizer: Tokenizer, config: TrainingConfig, options: GpuOptions, budget: Budget, results: Results
) -> None:
    """Trains the same LoRA on one context after the other: on a GPU 30 s first, because everything is compared to it.

    On a CPU it comes last, because the memory of a process hardly falls again."""
    model = allow_short_contexts(random_whisper(size, config.device))
    trainable = make_trainable(model, config, config.precision, options.steps)
    module = SpeechModule(trainable, config, tokenizer, [], options.steps + WARM_UP_STEPS)
    contexts = {f"{s}s": (s, adaptive_training_frames(s, config)) for s in sorted(options.lengths)}
    padded = {"30s_context": (PADDED_SPEECH_S, WINDOW_FRAMES)}
    contexts = padded | contexts if config.device == "cuda" else contexts | padded
    for what, (speech_s, frames) in contexts.items():
        name, halvings = f"train_{size}_batch{config.batch_size}_{what}", module.halvings
        try:
            budget.check()
            found = train(
                module, make_batch(config.batch_size, model.config.num_mel_bins, frames, speech_s), options, budget
            )
        except OutOfTimeError:
            results.skip(f"{name}: no time")
            continue
        except Exception as error:  # CTranslate2, torch and Lightning report a lack of memory differently
            if not is_out_of_memory(error):
                raise
            results.skip(f"{name}: not enough memory")
            continue
        found["out_of_memory_halvings"] = module.halvings - halvings
        figures = {f"{name}_{key}": value for key, value in found.items()}
        results.put(*(({}, figures) if what == "30s_context" else (figures,)))
    compare(size, options, results)


def train(module: SpeechModule, batch: Batch, options: GpuOptions, budget: Budget) -> dict[str, Any]:
    """Trains on the same batch again and again; returns the speed and the peak memory."""
    config, device = module.config, str(module.config.device)
    clock = StepClock(device, budget)
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator=device.replace("cuda", "gpu"),
        devices=1,
        precision=config.precision,  # pyright: ignore[reportArgumentType]
        gradient_clip_val=config.gradient_clip or None,
        callbacks=[clock],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, train_dataloaders=Repeated(batch, options.steps + WARM_UP_STEPS))
    if not clock.steps:
        raise OutOfTimeError
    if device == "cuda":
        clock.peak_mb = torch.cuda.max_memory_allocated() / 1e6
    steps_per_s = clock.steps / clock.seconds
    return {
        "steps_per_s": round(steps_per_s, 3),
        "utterances_per_s": round(steps_per_s * len(batch.mel), 2),
        "peak_mb": round(clock.peak_mb),
    }


class Repeated(Iterable):
    """Data of a training: one batch, a number of times."""

    def __init__(self, batch: Batch, times: int):
        self._batch, self._times = batch, times

    def __len__(self) -> int:
        return self._times

    def __iter__(self):
        return iter([self._batch] * self._times)


def adaptive_training_frames(speech_s: float, config: TrainingConfig) -> int:
    """Returns the context of a batch whose longest utterance has this length, with the mean random margin."""
    margin_s = (config.context.min_margin_s + config.context.max_margin_s) / 2
    return frames_with_margin(int(speech_s * SAMPLE_RATE), margin_s)


def make_batch(batch: int, n_mels: int, frames: int, speech_s: float) -> Batch:
    """Makes random features and texts as long as those of ordinary speech."""
    generator = torch.Generator().manual_seed(0)
    texts = torch.randint(0, END, (batch, tokens_of(speech_s)), generator=generator).tolist()
    labels = make_labels([Target(PROMPT, tuple(text), END) for text in texts])
    return Batch(torch.randn(batch, n_mels, frames, generator=generator), *labels, tuple(range(batch)))


def compare(size: str, options: GpuOptions, results: Results) -> None:
    """Adds how many times faster each adaptive context is than 30 s, its share of the memory, and the bars."""
    name = f"train_{size}_batch{options.train_batch}"
    padded_speed = results.reference.get(f"{name}_30s_context_utterances_per_s")
    padded_mb = results.reference.get(f"{name}_30s_context_peak_mb")
    for speech_s in options.lengths:
        what = f"{name}_{speech_s}s"
        speed, peak_mb = (results.figures.get(f"{what}_{key}") for key in ("utterances_per_s", "peak_mb"))
        if not (padded_speed and padded_mb and speed and peak_mb):
            continue
        times, share = round(speed / padded_speed, 2), round(peak_mb / padded_mb, 3)
        results.put({f"{what}_times_faster": times, f"{what}_memory_share": share})
        if speech_s == PADDED_SPEECH_S:
            results.bar_at_least(f"{what}_times_faster", times, MIN_TRAINING_TIMES_FASTER)
            results.bar_at_most(f"{what}_memory_share", share, MAX_TRAINING_MEMORY_SHARE)
