"""qal models gate MODEL: checks a model before it serves, and writes gate.json beside it."""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel
from tqdm import tqdm

from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.cli.quiet import quiet_transformers
from qal.corpus.manifest import Corpus, read_corpus
from qal.corpus.split import SPLITS, evenly_spaced
from qal.engine.catalogue import (
    CATALOGUE_NAMES,
    is_path_component,
    local_directory,
    models_folder,
    resolve,
    resolve_transformers,
)
from qal.engine.engine import Engine
from qal.engine.model_directory import ContextAbility, ModelMetadata, is_model_directory, read_metadata
from qal.engine.settings.device import Device
from qal.errors import CorpusError, OptionError
from qal.evaluation.evaluate import select_rows
from qal.evaluation.gate_report import GateReport, table_rows, table_text, write_gate_report
from qal.evaluation.scoring import SpokenReference, load_references
from qal.export.gate.gate import GateInput, Transcribe, run_gate
from qal.export.gate.word_times import join_pieces, short_rows, write_heads
from qal.jobs.example_selection import held_out_references, read_corpora
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run
from qal.json_text import json_text

ABOUT = (
    "Checks a model before it serves: files, error rate of each format, word times, timestamps, short context, "
    "silence, long recordings, prompts. The result is kept as gate.json with the model. Exits with 1 if it fails."
)
EXIT_FAILED = 1
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


class GateOptions(BaseModel, frozen=True):
    model: str = positional(MODEL_HELP, "MODEL")
    corpus: list[Path] = flag([], "corpora with held-out examples; unset: those of the model's run", "DIR")
    base: str | None = flag(None, "the model it was trained from; unset: the one that qal.json names, if it is here")
    reference: str | None = flag(None, "the same weights with more precision, such as float16 for an int8 model")
    onnx: Path | None = flag(None, "an export of the model to ONNX, which is compared, too", "DIR")
    utterances: int = flag(100, "examples that each format transcribes", "N", ge=1, le=100_000)
    device: Device = flag("auto", "auto: a GPU where there is one")
    heads: bool = flag(False, "look for better alignment heads, and keep them if words are placed better")
    runs: Path = flag(Path("runs"), "folder of the runs", "DIR")
    out: Path | None = flag(None, "folder for gate.json; unset: the model directory", "DIR")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal models gate", ABOUT, GateOptions, arguments)
    quiet_transformers()
    report = gate(options)
    print(json_text(report.model_dump()) if options.json_ else report_text(report))
    if not report.passed:
        sys.exit(EXIT_FAILED)


def gate(options: GateOptions) -> GateReport:
    """Makes all checks and writes gate.json. Raises a QalError if the model or the examples cannot be used."""
    directory = resolve(options.model, options.runs)
    run = run_of(options.model, directory, options.runs)
    corpora = corpora_of(options, run)
    references = examples_of(options, run, corpora)
    metadata = read_metadata(directory)
    base_name, base = base_of(options, metadata)
    pieces = [r for corpus in corpora for r in short_examples(corpus)]
    if options.heads:
        print(better_heads(directory, pieces, options.device), file=sys.stderr)
    given = GateInput(
        name=options.model,
        directory=directory,
        references=references,
        pieces=pieces,
        base=base,
        reference=resolve(options.reference, options.runs) if options.reference else None,
        transformers=with_transformers(run, metadata.context, options.runs) if run else {},
        later=with_onnx(options.onnx, metadata.context) if options.onnx else {},
        base_name=base_name,
        corpus=", ".join(corpus.info.name for corpus in corpora),
        device=options.device,
    )
    with tqdm(total=1, file=sys.stderr) as bar:
        report = run_gate(given, show_on(bar))
    if options.out or options.model not in CATALOGUE_NAMES:  # the hub's cache is not ours to write to
        write_gate_report(options.out or directory, report)
    return report


def run_of(model: str, directory: Path, runs: Path) -> Run | None:
    """Returns the run that a model directory belongs to, or None."""
    folders = [runs / model] if is_path_component(model) else []
    folders.append(directory.parent)
    return next((Run(f) for f in folders if (f / "config.yaml").is_file() and Run(f).model == f / "model"), None)


def corpora_of(options: GateOptions, run: Run | None) -> list[Corpus]:
    """Returns the corpora whose examples are used. Raises OptionError if none is given."""
    if options.corpus:
        return [read_corpus(folder) for folder in options.corpus]
    if run is None:
        raise OptionError("say on which examples: --corpus data/NAME")
    return read_corpora(load_config(run.config_file))


def examples_of(options: GateOptions, run: Run | None, corpora: list[Corpus]) -> list[SpokenReference]:
    """Returns held-out examples: those that a run did not train on, else those of the splits test and validation."""
    if run and not options.corpus:
        config = load_config(run.config_file)
        return held_out_references(run, corpora, config, ("validation", "test"), options.utterances)
    found: list[SpokenReference] = []
    for corpus in corpora:
        for split in SPLITS[1:]:
            with suppress(CorpusError):  # none of this split; one with examples is enough
                found += load_references(corpus, select_rows(corpus, split).rows)
    if not found:
        raise CorpusError("no example with text in the splits test and validation; give another --corpus")
    return evenly_spaced(found, options.utterances)


def short_examples(corpus: Corpus) -> list[SpokenReference]:
    """Returns short examples of every split, of which recordings with known word times are made."""
    return load_references(corpus, short_rows(corpus.rows))


def base_of(options: GateOptions, metadata: ModelMetadata) -> tuple[str, Path | None]:
    """Returns name and directory of the base model; without --base only one that is on this machine."""
    if options.base:
        return options.base, resolve(options.base, options.runs)
    name = metadata.base_model
    if name in CATALOGUE_NAMES:
        return name, local_directory(name)
    return name, Path(name) if is_model_directory(Path(name)) else None


def with_transformers(run: Run, ability: ContextAbility, runs: Path) -> dict[str, Transcribe]:
    """Returns what transcribes with a run's weights in Transformers' formats: the adapter, and the merged weights.

    Each is left out if the run did not keep it."""
    from qal.training.report.transformers_transcription import transcribe_with_transformers

    found: dict[str, Transcribe] = {}
    if all((run.adapter / name).is_file() for name in ADAPTER_FILES):
        cache = models_folder() / "transformers"
        base = resolve_transformers(load_config(run.config_file).base, lambda d: cached_base(d, cache), runs)
        found["adapter"] = lambda some, step: transcribe_with_transformers(base, some, ability, step, run.adapter)
    if (run.transformers / "config.json").is_file():
        found["merged"] = lambda some, step: transcribe_with_transformers(run.transformers, some, ability, step)
    return found


def with_onnx(folder: Path, ability: ContextAbility) -> dict[str, Transcribe]:
    """Returns what transcribes with an export to ONNX."""
    from qal.export.onnx_transcription import transcribe_with_onnx

    return {"onnx": lambda references, progress: transcribe_with_onnx(folder, references, ability, progress)}


def cached_base(directory: Path, cache: Path) -> Path:
    """Returns a model directory in Transformers' format, which is converted once."""
    from qal.export.from_ctranslate2 import cached_transformers

    return cached_transformers(directory, cache)


def better_heads(directory: Path, pieces: Sequence[SpokenReference], device: Device) -> str:
    """Replaces the alignment heads if others place words better, and returns what was done, in a sentence."""
    from qal.export.alignment_heads import choose_heads

    recordings = join_pieces(pieces)
    if len(recordings) < 2:
        return "There are too few short examples to look for alignment heads."
    weights = cached_base(directory, models_folder() / "transformers")
    choice = choose_heads(weights, Engine(directory, device), recordings)
    if choice.is_better:
        write_heads(directory, choice.new)
    return choice.sentence


def show_on(bar: "tqdm[NoReturn]") -> Callable[[str, int, int], None]:
    """Returns a progress function that shows the stage and its progress."""

    def show(stage: str, done: int, total: int) -> None:
        if bar.desc != f"{stage}: " or bar.total != total:
            bar.reset(total)
            bar.set_description(stage)
        bar.update(done - bar.n)

    return show


def report_text(report: GateReport) -> str:
    """Returns the table of formats, the checks and the result as plain text."""
    lines = [f"{report.model}, {report.corpus}, {report.utterances} utterances, normaliser {report.normaliser}"]
    lines += [table_text(table_rows(report))] if report.formats else []
    width = max(len(check.name) for check in report.checks) + 2
    lines += [f"{check.name:{width}}{check.state}  {check.detail}".rstrip() for check in report.checks]
    failures = "\n".join(f"refused: {sentence}" for sentence in report.failures)
    return "\n".join([*lines, failures or "passed"])
