"""qal evaluate compare MODEL… --on CORPUS…: any models on any datasets in one table, with significant differences."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qal.cli.evaluation.options import CORPUS_HELP, MODEL_HELP, DecodingFlags, transcribed
from qal.cli.evaluation.tables import difference_json, duration, figures_json
from qal.cli.parsing import flag, parse_options, positional
from qal.errors import OptionError
from qal.evaluation.comparison.differences import ALPHA, Cell, compare
from qal.evaluation.stored import StoredEvaluation
from qal.json_text import json_text
from qal.text.error_measure import score_basis

ABOUT = (
    "Compares models with a baseline, the first one, on the same examples of each dataset. What is stored is used, the "
    "rest is transcribed. The p values of all comparisons are corrected together (Holm)."
)
Results = Mapping[tuple[str, str], StoredEvaluation]  # by model and dataset


class CompareOptions(DecodingFlags, frozen=True):
    models: list[str] = positional(f"each is {MODEL_HELP}", "MODEL")
    on: list[Path] = flag(..., f"each is {CORPUS_HELP}", "CORPUS")
    baseline: str | None = flag(None, "the model that the others are compared with; unset: the first one", "MODEL")


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate compare", ABOUT, CompareOptions, arguments)
    models = list(dict.fromkeys(options.models))
    baseline = options.baseline or models[0]
    if baseline not in models:
        models.insert(0, baseline)
    if len(models) < 2:
        raise OptionError("a comparison needs two models or more; name another one")
    normaliser = options.scoring
    results = {
        (model, str(corpus)): transcribed(options.request(model, corpus), options)
        for corpus in dict.fromkeys(options.on)
        for model in models
    }
    cells = compare({key: found.rows for key, found in results.items()}, baseline, normaliser)
    if options.json_:
        print(json_text({"baseline": baseline, "normaliser": normaliser.id, "cells": cells_json(cells, results)}))
    else:
        print(as_text(cells, results, normaliser.id))


def as_text(cells: Sequence[Cell], results: Results, normaliser: str) -> str:
    """Returns a block of lines for each dataset."""
    lines = []
    for corpus in dict.fromkeys(cell.corpus for cell in cells):
        block = [cell for cell in cells if cell.corpus == corpus]
        first, total = results[block[0].model, corpus].evaluation, block[0].figures
        basis = score_basis(first.split, total.utterances, total.words, normaliser)
        lines += [f"{first.corpus} · {basis} · {duration(total.seconds)}", *block_lines(block), ""]
    tests = sum(cell.difference is not None for cell in cells)
    corrected = f", corrected for {tests} comparisons (Holm)" if tests > 1 else ""
    marks = f"better, worse: p < {ALPHA:g}{corrected}. The intervals are 95 % intervals of one test."
    return "\n".join([*lines, marks])


def block_lines(cells: Sequence[Cell]) -> list[str]:
    width = max(len(cell.model) for cell in cells) + 2
    rates = [cell.figures.deciding.error_rate.named_text for cell in cells]
    rate_width = max(map(len, rates)) + 2
    pairs = zip(cells, rates, strict=True)
    return [f"  {cell.model:{width}}{rate:{rate_width}}{difference_text(cell)}".rstrip() for cell, rate in pairs]


def difference_text(cell: Cell) -> str:
    """Returns the difference to the baseline in points with its interval, corrected p and mark."""
    if cell.difference is None:
        return "baseline"
    paired = cell.difference.paired
    interval = f"{100 * paired.low:+.1f} to {100 * paired.high:+.1f}"
    mark = "" if cell.verdict == "same" else f"  {cell.verdict}"
    few = cell.difference.utterances < cell.figures.utterances
    examples = f", {cell.difference.utterances:,} examples in common" if few else ""
    return f"{100 * paired.difference:+.1f} points ({interval}), p {cell.corrected_p:.4f}{examples}{mark}"


def cells_json(cells: Sequence[Cell], results: Results) -> list[dict[str, Any]]:
    return [
        {
            "model": cell.model,
            "corpus": cell.corpus,
            "evaluation": str(results[cell.model, cell.corpus].folder),
            "utterances": cell.figures.utterances,
            "words": cell.figures.words,
            "measure": cell.figures.measure,
            "left_out": results[cell.model, cell.corpus].evaluation.left_out,
            "decoding": results[cell.model, cell.corpus].evaluation.decoding,
            "score": figures_json(cell.figures),
            "paired": difference_json(cell.difference) if cell.difference else None,
            "p_corrected": cell.corrected_p,
            "verdict": cell.verdict,
        }
        for cell in cells
    ]
