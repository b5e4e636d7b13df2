"""Measurements for a run's report and its model card. This module does not import torch."""

import hashlib
from pathlib import Path

import numpy as np

from qal.corpus.left_out import added
from qal.corpus.manifest import Corpus, Row
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.engine.model_directory import ModelMetadata, read_metadata, write_metadata
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.report import Retention, RunReport, measured_score
from qal.evaluation.retention import ModelVariants, RetentionLimits, check_retention, sibling_corpora
from qal.evaluation.scoring import SEED, score_engines
from qal.jobs.dataset_notes import left_out_of_run
from qal.jobs.example_selection import (
    held_out_examples,
    held_out_references,
    read_retention_corpora,
    retention_references,
    training_examples,
)
from qal.jobs.machine import engine_device
from qal.jobs.metrics import train_seconds
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.jobs.skipped_audio import count_skipped
from qal.jobs.stages import StageProgress
from qal.text.normalisation.registry import SCORING


def stock_model_name(config: TrainingConfig, runs: Path) -> str:
    """Catalogue name of the stock model from which the run's base was trained; the base's own name if it is stock."""
    return read_metadata(resolve(config.base, runs)).base_model.replace("unknown", config.base)


def corpora_version(corpora: list[Corpus]) -> str:
    """Version of the corpus; for several corpora the SHA-256 of their versions."""
    versions = [corpus.info.version for corpus in corpora]
    return versions[0] if len(versions) == 1 else hashlib.sha256("\n".join(sorted(versions)).encode()).hexdigest()


def split_methods(corpora: list[Corpus]) -> str | None:
    """Returns how the corpora were split, each way once; None if that is not recorded."""
    methods = dict.fromkeys(corpus.info.split_by for corpus in corpora if corpus.info.split_by)
    return ", ".join(methods) or None


def dataset_descriptions(corpora: list[Corpus], config: TrainingConfig) -> list[str]:
    """One sentence for each corpus in the model card: its size in training, its source and its licence."""
    rows = training_examples(corpora, config)
    return [_dataset_description(corpus, [row for c, row in rows if c is corpus]) for corpus in corpora]


def _dataset_description(corpus: Corpus, rows: list[Row]) -> str:
    info, hours = corpus.info, sum(row.duration_s for row in rows) / 3600
    credit = f" {info.attribution}" if info.attribution else ""
    return (
        f"**{info.name}**: {len(rows)} utterances, {hours:.2f} hours; {info.source}; licence {info.licence}.{credit} "
        f"Version `{info.version[:16]}`."
    )


def measure_model(
    run: Run, config: TrainingConfig, corpora: list[Corpus], metadata: ModelMetadata, stage_progress: StageProgress
) -> RunReport:
    """Compares the original model with the fine-tuned model at both contexts on the test split, with one engine.

    Args:
        run: the run, whose model is exported.
        config: the run's configuration.
        corpora: the run's corpora.
        metadata: the model's metadata; they are written with the measured error rates.
        stage_progress: gives the progress functions of the stages "report" and "retention"."""
    progress = stage_progress("report")  # begins before the audio and the models are loaded
    held_out = held_out_references(run, corpora, config, ("test",), config.report_utterances)
    variants = ModelVariants(
        stock_30s=Engine(resolve(metadata.base_model, run.folder.parent), engine_device(config), context="full"),
        tuned_30s=Engine(run.model, engine_device(config), context="full"),
        tuned_adaptive=Engine(run.model, engine_device(config)),
    )
    scored = score_engines(variants.by_name(), held_out, progress)
    original, tuned = scored["stock_30s"], scored["tuned_adaptive"]
    corpus_names = ", ".join(corpus.info.name for corpus in corpora)
    has_transcripts = all(row.text for _, row in held_out_examples(corpora, config, ("test",)))
    report = RunReport(
        run=run.id,
        method=config.method,
        base_model=metadata.base_model,
        corpus=corpus_names,
        corpus_version=corpora_version(corpora),
        language=config.language or ", ".join(metadata.languages),
        references="people" if has_transcripts else "base",
        utterances=len(held_out),
        words=int(original.counts.words.sum()),
        measure=original.counts.measure,
        normaliser=SCORING.id,
        train_seconds=round(train_seconds(run.metrics()), 1),
        stock_30s=original.score.rounded(),
        tuned_30s=scored["tuned_30s"].score.rounded(),
        tuned_adaptive=tuned.score.rounded(),
        paired=paired_difference(tuned.counts, original.counts, np.random.default_rng(SEED)).rounded(),
        retention=measure_retention(run, config, corpora, variants, stage_progress),
        split_by=split_methods(corpora),
        left_out=added(left_out_of_run(corpora, config, variants.stock_30s.tokenizer), count_skipped(run.skipped_file)),
        leakage=run.status().leakage,
    )
    write_metadata(run.model, metadata.model_copy(update={"measured": measured_score(report)}))
    return report


def measure_retention(
    run: Run, config: TrainingConfig, corpora: list[Corpus], variants: ModelVariants, stage_progress: StageProgress
) -> Retention | None:
    """Compares the original and the fine-tuned model on datasets that were not trained on.

    Args:
        run: the run.
        config: the run's configuration.
        corpora: the corpora that were trained on.
        variants: the models to compare.
        stage_progress: gives the progress function of the stage "retention".

    Returns:
        the comparison; None for distillation, or where there is no other dataset."""
    others = read_retention_corpora(config) or sibling_corpora(corpora)
    languages = variants.stock_30s.tokenizer.languages
    examples = retention_references(run, others, config, languages) if config.method == "finetune" else {}
    if not examples:
        return None
    limits = RetentionLimits(config.retention.max_wer_loss)
    return check_retention(variants, examples, limits, stage_progress("retention"))
