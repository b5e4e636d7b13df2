"""One training job from weights to adapter."""

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
import transformers
from lightning_fabric.utilities.seed import seed_everything

from audio.decode import decode
from corpus.manifest import Corpus
from corpus.split import evenly
from engine.decoding import Tokenizer
from errors import TrainingError
from training.callbacks import LAST_CHECKPOINT, RunRecorder
from training.config import Precision, TrainingConfig
from training.data_module import SpeechData, make_examples
from training.distill import DistillData, DistillModule, Progress, teach
from training.examples import Example
from training.lesson_sounds import Sound, prepare_sounds
from training.lora import add_lora, save_adapter
from training.module import SpeechModule
from training.run import Run
from training.short_context import load_whisper

ADAPTER = "adapter"
Bars = Callable[[str], Progress]  # stage -> progress(done, of)


def fit(
    run: Run, config: TrainingConfig, weights: Path, corpora: Sequence[Corpus], attempt: int, bars: Bars
) -> Path | None:
    """Trains and returns the adapter's folder (runs/<id>/checkpoints/adapter); None when it was stopped.

    weights: Transformers directory. Goes on from the last checkpoint where there is one."""
    if (run.checkpoints / ADAPTER).exists():
        return run.checkpoints / ADAPTER  # training was whole; what came after was not
    seed_everything(config.seed, verbose=False)
    run.checkpoints.mkdir(exist_ok=True)
    tokenizer = Tokenizer(weights)
    train = evenly(make_examples(corpora, "train", config, tokenizer), config.max_utterances)
    validation = evenly(make_examples(corpora, "validation", config, tokenizer), config.validation_utterances)
    data, module = build(config, weights, tokenizer, train, validation, bars)
    checkpoint = run.checkpoints / LAST_CHECKPOINT
    trainer = make_trainer(config, RunRecorder(run, attempt))
    if checkpoint.exists():
        data.buckets.start_at = batches_done(checkpoint)
    else:
        trainer.validate(module, data, verbose=False)
    trainer.fit(module, data, ckpt_path=checkpoint if checkpoint.exists() else None)
    if run.stop_file.exists():
        return None
    save_adapter(module.model, run.checkpoints / ADAPTER)
    return run.checkpoints / ADAPTER


def build(
    config: TrainingConfig,
    weights: Path,
    tokenizer: Tokenizer,
    train: list[Example],
    validation: list[Example],
    bars: Bars,
) -> tuple[SpeechData, SpeechModule]:
    """Data and module of the chosen method."""
    model = load_whisper(weights).to(torch.device(torch_device(config)))  # pyright: ignore[reportArgumentType]
    n_mels = model.config.num_mel_bins
    if config.method == "distill":
        bfloat16 = precision(config).startswith("bf16")
        sounds = prepare_sounds(train, config)
        lessons = teach(model, sounds, tokenizer, config, bfloat16, bars("teach"))
        held_out = teach(model, [Sound(decode(e.audio), e) for e in validation], tokenizer, config, bfloat16)
        if all(lesson.silent for lesson in lessons) or not held_out:
            raise TrainingError("the model understood nothing of this audio; use speech in a language it knows")
        data: SpeechData = DistillData(lessons, held_out, config, n_mels)
        kind: type[SpeechModule] = DistillModule
    else:
        data, kind = SpeechData(train, validation, config, n_mels), SpeechModule
    steps = len(data.buckets) * config.epochs
    return data, kind(add_lora(model, config.lora), config, tokenizer, data.validation, steps)


def make_trainer(config: TrainingConfig, recorder: RunRecorder) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=config.epochs,
        accelerator=torch_device(config).replace("cuda", "gpu"),
        devices=1,
        precision=precision(config),
        gradient_clip_val=config.gradient_clip or None,
        callbacks=[recorder],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )


def torch_device(config: TrainingConfig) -> str:
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise TrainingError("no CUDA device was found; train with --device cpu, or auto")
    return "cuda" if available and config.device != "cpu" else "cpu"


def precision(config: TrainingConfig) -> Precision:
    """The chosen one; 'auto' is bfloat16 where the device computes in it, else float32."""
    if config.precision != "auto":
        return config.precision
    if torch_device(config) == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if fast else "32-true"


def batches_done(checkpoint: Path) -> int:
    """Batches of the interrupted epoch that are behind us."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    progress = state["loops"]["fit_loop"]["epoch_loop.batch_progress"]
    return 0 if progress["is_last_batch"] else progress["current"]["processed"]


def quiet_libraries() -> None:
    """Their bars and hints would drown ours; errors still come through."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("DS_ACCELERATOR", "cuda" if torch.cuda.is_available() else "cpu")
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
