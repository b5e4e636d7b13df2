"""The context curve as text: a table, and sentences that say what was found."""

from collections.abc import Sequence

from qal.audio.samples import WINDOW_S
from qal.corpus.left_out import describe_left_out
from qal.evaluation.context_curve.records import MIN_UTTERANCES, ContextCurve, ContextFigures, context_name
from qal.evaluation.report import paired_sentence
from qal.text.error_measure import percent, percent_interval, score_basis

VERDICTS = {"reference": "", "not worse": "not worse", "worse": "worse", "undecided": "undecided"}
OWN_VERDICTS = {"not worse": "not worse than 30 s", "worse": "worse than 30 s", "undecided": "undecided"}
STOPPED = "worse, given up"
LONG_SPEECH_S = 10.0  # examples that are all shorter say little about the margin


def curve_columns(curve: ContextCurve) -> list[str]:
    return [
        "margin s",
        "minimum s",
        "context s",
        f"{curve.measure} %",
        "95 % interval",
        "difference",
        "95 % interval of the difference",
        "RTF",
        "times faster",
        "examples",
        "verdict",
    ]


def curve_cells(row: ContextFigures) -> list[str]:
    """Returns the cells of a context, in the order of `curve_columns`; differences are in points."""
    is_full = not row.context.adaptive
    return [
        "–" if is_full else f"{row.context.margin_s:g}",
        str(WINDOW_S) if is_full else f"{row.context.min_s:g}",
        f"{row.context_s:.1f}",
        f"{100 * row.rate.rate:.1f}",
        percent_interval(row.rate.low, row.rate.high),
        "" if is_full else f"{100 * row.paired.difference:+.1f}",
        "" if is_full else f"{100 * row.paired.low:+.1f} to {100 * row.paired.high:+.1f}",
        f"{row.rtf:.3f}",
        "" if is_full else f"{row.times_faster:.1f}",
        str(row.utterances),
        STOPPED if row.stopped_early else VERDICTS[row.verdict],
    ]


def curve_table(curve: ContextCurve) -> str:
    """Returns the table as lines of text, what it rests on first and what was found last."""
    cells = [curve_columns(curve), *map(curve_cells, curve.figures)]
    lines = [curve_basis(curve), *aligned(cells)]
    return "\n".join([*lines, "", *found_sentences(curve)])


def curve_basis(curve: ContextCurve) -> str:
    """Returns what the figures rest on, in one line."""
    basis = score_basis(curve.split, curve.utterances, curve.words, curve.normaliser)
    lengths = f"examples of {curve.shortest_s:.1f} to {curve.longest_s:.1f} s"
    left_out = describe_left_out(curve.left_out)
    return " · ".join(filter(None, [f"{curve.model} on {curve.corpus}", basis, lengths, left_out]))


def found_sentences(curve: ContextCurve) -> list[str]:
    """Returns the smallest context that is not worse, or why there is none."""
    tolerance = f"{100 * curve.tolerance:g} points"
    sentences = [] if curve.is_complete else ["Stopped before all examples were transcribed."]
    if curve.longest_s < LONG_SPEECH_S:
        sentences.append(f"The longest example has {curve.longest_s:.1f} s: what longer speech needs was not measured.")
    own = curve.figures_of(curve.own) if curve.own.adaptive else None
    if own:
        sentences.append(
            f"The context in the model's qal.json, {own.name}, is {OWN_VERDICTS[own.verdict]}: "
            f"{paired_sentence(curve.measure, own.paired)}."
        )
    found = curve.found
    if found:
        return [
            *sentences,
            f"Smallest context that is not worse than {WINDOW_S} s by {tolerance}: {found.name}. "
            f"{paired_sentence(curve.measure, found.paired)}; {found.times_faster:.1f} times faster "
            f"(RTF {found.rtf:.3f}, at {WINDOW_S} s {curve.figures[0].rtf:.3f}).",
        ]
    if curve.needed_utterances:
        few = f" (at least {MIN_UTTERANCES} are needed)" if curve.utterances < MIN_UTTERANCES else ""
        return [
            *sentences,
            f"{curve.utterances} examples are too few to decide{few}: about {curve.needed_utterances} would be enough "
            f"for the most promising context. Add examples, raise --max, or accept a larger --tolerance.",
        ]
    best = min(curve.figures[1:], key=lambda row: row.paired.difference, default=None)
    if best is None:
        return sentences
    return [
        *sentences,
        f"No context of the grid is accurate enough: the best one, {context_name(best.context)}, has "
        f"{paired_sentence(curve.measure, best.paired)} compared with {WINDOW_S} s, where {tolerance} are accepted. "
        f"The model needs {WINDOW_S} s ({curve.measure} {percent(curve.figures[0].rate.rate)}).",
    ]


def aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    """Returns the rows of a table as lines, the columns right-aligned."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
