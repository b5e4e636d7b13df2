"""Compares the formats of a model on the same examples with the same decoding, each with the one before it.

A step is refused if the whole 95 % interval of its rise in the deciding error rate lies above the bound, or if hardly
any token stays the same: a broken conversion may write other wrong words where the model was already wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from qal.evaluation.bootstrap import error_intervals, paired_difference
from qal.evaluation.breakdown import RateFigure
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.gate_report import FormatFigures
from qal.evaluation.report import PairedDifference
from qal.evaluation.scoring import SEED, SpokenReference

MAX_LOSS = 0.01  # rise of the deciding error rate, as a share
MIN_UTTERANCES = 20  # with fewer the interval is unreliable: a single word could stop the export
MAX_LOSS_FEW_UTTERANCES = 0.5  # share; only a broken conversion loses more
MIN_AGREEMENT = 0.5  # of the tokens; int8 keeps more than nine of ten
BASE_LOSS = 0.05  # allowed to the step from the base model, which was trained on more than these examples
Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class FormatTexts:
    """The transcripts of one format of a model."""

    name: str
    texts: Sequence[str]  # one for each example, in order
    rtf: float | None = None  # seconds of computation per second of audio
    bytes: int | None = None  # of the stored weights
    is_base: bool = False  # another model, from which this one was trained: its texts may differ


def compare_formats(
    references: Sequence[SpokenReference], formats: Sequence[FormatTexts], encode: Encode
) -> list[FormatFigures]:
    """Returns the figures of each format and of each step.

    Args:
        references: the examples.
        formats: their transcripts, in the order of conversion.
        encode: returns the tokens of a text."""
    texts, languages = [r.text for r in references], [r.language for r in references]
    counts = [count_errors(texts, found.texts, languages) for found in formats]
    figures = []
    for i, found in enumerate(formats):
        wer, cer = _rates(counts[i])
        step = _step(formats[i - 1], found, counts[i - 1], counts[i], encode) if i else {}
        figures.append(FormatFigures(name=found.name, wer=wer, cer=cer, bytes=found.bytes, rtf=found.rtf, **step))
    return figures


def _rates(counts: ErrorCounts) -> tuple[RateFigure, RateFigure]:
    intervals = error_intervals(counts, np.random.default_rng(SEED))
    wer = RateFigure(measure="WER", rate=counts.wer, low=intervals.wer.low, high=intervals.wer.high)
    return wer, RateFigure(measure="CER", rate=counts.cer, low=intervals.cer.low, high=intervals.cer.high)


def _step(
    before: FormatTexts, after: FormatTexts, counts_before: ErrorCounts, counts_after: ErrorCounts, encode: Encode
) -> dict:
    loss = paired_difference(counts_after, counts_before, np.random.default_rng(SEED))
    agreement = token_agreement(before.texts, after.texts, encode)
    step, bound = f"{before.name} -> {after.name}", BASE_LOSS if before.is_base else MAX_LOSS
    limit = bound if len(after.texts) >= MIN_UTTERANCES else MAX_LOSS_FEW_UTTERANCES
    problem = ""
    if loss.low > limit:
        problem = loss_sentence(step, counts_after.measure, loss)
    elif agreement < MIN_AGREEMENT and not before.is_base:
        problem = f"the conversion {step} keeps only {100 * agreement:.0f} % of the tokens"
    return {"loss": loss, "agreement": agreement, "problem": problem}


def loss_sentence(step: str, measure: str, loss: PairedDifference) -> str:
    """Returns what a step loses, in the words of a refusal."""
    return (
        f"the conversion {step} raises the {measure} by {100 * loss.difference:.1f} points "
        f"(95 % interval {100 * loss.low:.1f} to {100 * loss.high:.1f})"
    )


def token_agreement(before: Sequence[str], after: Sequence[str], encode: Encode) -> float:
    """Returns the share of tokens that two lists of texts have in common: 1 - edits / length of the longer text."""
    edits = lengths = 0
    for a, b in zip(before, after, strict=True):
        left, right = encode(a), encode(b)
        edits += Levenshtein.distance(left, right)
        lengths += max(len(left), len(right))
    return 1 - edits / lengths if lengths else 1.0
