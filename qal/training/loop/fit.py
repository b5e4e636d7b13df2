"""Training of one job: from base weights to the trained weights."""

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytorch_lightning as pl
import torch
import transformers
from lightning_fabric.utilities.seed import seed_everything
from pytorch_lightning.loggers import Logger
from transformers import WhisperForConditionalGeneration

from qal.corpus.manifest import Corpus
from qal.corpus.split import evenly_spaced
from qal.engine.decoding import Tokenizer
from qal.errors import TrainingError
from qal.jobs.machine import CUDA_ONLY
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.jobs.skipped_audio import SkippedAudio, UnusableAudio, load_if_usable
from qal.jobs.stages import PREPARE_UNITS, TEACH_UNITS, StageProgress
from qal.training.data.data_module import SpeechDataModule, make_data_module, make_examples
from qal.training.data.distillation_audio import DistillationAudio, prepare_distillation_audio
from qal.training.data.examples import Example
from qal.training.loop.callbacks import RunRecorder
from qal.training.loop.checkpoint_writer import CheckpointWriter
from qal.training.loop.checkpoints import Checkpoints, DirectCheckpointIO
from qal.training.loop.distributed import (
    SINGLE_PROCESS,
    ZERO_STAGES,
    TrainingProcess,
    broadcast,
    full_weights,
    make_strategy,
    torch_device,
)
from qal.training.loop.early_stopping import early_stopping
from qal.training.loop.hardware_errors import hardware_errors
from qal.training.loop.memory_callback import ReleaseFreeMemory
from qal.training.loop.nonfinite import SkippedSteps
from qal.training.loop.precision import resolved_precision
from qal.training.loop.weight_selection import WeightSelection
from qal.training.model.distillation import (
    DistillationExample,
    DistillationModule,
    make_distillation_data_module,
    run_teacher,
)
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import load_whisper
from qal.training.model.trainable import make_trainable, save_trainable_weights
from qal.training.report.trackers import make_logger


def fit(
    run: Run,
    config: TrainingConfig,
    weights: Path,
    corpora: Sequence[Corpus],
    attempt: int,
    stage_progress: StageProgress,
    process: TrainingProcess = SINGLE_PROCESS,
) -> Path | None:
    """Trains, from the last valid checkpoint where there is one.

    Args:
        run: the run; its checkpoints and metrics are written to its folder.
        config: the run's configuration.
        weights: folder of the base model in Transformers' format.
        corpora: the run's corpora.
        attempt: number of this attempt.
        stage_progress: gives the progress function of a stage.
        process: rank and world size of this process.

    Returns:
        the folder of the trained weights, runs/<id>/checkpoints/adapter; None if the run was stopped.

    Raises:
        TrainingError: memory ran out, steps stay non-finite, or too many rows are unusable."""
    adapter = run.adapter
    if adapter.exists():
        return adapter  # training was complete, and a later stage failed
    seed_everything(config.seed, verbose=False)
    run.checkpoints.mkdir(exist_ok=True)
    with hardware_errors():
        prepared = prepare_training(run, config, weights, corpora, stage_progress, process)
        stopped = train_model(run, config, prepared, attempt, stage_progress, process)
    return None if stopped else adapter


class PreparedTraining(NamedTuple):
    """Data module and model of a job, and the rows that were skipped."""

    data: SpeechDataModule
    module: SpeechModule
    skipped_rows: SkippedAudio


def train_model(
    run: Run,
    config: TrainingConfig,
    prepared: PreparedTraining,
    attempt: int,
    stage_progress: StageProgress,
    process: TrainingProcess,
) -> bool:
    """Runs the training loop from the last checkpoint and saves the trained weights.

    Returns True if the run was stopped on request; the weights are not saved then."""
    data, module, skipped_rows = prepared
    checkpoints = Checkpoints(run.checkpoints, config.checkpoints, module.trainable_shapes)
    selection = WeightSelection(run.checkpoints, config.result, config.checkpoints.keep_epochs)
    skipped_steps = SkippedSteps(config.faults)
    recorder = RunRecorder(run, attempt, skipped_steps, skipped_rows, process, stage_progress)
    saves_checkpoints = config.machine.strategy not in ZERO_STAGES
    writer = CheckpointWriter(run, checkpoints, recorder, process, saves_checkpoints)
    callbacks = [recorder, writer, skipped_steps, ReleaseFreeMemory(), selection]
    callbacks += [*early_stopping(config.stopping), recorder.batch_end_clock]
    logger = make_logger(config.tracker, run) if process.is_main else None
    if logger:
        logger.log_hyperparams(config.model_dump(mode="json"))
    trainer = make_trainer(config, callbacks, logger, process)
    last = broadcast(checkpoints.find_latest() if process.is_main else None)
    if last:
        data.sampler.resume_at(checkpoints.position(last))
    else:
        trainer.validate(module, data, verbose=False)
    trainer.fit(module, data, ckpt_path=last)
    if saves_checkpoints and broadcast(run.stop_file.exists() if process.is_main else None):
        return True
    with full_weights(config, module, trainer.strategy.model):
        if process.is_main:
            selection.load_selected(module)
            save_trainable_weights(module.model, run.adapter)
            selection.delete_epoch_files()
    return False


def prepare_training(
    run: Run,
    config: TrainingConfig,
    weights: Path,
    corpora: Sequence[Corpus],
    stage_progress: StageProgress,
    process: TrainingProcess = SINGLE_PROCESS,
) -> PreparedTraining:
    """Makes the examples, the data module and the model of a job; for the arguments see `fit`."""
    tokenizer = Tokenizer(weights)
    train = evenly_spaced(make_examples(corpora, "train", config, tokenizer), config.max_utterances)
    validation = evenly_spaced(make_examples(corpora, "validation", config, tokenizer), config.validation_utterances)
    n_rows, max_share = len(train) + len(validation), config.faults.bad_rows_share
    skipped_rows = SkippedAudio(run.skipped_file, n_rows, max_share, writes=process.is_main)
    model = load_whisper(weights).to(torch.device(torch_device(config)))  # pyright: ignore[reportArgumentType]
    n_mels = model.config.num_mel_bins
    stage_progress("prepare")(PREPARE_UNITS, PREPARE_UNITS)
    if config.method == "distill":
        distillation = make_distillation_examples(
            model, config, tokenizer, train, validation, stage_progress, skipped_rows
        )
        data = make_distillation_data_module(*distillation, config, n_mels, process)
        module_class = DistillationModule
    else:
        data = make_data_module(train, validation, config, n_mels, process)
        module_class = SpeechModule
    total_steps = -(-len(data.sampler) // config.optimizer.accumulate) * config.epochs
    trainable = make_trainable(model, config, resolved_precision(config), total_steps)
    module = module_class(trainable, config, tokenizer, list(data.validation), total_steps)
    module.uses_micro_batches = config.machine.strategy not in CUDA_ONLY
    return PreparedTraining(data, module, skipped_rows)


class DistillationSplits(NamedTuple):
    """The teacher's outputs for the training and the validation examples."""

    train: list[DistillationExample]
    validation: list[DistillationExample]


def make_distillation_examples(
    model: WhisperForConditionalGeneration,
    config: TrainingConfig,
    tokenizer: Tokenizer,
    train: list[Example],
    validation: list[Example],
    stage_progress: StageProgress,
    skipped_rows: SkippedAudio,
) -> DistillationSplits:
    """Runs the teacher on both splits; audio that cannot be used is added to `skipped_rows`.

    Args:
        model: the base model.
        config: the run's configuration.
        tokenizer: the model's tokenizer.
        train: training examples.
        validation: validation examples.
        stage_progress: gives the progress function of the stage "teach".
        skipped_rows: the list of rows whose audio cannot be used.

    Raises:
        TrainingError: the teacher transcribed nothing."""
    bfloat16 = resolved_precision(config).startswith("bf16")
    teach = stage_progress("teach")
    n_examples = len(train) + len(validation)
    train_audio = prepare_distillation_audio(
        train,
        config,
        lambda bad_row: skipped_rows.add([bad_row]),
        lambda done, _: teach(done, TEACH_UNITS * n_examples),
    )
    loaded = [(example, load_if_usable(example.audio, example.duration_s)) for example in validation]
    skipped_rows.add(samples for _, samples in loaded if isinstance(samples, UnusableAudio))
    validation_audio = [DistillationAudio(s, example) for example, s in loaded if not isinstance(s, UnusableAudio)]
    n_audios = len(train_audio) + len(validation_audio)

    def transcribed(done: int) -> None:
        teach(n_audios + (TEACH_UNITS - 1) * done, TEACH_UNITS * n_audios)

    splits = DistillationSplits(
        train=run_teacher(model, train_audio, tokenizer, config, bfloat16, lambda done, _: transcribed(done)),
        validation=run_teacher(
            *(model, validation_audio, tokenizer, config, bfloat16),
            progress=lambda done, _: transcribed(len(train_audio) + done),
        ),
    )
    if all(example.noise_only for example in splits.train) or not splits.validation:
        raise TrainingError("the base model transcribed none of this audio; use speech in a language it knows")
    return splits


def make_trainer(
    config: TrainingConfig,
    callbacks: list[pl.Callback],
    logger: Logger | None = None,
    process: TrainingProcess = SINGLE_PROCESS,
) -> pl.Trainer:
    """Makes Lightning's trainer; checkpoints, progress bar and samplers are those of qal.training."""
    return pl.Trainer(
        max_epochs=config.epochs,
        accelerator=torch_device(config).replace("cuda", "gpu"),
        devices=config.machine.devices if process.world_size > 1 else 1,
        num_nodes=config.machine.nodes if process.world_size > 1 else 1,
        strategy=make_strategy(config, process.world_size),
        precision=resolved_precision(config),
        gradient_clip_val=config.gradient_clip or None,
        accumulate_grad_batches=config.optimizer.accumulate,
        callbacks=callbacks,
        logger=logger or False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        plugins=[] if config.machine.strategy in ZERO_STAGES else [DirectCheckpointIO()],
        use_distributed_sampler=False,
    )


def silence_libraries() -> None:
    """Switches off the progress bars and notes of the libraries; their errors are still raised."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("DS_ACCELERATOR", "cuda" if torch.cuda.is_available() else "cpu")
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")  # PEFT asks for a deprecated name
