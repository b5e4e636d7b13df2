"""One training job from weights to adapter."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
import transformers
from lightning_fabric.utilities.seed import seed_everything
from pytorch_lightning.loggers import Logger
from transformers import WhisperForConditionalGeneration

from qal.corpus.manifest import Corpus
from qal.corpus.split import evenly
from qal.engine.decoding import Tokenizer
from qal.errors import TrainingError
from qal.jobs.machine import CUDA_ONLY
from qal.jobs.options.training_config import Precision, TrainingConfig
from qal.jobs.run import Run
from qal.jobs.skipped_audio import BadRow, SkippedRows, heard_or_bad
from qal.training.data.data_module import SpeechData, make_examples, speech_data
from qal.training.data.distillation_audio import Sound, prepare_sounds
from qal.training.data.examples import Example
from qal.training.loop.callbacks import CheckpointWriter, RunRecorder
from qal.training.loop.checkpoints import Checkpoints, PlainFiles
from qal.training.loop.distributed import ALONE, ZERO_STAGES, Ranks, make_strategy, told, torch_device, whole_weights
from qal.training.loop.early_stopping import early_stopping
from qal.training.loop.memory import FreedMemory
from qal.training.loop.micro_batches import is_out_of_memory
from qal.training.loop.nonfinite import OUT_OF_MEMORY, WORKER_DIED, SkippedSteps
from qal.training.loop.weight_selection import WeightKeeper
from qal.training.model.distillation import DistillModule, Lesson, Progress, distill_data, teach
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import load_whisper
from qal.training.model.trainable import make_trainable, save_trained
from qal.training.report.trackers import make_logger

ADAPTER = "adapter"
Bars = Callable[[str], Progress]  # stage -> progress(done, of)


def fit(
    run: Run,
    config: TrainingConfig,
    weights: Path,
    corpora: Sequence[Corpus],
    attempt: int,
    bars: Bars,
    ranks: Ranks = ALONE,
) -> Path | None:
    """Trains and returns the adapter's folder (runs/<id>/checkpoints/adapter); None when it was stopped.

    weights: Transformers directory. Goes on from the last whole checkpoint where there is one."""
    adapter = run.checkpoints / ADAPTER
    if adapter.exists():
        return adapter  # training was whole; what came after was not
    seed_everything(config.seed, verbose=False)
    run.checkpoints.mkdir(exist_ok=True)
    with hardware_errors():
        job = prepare(run, config, weights, corpora, bars, ranks)
        stopped = train_model(run, config, job, attempt, ranks)
    return None if stopped else adapter


class Prepared(NamedTuple):
    """What a job trains, on what, and the rows that it had to leave out."""

    data: SpeechData
    module: SpeechModule
    skipped: SkippedRows


def train_model(run: Run, config: TrainingConfig, job: Prepared, attempt: int, ranks: Ranks) -> bool:
    """The loop, from the last checkpoint on; True when it was asked to stop, else what was trained is saved."""
    data, module, skipped = job
    checkpoints = Checkpoints(run.checkpoints, config.checkpoints, module.trained)
    keeper, skipped_steps = WeightKeeper(run.checkpoints, config.result), SkippedSteps(config.faults)
    recorder = RunRecorder(run, attempt, skipped_steps, skipped, ranks)
    writer = CheckpointWriter(run, checkpoints, recorder, ranks, saves=config.machine.strategy not in ZERO_STAGES)
    early = early_stopping(config.stopping)
    callbacks = [recorder, writer, skipped_steps, FreedMemory(), keeper, *early, recorder.ended]
    logger = make_logger(config.tracker, run) if ranks.leads else None
    if logger:
        logger.log_hyperparams(config.model_dump(mode="json"))
    trainer = make_trainer(config, callbacks, logger, ranks)
    last = told(checkpoints.find() if ranks.leads else None)
    if last:
        data.buckets.resume_at(checkpoints.position(last))
    else:
        trainer.validate(module, data, verbose=False)
    trainer.fit(module, data, ckpt_path=last)
    if writer.saves and told(run.stop_file.exists() if ranks.leads else None):
        return True
    with whole_weights(config, module, trainer.strategy.model):
        if ranks.leads:
            keeper.settle(module)
            save_trained(module.model, run.checkpoints / ADAPTER)
            keeper.tidy()
    return False


def prepare(
    run: Run, config: TrainingConfig, weights: Path, corpora: Sequence[Corpus], bars: Bars, ranks: Ranks = ALONE
) -> Prepared:
    """The rows that a job learns from, and the weights that learn."""
    tokenizer = Tokenizer(weights)
    train = evenly(make_examples(corpora, "train", config, tokenizer), config.max_utterances)
    validation = evenly(make_examples(corpora, "validation", config, tokenizer), config.validation_utterances)
    rows, share = len(train) + len(validation), config.faults.bad_rows_share
    skipped = SkippedRows(run.skipped_file, rows, share, writes=ranks.leads)
    return Prepared(*build(config, weights, tokenizer, train, validation, bars, skipped, ranks), skipped)


def build(
    config: TrainingConfig,
    weights: Path,
    tokenizer: Tokenizer,
    train: list[Example],
    validation: list[Example],
    bars: Bars,
    skipped: SkippedRows,
    ranks: Ranks = ALONE,
) -> tuple[SpeechData, SpeechModule]:
    """Data and module of the chosen method."""
    model = load_whisper(weights).to(torch.device(torch_device(config)))  # pyright: ignore[reportArgumentType]
    n_mels = model.config.num_mel_bins
    if config.method == "distill":
        lessons, held_out = make_lessons(model, config, tokenizer, train, validation, bars, skipped)
        data, kind = distill_data(lessons, held_out, config, n_mels, ranks), DistillModule
    else:
        data, kind = speech_data(train, validation, config, n_mels, ranks), SpeechModule
    steps = -(-len(data.buckets) // config.optimizer.accumulate) * config.epochs
    trained = make_trainable(model, config, precision(config), steps)
    module = kind(trained, config, tokenizer, list(data.validation), steps)
    module.computes_in_parts = config.machine.strategy not in CUDA_ONLY
    return data, module


def make_lessons(
    model: WhisperForConditionalGeneration,
    config: TrainingConfig,
    tokenizer: Tokenizer,
    train: list[Example],
    validation: list[Example],
    bars: Bars,
    skipped: SkippedRows,
) -> tuple[list[Lesson], list[Lesson]]:
    """What the teacher makes of the training rows and of the held-out ones."""
    bfloat16 = precision(config).startswith("bf16")
    sounds = prepare_sounds(train, config, lambda bad: skipped.add([bad]))
    held_out = [(e, heard_or_bad(e.audio, e.duration_s)) for e in validation]
    skipped.add(s for _, s in held_out if isinstance(s, BadRow))
    spoken = [Sound(s, e) for e, s in held_out if not isinstance(s, BadRow)]
    lessons = teach(model, sounds, tokenizer, config, bfloat16, bars("teach"))
    taught = teach(model, spoken, tokenizer, config, bfloat16)
    if all(lesson.silent for lesson in lessons) or not taught:
        raise TrainingError("the model understood nothing of this audio; use speech in a language it knows")
    return lessons, taught


def make_trainer(
    config: TrainingConfig, callbacks: list[pl.Callback], logger: Logger | None = None, ranks: Ranks = ALONE
) -> pl.Trainer:
    return pl.Trainer(
        max_epochs=config.epochs,
        accelerator=torch_device(config).replace("cuda", "gpu"),
        devices=config.machine.devices if ranks.world > 1 else 1,
        num_nodes=config.machine.nodes if ranks.world > 1 else 1,
        strategy=make_strategy(config, ranks.world),
        precision=precision(config),
        gradient_clip_val=config.gradient_clip or None,
        accumulate_grad_batches=config.optimizer.accumulate,
        callbacks=callbacks,
        logger=logger or False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        plugins=[] if config.machine.strategy in ZERO_STAGES else [PlainFiles()],
        use_distributed_sampler=False,
    )


@contextmanager
def hardware_errors() -> Iterator[None]:
    """Translates memory that is used up, and loading processes that were killed, into TrainingError.

    Ctrl-C and SIGTERM come as KeyboardInterrupt."""
    try:
        yield
    except SystemExit as error:  # Lightning's answer to Ctrl-C and to SIGTERM
        raise KeyboardInterrupt from error
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise TrainingError(OUT_OF_MEMORY) from error
        if "DataLoader worker (pid" in str(error):  # not "Caught … in DataLoader worker process": that is a bug
            raise TrainingError(WORKER_DIED) from error
        raise


def precision(config: TrainingConfig) -> Precision:
    """The chosen one; 'auto' is bfloat16 where the device computes in it, else float32."""
    if config.precision != "auto":
        return config.precision
    if torch_device(config) == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if fast else "32-true"


def quiet_libraries() -> None:
    """Their bars and hints would drown ours; errors still come through."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("DS_ACCELERATOR", "cuda" if torch.cuda.is_available() else "cpu")
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
