"""qal evaluate history MODEL: the stored scores of a model over time and versions of a dataset.

For a run, the validations after each epoch are listed, too."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from qal.cli.evaluation.tables import difference_json, figures_json
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional, stored_in
from qal.errors import EvaluationError
from qal.evaluation.comparison.history import HistoryEntry, model_history
from qal.evaluation.report import paired_sentence
from qal.evaluation.stored import EVALUATIONS
from qal.jobs.run import Run
from qal.json_text import json_text
from qal.text.error_measure import Measure, percent, score_basis
from qal.text.normalisation.registry import SCORING, find_normaliser

ABOUT = (
    "Lists the stored evaluations of a model, oldest first, with the change since the one before on the examples that "
    "both have. For a run, the validation after each epoch is listed, too."
)
VERSION_DIGITS = 12


class HistoryOptions(BaseModel, frozen=True):
    model: str = positional("the model as it was evaluated: a name, a run's id, a directory, an address or a file")
    normaliser: str = flag(SCORING.id, "the scoring normaliser", "NAME")
    out: Path = stored_in(EVALUATIONS, "folder in which evaluations are stored")
    runs: Path = flag(Path("runs"), "folder of the runs", "DIR")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate history", ABOUT, HistoryOptions, arguments)
    normaliser = find_normaliser(options.normaliser)
    run = find_run(options.model, options.runs)
    names = {options.model} | ({run.id, str(run.folder), str(run.folder / "model")} if run else set())
    history = model_history(options.out, names, normaliser)
    epochs = validations(run) if run else []
    if not history and not epochs:
        raise EvaluationError(
            f"no evaluation of '{options.model}' is stored in {options.out}; run `qal evaluate {options.model} CORPUS`"
        )
    if options.json_:
        entries = [entry_json(entry) for entry in history]
        print(json_text({"model": options.model, "normaliser": normaliser.id, "history": entries, "epochs": epochs}))
    else:
        print("\n".join([*epoch_lines(epochs), *history_lines(history, normaliser.id)]))


def find_run(name: str, runs: Path) -> Run | None:
    """Returns the run of an id or a folder; None if there is none."""
    found = (Run(folder) for folder in (runs / name, Path(name)))
    return next((run for run in found if run.config_file.is_file()), None)


def validations(run: Run) -> list[dict[str, Any]]:
    """Returns the error rates on the validation set after each epoch of a run."""
    rows = [row for row in run.metrics() if "wer" in row]
    names = ("step", "epoch", "wer", "cer", "measure", "normaliser")
    return [{name: row[name] for name in names if name in row} for row in rows]


def epoch_lines(epochs: Sequence[dict[str, Any]]) -> list[str]:
    """Returns a line for each validation of a run, the error rate that decides first."""
    if not epochs:
        return []
    lines = [f"validation set, after each epoch · normaliser {epochs[-1].get('normaliser', 'unknown')}"]
    for row in epochs:
        rates: list[Measure] = ["CER", "WER"] if row.get("measure") == "CER" else ["WER", "CER"]
        shown = [f"{rate} {percent(row[rate.lower()])}" for rate in rates if rate.lower() in row]
        lines.append(f"  epoch {row.get('epoch', 0):g}, step {row.get('step', 0)}: {', '.join(shown)}")
    return lines


def history_lines(history: Sequence[HistoryEntry], normaliser: str) -> list[str]:
    """Returns a block of lines for each dataset, a line for each evaluation."""
    lines = []
    for corpus in dict.fromkeys(entry.stored.evaluation.corpus for entry in history):
        lines.append(corpus)
        for entry in history:
            if entry.stored.evaluation.corpus == corpus:
                lines += entry_lines(entry, normaliser)
    return lines


def entry_lines(entry: HistoryEntry, normaliser: str) -> list[str]:
    evaluation, total = entry.stored.evaluation, entry.figures
    basis = score_basis(evaluation.split, total.utterances, total.words, normaliser)
    version = evaluation.corpus_version[:VERSION_DIGITS]
    lines = [f"  {entry.stored.date}  version {version}  {total.deciding.error_rate.named_text}  {basis}"]
    if entry.change:
        sentence = paired_sentence(total.measure, entry.change.paired)
        lines.append(f"              since the one before: {sentence}, {entry.change.utterances:,} examples in common")
    return lines


def entry_json(entry: HistoryEntry) -> dict[str, Any]:
    evaluation = entry.stored.evaluation
    return {
        "evaluation": str(entry.stored.folder),
        "date": entry.stored.date,
        "corpus": evaluation.corpus,
        "corpus_version": evaluation.corpus_version,
        "split": evaluation.split,
        "state": evaluation.state,
        "decoding": evaluation.decoding,
        "utterances": entry.figures.utterances,
        "words": entry.figures.words,
        "measure": entry.figures.measure,
        "score": figures_json(entry.figures),
        "change": difference_json(entry.change) if entry.change else None,
    }
