"""Figures of evaluations as lines of text and as values of JSON."""

from collections.abc import Sequence
from typing import Any

from qal.corpus.left_out import describe_left_out
from qal.evaluation.breakdown import Figures, Group, RateFigure
from qal.evaluation.comparison.differences import ALPHA, Difference
from qal.evaluation.report import paired_sentence
from qal.evaluation.stored import StoredEvaluation
from qal.text.error_measure import Measure, percent, percent_interval, score_basis

DIGITS = 5  # of shares in JSON
FEW_UTTERANCES = 30  # fewer make the intervals of a bootstrap too narrow
MAX_NAME = 40  # characters of a group's name in a table


def headline(found: StoredEvaluation, total: Figures, normaliser: str) -> str:
    """Returns the model, the dataset and what the figures rest on."""
    evaluation = found.evaluation
    basis = score_basis(evaluation.split, total.utterances, total.words, normaliser)
    return f"{evaluation.model} on {evaluation.corpus} · {basis} · {duration(total.seconds)}"


def duration(seconds: float) -> str:
    """Returns a length of audio, such as "1.5 h", "12 min" or "40 s"."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def describe(found: StoredEvaluation, total: Figures) -> list[str]:
    """Returns the lines of the figures of one evaluation, the error rate that decides first."""
    decides, other = (total.wer, total.cer) if total.measure == "WER" else (total.cer, total.wer)
    edits = total.edits
    lines = [
        f"  {decides.error_rate.named_text}, {other.error_rate.named_text}",
        f"  MER {percent(total.mer)}, WIL {percent(total.wil)}; {edits.substitutions:,} words substituted, "
        f"{edits.deletions:,} deleted, {edits.insertions:,} inserted",
    ]
    if total.utterances < FEW_UTTERANCES:
        lines.append(f"  fewer than {FEW_UTTERANCES} utterances: the true interval is wider")
    if total.by_speaker:
        interval = percent_interval(total.by_speaker.low, total.by_speaker.high)
        lines.append(f"  {total.measure} interval by draws of whole speakers: {interval} ({total.speakers} speakers)")
    settings = ", ".join(f"{name} {value}" for name, value in found.evaluation.decoding.items())
    lines.append(f"  {settings}" + (f"; RTF {total.rtf:.3f}" if total.rtf is not None else ""))
    if found.evaluation.left_out:
        lines.append(f"  {describe_left_out(found.evaluation.left_out)}")
    if found.evaluation.state != "finished":
        lines.append(f"  {found.evaluation.state}: {len(found.rows):,} of {found.evaluation.total:,} examples")
    return [*lines, f"  stored in {found.folder}"]


def group_table(by: str, groups: Sequence[Group], measure: Measure) -> list[str]:
    """Returns a table of the error rates of groups."""
    names = [shortened(group.name) for group in groups]
    width = max(len(by), *map(len, names)) + 2
    lines = [f"{by:{width}}{'utterances':>11}{'words':>8}{f'{measure} %':>8}{'95 % interval':>18}"]
    for name, group in zip(names, groups, strict=True):
        rate = group.figures.wer if measure == "WER" else group.figures.cer
        lines.append(
            f"{name:{width}}{group.figures.utterances:>11,}{group.figures.words:>8,}{100 * rate.rate:>8.1f}"
            f"{percent_interval(rate.low, rate.high):>18}"
        )
    return lines


def shortened(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def difference_line(model: str, baseline: str, total: Figures, found: Difference) -> str:
    """Returns the sentence about a paired difference."""
    verdict = "significant" if found.paired.p < ALPHA else "not significant"
    return (
        f"{model} compared with {baseline}: {paired_sentence(total.measure, found.paired)}, {verdict}; "
        f"{found.utterances:,} examples in common."
    )


def figures_json(total: Figures) -> dict[str, Any]:
    """Returns all figures with flat names; shares, not percents."""
    values = {
        **rate_json("wer", total.wer),
        **rate_json("cer", total.cer),
        "mer": total.mer,
        "wil": total.wil,
        "rtf": total.rtf,
    }
    rounded = {name: None if value is None else round(value, DIGITS) for name, value in values.items()}
    speakers = total.by_speaker
    return {
        **rounded,
        **total.edits._asdict(),
        "speakers": total.speakers,
        "by_speaker": None if speakers is None else [round(speakers.low, DIGITS), round(speakers.high, DIGITS)],
    }


def rate_json(name: str, rate: RateFigure) -> dict[str, float]:
    return {name: rate.rate, f"{name}_low": rate.low, f"{name}_high": rate.high}


def groups_json(groups: Sequence[Group]) -> list[dict[str, Any]]:
    return [
        {
            "name": group.name,
            "utterances": group.figures.utterances,
            "words": group.figures.words,
            **figures_json(group.figures),
        }
        for group in groups
    ]


def difference_json(found: Difference) -> dict[str, Any]:
    return {**found.paired.rounded().model_dump(), "utterances": found.utterances}
