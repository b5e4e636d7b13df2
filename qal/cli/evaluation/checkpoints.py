"""qal evaluate checkpoints RUN CORPUS: the error rate of a run's kept checkpoints over its steps."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from qal.cli.evaluation.history import find_run
from qal.cli.evaluation.options import CORPUS_HELP, DecodingFlags, transcribed_request
from qal.cli.evaluation.tables import difference_json, figures_json
from qal.cli.models.gate import cached_base
from qal.cli.parsing import flag, parse_options, positional
from qal.cli.quiet import quiet_transformers
from qal.engine.catalogue import models_folder, resolve_transformers
from qal.engine.model_directory import ModelMetadata, write_metadata
from qal.engine.settings.device import choose_device
from qal.errors import EvaluationError
from qal.evaluation.breakdown import Figures, counted, figures
from qal.evaluation.comparison.differences import Difference, common_examples, difference
from qal.evaluation.report import paired_sentence
from qal.evaluation.stored import StoredEvaluation
from qal.evaluation.systems.any_model import System, SystemOptions, find_system, open_engine
from qal.jobs.kept_checkpoints import FINAL, SEPARATOR, KeptCheckpoint, choose_checkpoints
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run
from qal.json_text import json_text
from qal.text.error_measure import score_basis
from qal.text.normalisation.registry import Normaliser

ABOUT = (
    "Evaluates the checkpoints that a run has kept on the same examples, and lists the error rate over the steps. Each "
    "is converted to a temporary model. A run keeps its last ones; with checkpoints.keep_epochs those of all epochs."
)


class CheckpointsOptions(DecodingFlags, frozen=True):
    run: str = positional("the id of a run, or its folder", "RUN")
    corpus: Path = positional(CORPUS_HELP, "CORPUS")
    only: list[str] = flag([], "names of the checkpoints, such as epoch-2 best last final; unset: all", "NAME")


class SeriesEntry(NamedTuple):
    """One checkpoint with its figures, and the change since the one before."""

    checkpoint: KeptCheckpoint
    stored: StoredEvaluation
    figures: Figures
    change: Difference | None  # None: the first one


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate checkpoints", ABOUT, CheckpointsOptions, arguments)
    normaliser = options.scoring
    run = find_run(options.run, options.runs)
    if run is None:
        raise EvaluationError(f"there is no run '{options.run}' in {options.runs}; give the id of a run")
    quiet_transformers()
    chosen = in_order([with_step(checkpoint) for checkpoint in choose_checkpoints(run, options.only)])
    found = [(checkpoint, evaluated(options, run, checkpoint)) for checkpoint in chosen]
    entries = series(found, normaliser)
    if options.json_:
        print(json_text(as_json(run, entries, normaliser)))
    else:
        print("\n".join(as_lines(run, entries, normaliser)))


def with_step(checkpoint: KeptCheckpoint) -> KeptCheckpoint:
    """Returns the checkpoint with its step, which is read from the file where the metrics do not tell."""
    if checkpoint.step is not None or checkpoint.path.suffix != ".ckpt":
        return checkpoint
    from qal.training.loop.checkpoint_weights import checkpoint_step

    return checkpoint._replace(step=checkpoint_step(checkpoint.path))


def evaluated(options: CheckpointsOptions, run: Run, checkpoint: KeptCheckpoint) -> StoredEvaluation:
    """Evaluates one checkpoint, or returns what is stored. Raises a QalError."""
    name = f"{run.id}{SEPARATOR}{checkpoint.name}"
    request = replace(options.request(name, options.corpus), step=checkpoint.step)
    with ExitStack() as stack:
        system = system_of(name, run, checkpoint, request.options, stack)
        return transcribed_request(request, options.out, options.again, options.runs, system)


def system_of(name: str, run: Run, checkpoint: KeptCheckpoint, options: SystemOptions, stack: ExitStack) -> System:
    """Returns what transcribes with a checkpoint; it is converted when it is opened, to a folder of the stack."""
    if checkpoint.name == FINAL:
        return replace(find_system(str(checkpoint.path), options), name=name)
    status = checkpoint.path.stat()
    file = f"{checkpoint.path.resolve()} {status.st_size} {status.st_mtime_ns}"
    identity = f"{file} {options.model_dump_json()} {choose_device(options.device)}"

    def opened(rows: Sequence[Any]) -> Any:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=run.folder, prefix=".checkpoint-")))
        return open_engine(converted(run, load_config(run.config_file), checkpoint, folder), options)

    return System(name, identity, opened)


def converted(run: Run, config: TrainingConfig, checkpoint: KeptCheckpoint, folder: Path) -> Path:
    """Returns a model directory with the weights of a checkpoint.

    Args:
        run: the run.
        config: its settings.
        checkpoint: a checkpoint other than the finished model.
        folder: an empty folder for the steps of the conversion."""
    from qal.export.merge import merge
    from qal.export.to_ctranslate2 import to_ctranslate2
    from qal.training.loop.checkpoint_weights import write_trained_weights

    weights = base_weights(config.base, run.folder.parent)
    adapter = write_trained_weights(checkpoint.path, config, weights, folder / "adapter")
    directory = to_ctranslate2(merge(weights, adapter, folder / "merged"), folder / "model")
    write_metadata(directory, ModelMetadata(base_model=config.base, run=run.id, context=config.context.ability))
    return directory


def base_weights(base: str, runs: Path) -> Path:
    """Returns the base model in Transformers format; it is converted once and cached in the models folder."""
    return resolve_transformers(base, lambda directory: cached_base(directory, models_folder() / "transformers"), runs)


def in_order(checkpoints: Sequence[KeptCheckpoint]) -> list[KeptCheckpoint]:
    """Sorts by step; a checkpoint of unknown step comes last."""
    return sorted(checkpoints, key=lambda found: float("inf") if found.step is None else found.step)


def series(found: list[tuple[KeptCheckpoint, StoredEvaluation]], normaliser: Normaliser) -> list[SeriesEntry]:
    """Returns the figures of the checkpoints, each with the paired change since the one before."""
    entries: list[SeriesEntry] = []
    for checkpoint, stored in found:
        change = None
        if entries:
            change = difference(common_examples(stored.rows, entries[-1].stored.rows, normaliser))
        entries.append(SeriesEntry(checkpoint, stored, figures(counted(stored.rows, normaliser)), change))
    return entries


def as_lines(run: Run, entries: Sequence[SeriesEntry], normaliser: Normaliser) -> list[str]:
    """Returns a line for each checkpoint below what the figures rest on."""
    first = entries[0]
    basis = score_basis(first.stored.evaluation.split, first.figures.utterances, first.figures.words, normaliser.id)
    lines = [f"run {run.id} on {first.stored.evaluation.corpus} · {basis}"]
    for entry in entries:
        step = "step ?" if entry.checkpoint.step is None else f"step {entry.checkpoint.step}"
        rate = entry.figures.deciding.error_rate.named_text
        since = paired_sentence(entry.figures.measure, entry.change.paired) if entry.change else ""
        lines.append(f"  {step:>10}  {entry.checkpoint.name:10}  {rate}  {since}".rstrip())
    return lines


def as_json(run: Run, entries: Sequence[SeriesEntry], normaliser: Normaliser) -> dict[str, Any]:
    return {
        "run": run.id,
        "normaliser": normaliser.id,
        "checkpoints": [
            {
                "name": entry.checkpoint.name,
                "step": entry.checkpoint.step,
                "evaluation": str(entry.stored.folder),
                "utterances": entry.figures.utterances,
                "measure": entry.figures.measure,
                "score": figures_json(entry.figures),
                "change": difference_json(entry.change) if entry.change else None,
            }
            for entry in entries
        ],
    }
