"""Export of a run's trained weights to its model directory: merge, conversion to CTranslate2, checks and gate."""

import functools
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from qal.audio.samples import seconds
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import resolve
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Engine
from qal.engine.model_directory import ContextAbility, ModelMetadata, write_metadata
from qal.engine.settings.device import choose_device
from qal.engine.weights.pypi_weights import WEIGHTS_FILE
from qal.errors import ConversionError
from qal.evaluation.check_result import GateSummary
from qal.evaluation.scoring import ProgressCallback, SpokenReference, transcribe_each
from qal.export.conversion_check import Transcriber, check_conversion
from qal.export.gate.files import check_files
from qal.export.gate.formats import FormatTexts
from qal.export.merge import merge
from qal.export.run_gate import gate_run
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs.example_selection import held_out_references
from qal.jobs.machine import engine_device
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.jobs.stages import CHECKED_FORMATS, MERGE_UNITS, StageProgress, part_progress
from qal.json_text import json_text

TransformersTranscriber = Callable[[Path, Sequence[SpokenReference], ContextAbility, ProgressCallback], list[str]]


def export_model(
    run: Run,
    config: TrainingConfig,
    weights: Path,
    adapter: Path,
    corpora: list[Corpus],
    metadata: ModelMetadata,
    transcribe_with_transformers: TransformersTranscriber,
    stage_progress: StageProgress,
) -> GateSummary | None:
    """Merges the adapter, converts the model to CTranslate2, checks it, and moves it to runs/<id>/model.

    Args:
        run: the run.
        config: its settings.
        weights: folder of the base model in Transformers format.
        adapter: folder of the trained adapter, or of the trained weights.
        corpora: the run's corpora, whose held-out examples are used for the check.
        metadata: content of the model's qal.json.
        transcribe_with_transformers: transcribes examples with a model in Transformers format.
        stage_progress: gives the progress function of a stage.

    Returns:
        the result of the gate; None if it is switched off.

    Raises:
        ConversionError: the adapter does not fit the base model, the conversion raises the error rate that decides, or
            the model fails the gate and `result.gate` is "stop".
    """
    base = resolve(config.base, run.folder.parent)
    merged = stage_progress("merge")
    merged(0, MERGE_UNITS)
    merge(weights, adapter, run.merged_model)
    merged(1, MERGE_UNITS)
    to_ctranslate2(run.merged_model, run.partial_model)
    write_metadata(run.partial_model, metadata)
    require_sound_files(run.partial_model, base)
    merged(MERGE_UNITS, MERGE_UNITS)
    stage_progress("check")  # begins before the audio is loaded
    held_out = held_out_references(run, corpora, config, ("validation", "test"), config.check_utterances)
    texts = check_formats(run, config, held_out, transcribe_with_transformers, stage_progress)
    gate = None
    if config.result.gate != "off":
        gate = gate_run(run, config, corpora, base, held_out, texts, stage_progress("gate"))
    keep_models(run, config)
    return gate


def keep_models(run: Run, config: TrainingConfig) -> None:
    """Moves the checked model to its place, and the merged one if the settings say so."""
    shutil.rmtree(run.model, ignore_errors=True)
    run.partial_model.rename(run.model)
    shutil.rmtree(run.transformers, ignore_errors=True)
    if config.result.keeps_transformers(config.trained.adapter):
        run.merged_model.rename(run.transformers)
    else:
        shutil.rmtree(run.merged_model)


def require_sound_files(directory: Path, base: Path) -> None:
    """Checks vocabulary, special tokens, alignment heads and weights before an engine loads them.

    Raises ConversionError if something is wrong."""
    failed = [f"{check.name}: {check.detail}" for check in check_files(directory, base) if check.state == "failed"]
    if failed:
        raise ConversionError(
            f"the converted model cannot be used ({'; '.join(failed)}); train from another base model"
        )


def check_formats(
    run: Run,
    config: TrainingConfig,
    held_out: list[SpokenReference],
    transcribe_with_transformers: TransformersTranscriber,
    stage_progress: StageProgress,
) -> list[FormatTexts]:
    """Compares the model in Transformers format with CTranslate2 at two precisions; writes conversion_check.json.

    The arguments are those of `export_model`; `held_out` are the examples. Returns the transcripts of each format.
    Raises ConversionError."""
    progress = stage_progress("check")

    def with_transformers() -> list[str]:
        part = part_progress(progress, 0, CHECKED_FORMATS)
        return transcribe_with_transformers(run.merged_model, held_out, config.context.ability, part)

    def with_ctranslate2(compute_type: str) -> list[str]:
        engine = Engine(run.partial_model, engine_device(config), compute_type)
        part = part_progress(progress, 1 + compute_types.index(compute_type), CHECKED_FORMATS)
        return transcribe_each(engine, held_out, part)

    on_gpu = choose_device(engine_device(config)) == "cuda"
    compute_types = ("float16", "int8_float16") if on_gpu else ("float32", "int8")
    size, found = (run.partial_model / WEIGHTS_FILE).stat().st_size, list[FormatTexts]()
    transcribers = {"transformers": recorded("transformers", with_transformers, held_out, None, found)}
    for compute_type in compute_types:
        name, transcribe = f"ctranslate2 {compute_type}", functools.partial(with_ctranslate2, compute_type)
        transcribers[name] = recorded(name, transcribe, held_out, size, found)
    encode = Tokenizer(run.partial_model).encode
    result = check_conversion([r.text for r in held_out], transcribers, [r.language for r in held_out], encode)
    run.conversion_check_file.write_text(json_text(result.as_dict(), indent=2), encoding="utf-8")
    result.raise_on_loss()
    return found


def recorded(
    name: str, transcribe: Transcriber, references: Sequence[SpokenReference], size: int | None, into: list[FormatTexts]
) -> Transcriber:
    """Returns the same transcriber, which also appends its transcripts to a list.

    Args:
        name: of the format.
        transcribe: transcribes the references.
        references: the examples.
        size: bytes of the stored weights; None: not stored.
        into: the list."""

    def transcribe_and_record() -> list[str]:
        began = time.perf_counter()
        texts = transcribe()
        taken = time.perf_counter() - began
        into.append(FormatTexts(name, texts, taken / sum(seconds(r.samples) for r in references), size))
        return texts

    return transcribe_and_record
