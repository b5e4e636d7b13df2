"""Measures the context curve: decodes the same examples at 30 s and at each setting of a grid.

Each example is decoded at all settings in turn, in a seeded order, so that a load of the machine slows all of them and
a setting that is far worse than 30 s is given up after a few examples."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qal.audio.samples import FRAMES_PER_SECOND, Samples, seconds
from qal.corpus.left_out import audio_reason
from qal.corpus.manifest import Row
from qal.engine.context import context_frames
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import FULL_CONTEXT, Utterance
from qal.engine.model_directory import ContextAbility
from qal.engine.screening import transcribe_without_loops
from qal.errors import AudioDecodeError, CorpusError, EvaluationError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.breakdown import SEED
from qal.evaluation.context_curve.decision import DEFAULT_TOLERANCE, is_hopeless, is_look
from qal.evaluation.context_curve.measured_calls import ContextEngine, KnownCalls, MeasuredEngine
from qal.evaluation.context_curve.records import ContextRow
from qal.evaluation.evaluate import Selection, never_stop
from qal.evaluation.records import count_rows
from qal.evaluation.report import PairedDifference
from qal.text.normalisation.registry import SCORING, Normaliser

Load = Callable[[Row], Samples]
CurveProgress = Callable[[int, int, int], object]  # (examples done, in total, settings that are still measured)


def no_progress(done: int, total: int, settings: int) -> None:
    """Ignores progress."""


@dataclass(frozen=True)
class CurveSettings:
    """The contexts to try, and how the results are judged."""

    contexts: Sequence[ContextAbility]
    tolerance: float = DEFAULT_TOLERANCE  # as a share
    normaliser: Normaliser = SCORING
    decoding: DecodingOptions = GREEDY
    language: str | None = None  # replaces the language of the examples
    seed: int = SEED


@dataclass
class ContextResults:
    """The transcripts at one context, in the order of the examples."""

    context: ContextAbility
    rows: list[ContextRow] = field(default_factory=list)
    is_stopped: bool = False  # far worse than 30 s, and given up


@dataclass(frozen=True)
class Transcribed:
    """The transcripts at all contexts, 30 s first."""

    results: Sequence[ContextResults]
    left_out: Mapping[str, int]
    is_complete: bool


def transcribe_at_contexts(
    engine: ContextEngine,
    selection: Selection,
    load: Load,
    settings: CurveSettings,
    progress: CurveProgress = no_progress,
    should_stop: Callable[[], bool] = never_stop,
) -> Transcribed:
    """Transcribes examples at 30 s and at each context.

    Args:
        engine: the model.
        selection: the examples.
        load: returns the samples of an example.
        settings: the contexts.
        progress: called after each example.
        should_stop: asked before each example.

    Raises:
        CorpusError: no example could be transcribed.
        EvaluationError: it was stopped before the first example."""
    results = [ContextResults(FULL_CONTEXT), *map(ContextResults, settings.contexts)]
    order = np.random.default_rng(settings.seed).permutation(len(selection.rows))
    left_out = Counter(selection.left_out)
    is_complete = True
    for number, i in enumerate(order, start=1):
        if should_stop():
            is_complete = False
            break
        row = selection.rows[i]
        try:
            samples = load(row)
        except AudioDecodeError as error:
            left_out[audio_reason(error)] += 1
            continue
        if not results[0].rows:
            _warm_up(engine, results, Utterance(samples, settings.language or row.language))
        _transcribe_example(engine, row, samples, results, settings)
        _give_up_hopeless(results, settings)
        progress(number, len(order), sum(not result.is_stopped for result in results))
    if not results[0].rows and not is_complete:
        raise EvaluationError("stopped before an example was transcribed; start again")
    if not results[0].rows:
        raise CorpusError("no example could be transcribed; choose another split or import the dataset again")
    return Transcribed(results, dict(left_out), is_complete)


def _warm_up(engine: ContextEngine, results: Sequence[ContextResults], utterance: Utterance) -> None:
    """Transcribes at the longest and the shortest context, so that no first call is measured."""
    for result in (results[0], results[-1]):
        engine.with_context(result.context).transcribe([utterance])


def _transcribe_example(
    engine: ContextEngine, row: Row, samples: Samples, results: Sequence[ContextResults], settings: CurveSettings
) -> None:
    language = settings.language or row.language
    known: KnownCalls = {}
    for result in results:
        if result.is_stopped:
            continue
        measured = MeasuredEngine(engine.with_context(result.context), result.context, known)
        transcript = transcribe_without_loops(measured, [Utterance(samples, language)], settings.decoding)[0]
        result.rows.append(
            ContextRow(
                audio=row.audio,
                reference=row.text,
                hypothesis=transcript.text,
                language=language,
                speaker=row.speaker,
                duration_s=seconds(samples),
                source=row.source,
                seconds=measured.seconds,
                adaptive=result.context.adaptive,
                margin_s=result.context.margin_s if result.context.adaptive else None,
                min_s=result.context.min_s if result.context.adaptive else None,
                context_s=context_frames(len(samples), result.context) / FRAMES_PER_SECOND,
            )
        )


def _give_up_hopeless(results: Sequence[ContextResults], settings: CurveSettings) -> None:
    """Stops the contexts that are far worse than 30 s; looks less and less often."""
    full, *others = results
    if not is_look(len(full.rows)):
        return
    for result in others:
        if not result.is_stopped:
            difference = difference_to_full(result, full, settings.normaliser)
            result.is_stopped = is_hopeless(difference, settings.tolerance)


def difference_to_full(result: ContextResults, full: ContextResults, normaliser: Normaliser) -> PairedDifference:
    """Returns the difference to 30 s on the examples that were transcribed at both contexts."""
    same = full.rows[: len(result.rows)]
    short, long = (count_rows(list(rows), normaliser) for rows in (result.rows, same))
    return paired_difference(short, long, np.random.default_rng(SEED))
