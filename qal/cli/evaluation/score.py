"""qal evaluate MODEL CORPUS: the error rates of a model on a dataset, alone or against another model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from qal.cli.evaluation.options import CORPUS_HELP, MODEL_HELP, DecodingFlags, transcribed
from qal.cli.evaluation.tables import (
    describe,
    difference_json,
    difference_line,
    figures_json,
    group_table,
    groups_json,
    headline,
)
from qal.cli.parsing import flag, parse_options, positional
from qal.engine.engine import ContextChoice
from qal.evaluation.breakdown import GROUPINGS, Counted, Figures, breakdown, counted, figures
from qal.evaluation.comparison.differences import Difference, common_examples, difference
from qal.evaluation.stored import StoredEvaluation
from qal.json_text import json_text

ABOUT = (
    "Measures the error rates and the speed of a model on a dataset, alone or against another model. What is "
    "transcribed is stored and used again; an interrupted evaluation is continued by the same command."
)


class ScoreOptions(DecodingFlags, frozen=True):
    model: str = positional(MODEL_HELP, "MODEL")
    corpus: Path = positional(CORPUS_HELP, "CORPUS")
    by: list[str] = flag([], f"also the error rates of groups: {', '.join(GROUPINGS)}", "GROUP")
    against: str | None = flag(None, "a second model, for a paired comparison on the same examples", "MODEL")
    against_context: Literal["same", ContextChoice] = flag("same", "the context of --against; same: as --context")

    @field_validator("by")
    @classmethod
    def _check_groups(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in GROUPINGS:
                raise ValueError(f"there are no groups '{name}'; choose of {', '.join(GROUPINGS)}")
        return names


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate", ABOUT, ScoreOptions, arguments)
    normaliser = options.scoring  # a wrong name is reported before anything is transcribed
    found = transcribed(options.request(options.model, options.corpus), options)
    other = None
    if options.against:
        context = options.context if options.against_context == "same" else options.against_context
        other = transcribed(options.request(options.against, options.corpus, context), options)
    scored = counted(found.rows, normaliser)
    compared = Compared(other, difference(common_examples(found.rows, other.rows, normaliser))) if other else None
    if options.json_:
        print(json_text(as_json(options, found, scored, compared)))
    else:
        print(as_text(options, found, scored, compared))


class Compared:
    """Another system's evaluation and the difference to it."""

    def __init__(self, stored: StoredEvaluation, to_other: Difference):
        self.stored, self.difference = stored, to_other


def as_json(
    options: ScoreOptions, found: StoredEvaluation, scored: Counted, compared: Compared | None
) -> dict[str, Any]:
    """Returns the content of the line that --json prints; the paired difference is of the measure that decides."""
    total = figures(scored)
    result = {
        "model": options.model,
        "corpus": str(options.corpus),
        "corpus_version": found.evaluation.corpus_version,
        "split": options.split,
        "utterances": total.utterances,
        "words": total.words,
        "seconds": round(total.seconds, 2),
        "left_out": found.evaluation.left_out,
        "normaliser": options.scoring.id,
        "measure": total.measure,
        "score": figures_json(total),
        "decoding": found.evaluation.decoding,
        "evaluation": str(found.folder),
        "by": {name: groups_json(breakdown(scored, name)) for name in options.by},
    }
    return result | (against_json(options, total, compared) if compared else {})


def against_json(options: ScoreOptions, total: Figures, compared: Compared) -> dict[str, Any]:
    other = figures(counted(compared.stored.rows, options.scoring))
    return {
        "against": {
            "model": options.against,
            "evaluation": str(compared.stored.folder),
            "decoding": compared.stored.evaluation.decoding,
            "score": figures_json(other),
        },
        "paired": difference_json(compared.difference),
        "times_faster": round(other.rtf / total.rtf, 2) if other.rtf and total.rtf else None,
    }


def against_name(options: ScoreOptions) -> str:
    """Returns the name of the second model, with its context if it is the first one's name, too."""
    is_other = options.against != options.model
    return options.against or "" if is_other else f"{options.against} (context {options.against_context})"


def as_text(options: ScoreOptions, found: StoredEvaluation, scored: Counted, compared: Compared | None) -> str:
    total = figures(scored)
    lines = [headline(found, total, options.scoring.id), *describe(found, total)]
    for name in options.by:
        lines += ["", *group_table(name, breakdown(scored, name), total.measure)]
    if compared:
        other = figures(counted(compared.stored.rows, options.scoring))
        lines += ["", headline(compared.stored, other, options.scoring.id), *describe(compared.stored, other)]
        lines += ["", difference_line(options.model, against_name(options), total, compared.difference)]
        if other.rtf and total.rtf:
            lines.append(f"{options.model} is {other.rtf / total.rtf:.2f} times as fast.")
    return "\n".join(lines)
