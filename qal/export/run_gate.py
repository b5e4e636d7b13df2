"""The gate at the end of a training: better alignment heads, then every check of a model that is to serve.

The formats were transcribed by the conversion check before; here their transcripts are only compared again."""

import time
from collections.abc import Sequence
from pathlib import Path

from qal.corpus.manifest import Corpus
from qal.engine.engine import Engine
from qal.errors import ConversionError
from qal.evaluation.check_result import REFUSED_BY_GATE, GateSummary
from qal.evaluation.gate_report import write_gate_report
from qal.evaluation.scoring import ProgressCallback, SpokenReference
from qal.export.alignment_heads import choose_heads
from qal.export.gate.formats import FormatTexts
from qal.export.gate.gate import GateInput, run_gate
from qal.export.gate.word_times import join_pieces, short_rows, write_heads
from qal.jobs.example_selection import CorpusRow, usable_references
from qal.jobs.machine import engine_device
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.jobs.stages import GATE_EXAMPLES, GATE_PARTS

GENERATION_FILE = "generation_config.json"  # of a model in Transformers format
HEADS_PARTS = 1  # of GATE_PARTS, before the checks
FEW_RECORDINGS = 2  # one half of the recordings finds heads, the other half judges them


def gate_run(
    run: Run,
    config: TrainingConfig,
    corpora: Sequence[Corpus],
    base: Path,
    held_out: Sequence[SpokenReference],
    texts: Sequence[FormatTexts],
    progress: ProgressCallback,
) -> GateSummary:
    """Checks the converted model of a run and writes gate.json to it and to the run's folder.

    Args:
        run: the run, whose model is converted and not exported yet.
        config: its settings.
        corpora: its corpora, of which recordings with known word times are made.
        base: model directory of the base model.
        held_out: the examples.
        texts: what each format of the model transcribed on them.
        progress: called with the units done and in total.

    Raises:
        ConversionError: a check failed, and `result.gate` is "stop".
    """
    began = time.monotonic()
    units = _Units(progress, min(GATE_EXAMPLES, len(held_out)))
    units.done(0)
    pieces = usable_references(run, word_examples(corpora), config.language)
    heads = keep_better_heads(run, config, pieces)
    units.done(HEADS_PARTS)
    given = GateInput(
        name=run.id,
        directory=run.partial_model,
        references=held_out,
        pieces=pieces,
        base=base,
        texts=texts,
        base_name=config.base,
        corpus=", ".join(corpus.info.name for corpus in corpora),
        device=engine_device(config),
    )
    report = run_gate(given, units.show)
    units.done(GATE_PARTS)
    for folder in (run.folder, run.partial_model):
        write_gate_report(folder, report)
    summary = GateSummary(
        checks=report.checks,
        failures=tuple(report.failures),
        alignment_heads=heads,
        seconds=round(time.monotonic() - began, 1),
    )
    if summary.failures and config.result.gate == "stop":
        raise ConversionError(refusal(run, summary))
    return summary


def refusal(run: Run, summary: GateSummary) -> str:
    """Returns why the model is not exported, and how to export it all the same."""
    return (
        f"{REFUSED_BY_GATE} ({'; '.join(summary.failures)}) and was not exported; details are in gate.json. "
        f"To export it all the same, press *Export despite the gate*, or set gate: warn under result: in "
        f"{run.config_file} and resume the run"
    )


def word_examples(corpora: Sequence[Corpus]) -> list[CorpusRow]:
    """Returns the short examples of every split, of which recordings with known word times are made."""
    by_row = {id(row): CorpusRow(corpus, row) for corpus in corpora for row in corpus.rows}
    return [by_row[id(row)] for row in short_rows([row for corpus in corpora for row in corpus.rows])]


def keep_better_heads(run: Run, config: TrainingConfig, pieces: Sequence[SpokenReference]) -> str:
    """Replaces the alignment heads if others place words better, and returns what was done, in a sentence."""
    recordings = join_pieces(pieces)
    if len(recordings) < FEW_RECORDINGS:
        return "There are too few short examples to look for better alignment heads."
    choice = choose_heads(run.merged_model, Engine(run.partial_model, engine_device(config)), recordings)
    if choice.is_better:
        write_heads(run.partial_model, choice.new)
        write_heads(run.merged_model, choice.new, GENERATION_FILE)
    return choice.sentence


class _Units:
    """Progress of the gate: GATE_PARTS parts, each of as many units as examples are checked."""

    def __init__(self, progress: ProgressCallback, examples: int):
        self.progress, self.examples = progress, examples

    def done(self, parts: int) -> None:
        self.progress(parts * self.examples, GATE_PARTS * self.examples)

    def show(self, stage: str, done: int, total: int) -> None:
        """Takes the progress of run_gate: word times, then the checks of the behaviour."""
        if stage == "word times" and done == total:
            self.done(HEADS_PARTS + 1)
        elif stage == "behaviour":
            self.done(HEADS_PARTS + 1 + done * (GATE_PARTS - HEADS_PARTS - 1) // total)
