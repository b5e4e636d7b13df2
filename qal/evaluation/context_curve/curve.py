"""Judges the transcripts at each context and finds the smallest context that is not worse than 30 s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qal.corpus.split import Split
from qal.engine.engine import FULL_CONTEXT
from qal.engine.model_directory import ContextAbility
from qal.evaluation.breakdown import counted, figures
from qal.evaluation.context_curve.decision import needed_utterances, smallest_context, verdict
from qal.evaluation.context_curve.measure import CurveSettings, Transcribed, difference_to_full
from qal.evaluation.context_curve.records import ContextCurve, ContextFigures, ContextRow


@dataclass(frozen=True)
class CurveSource:
    """The names of the model and of the corpus, and the conditions of the measurement."""

    model: str
    corpus: str
    corpus_version: str
    split: Split
    decoding: Mapping[str, str | int | float | bool | None]
    hardware: Mapping[str, str | int | float | None]
    own: ContextAbility = FULL_CONTEXT  # in the model's qal.json


def judged(transcribed: Transcribed, settings: CurveSettings) -> list[ContextFigures]:
    """Returns the figures of each context, 30 s first."""
    full = transcribed.results[0]
    rows = []
    for result in transcribed.results:
        found = figures(counted(result.rows, settings.normaliser))
        paired = difference_to_full(result, full, settings.normaliser)
        own_s, full_s = seconds_of(result.rows), seconds_of(full.rows[: len(result.rows)])
        rows.append(
            ContextFigures(
                context=result.context,
                context_s=float(np.mean([row.context_s for row in result.rows])),
                utterances=found.utterances,
                words=found.words,
                rate=found.deciding,
                rtf=found.rtf or 0.0,
                times_faster=full_s / own_s if own_s else 1.0,
                paired=paired,
                verdict="reference" if result is full else verdict(paired, found.utterances, settings.tolerance),
                stopped_early=result.is_stopped,
            )
        )
    return rows


def context_curve(transcribed: Transcribed, settings: CurveSettings, source: CurveSource) -> ContextCurve:
    """Judges the transcripts and finds the smallest context that is not worse than 30 s."""
    rows = judged(transcribed, settings)
    examples = transcribed.results[0].rows
    durations = [row.duration_s for row in examples]
    smallest = smallest_context(rows)
    return ContextCurve(
        model=source.model,
        corpus=source.corpus,
        corpus_version=source.corpus_version,
        split=source.split,
        language=settings.language,
        normaliser=settings.normaliser.id,
        measure=rows[0].rate.measure,
        tolerance=settings.tolerance,
        utterances=rows[0].utterances,
        words=rows[0].words,
        seconds=sum(durations),
        shortest_s=min(durations),
        longest_s=max(durations),
        left_out=dict(transcribed.left_out),
        decoding={**source.decoding, **settings.decoding.model_dump(exclude_defaults=True)},
        hardware=dict(source.hardware),
        seed=settings.seed,
        is_complete=transcribed.is_complete,
        figures=rows,
        own=source.own,
        smallest=smallest,
        needed_utterances=None if smallest else needed_utterances(rows, settings.tolerance),
    )


def seconds_of(rows: Sequence[ContextRow]) -> float:
    """Returns the seconds of computation of all rows."""
    return sum(row.seconds or 0.0 for row in rows)
