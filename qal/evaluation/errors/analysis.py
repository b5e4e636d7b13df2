"""Everything that is counted about the errors of an evaluation, from its rows and a normaliser."""

from collections.abc import Mapping
from dataclasses import dataclass

from qal.errors import EvaluationError
from qal.evaluation.breakdown import GROUPINGS, UNKNOWN, Counted, Figures, Group, breakdown, counted, figures, worst
from qal.evaluation.errors.confusions import Confusion, character_confusions, word_confusions
from qal.evaluation.errors.edits import AlignedRow, align_rows
from qal.evaluation.errors.ignoring import Ignored, ignored_differences
from qal.evaluation.errors.insertions import (
    RowInsertions,
    SilentRows,
    Stretch,
    inserted_stretches,
    row_insertions,
    silent_rows,
)
from qal.evaluation.errors.phonemes import PhonemeErrors, phoneme_errors
from qal.evaluation.errors.positions import PositionErrors, errors_by_position
from qal.evaluation.errors.words import WordScore, never_right, word_scores
from qal.evaluation.records import ScoredRow
from qal.text.normalisation.registry import SCORING, Normaliser

WORST = 20  # examples
MAX_GROUPS = 1000  # of one kind; more, such as a source for each example, say nothing


@dataclass(frozen=True)
class ErrorAnalysis:
    """The errors of an evaluation. All indices are those of `found.rows`."""

    found: Counted
    normaliser: Normaliser
    aligned: tuple[AlignedRow, ...]
    figures: Figures
    groups: Mapping[str, tuple[Group, ...]]  # by a key of GROUPINGS; only where there are at least two groups
    words: tuple[Confusion, ...]
    characters: tuple[Confusion, ...]
    never_right: tuple[WordScore, ...]
    positions: tuple[PositionErrors, ...]
    silent: SilentRows
    stretches: tuple[Stretch, ...]
    insertions: tuple[RowInsertions, ...]
    ignored: tuple[Ignored, ...]
    worst: tuple[int, ...]
    phonemes: PhonemeErrors | None = None
    phonemes_problem: str = ""  # why there are none, in a sentence


def analyse(
    rows: list[ScoredRow], normaliser: Normaliser = SCORING, with_phonemes: bool = True, worst_count: int = WORST
) -> ErrorAnalysis:
    """Counts the errors of an evaluation.

    Args:
        rows: its rows.
        normaliser: removes what does not count as an error.
        with_phonemes: compare pronunciations, too, where espeak-ng is installed.
        worst_count: number of the worst examples.

    Raises:
        EvaluationError: there are no rows.
    """
    if not rows:
        raise EvaluationError("this evaluation has no scored examples yet; continue it first")
    found = counted(rows, normaliser)
    aligned = align_rows(found, normaliser)
    phonemes, problem = _phonemes(found, aligned) if with_phonemes else (None, "")
    return ErrorAnalysis(
        found=found,
        normaliser=normaliser,
        aligned=tuple(aligned),
        figures=figures(found),
        groups=all_groups(found),
        words=tuple(word_confusions(aligned)),
        characters=tuple(character_confusions(found, normaliser)),
        never_right=tuple(never_right(word_scores(aligned))),
        positions=tuple(errors_by_position(aligned)),
        silent=silent_rows(rows, aligned),
        stretches=tuple(inserted_stretches(aligned)),
        insertions=tuple(row_insertions(aligned)),
        ignored=tuple(ignored_differences(found, aligned, normaliser)),
        worst=tuple(worst(found, worst_count)),
        phonemes=phonemes,
        phonemes_problem=problem,
    )


def all_groups(found: Counted) -> dict[str, tuple[Group, ...]]:
    """Returns the breakdowns that tell something: by kinds of groups of which there are two or more."""
    names = {by: {key(row) for row in found.rows} for by, key in GROUPINGS.items()}
    chosen = [by for by, some in names.items() if 1 < len(some) <= MAX_GROUPS and some != {UNKNOWN}]
    return {by: tuple(breakdown(found, by)) for by in chosen}


def _phonemes(found: Counted, aligned: list[AlignedRow]) -> tuple[PhonemeErrors | None, str]:
    """Returns the errors in phonemes, or why there are none."""
    try:
        return phoneme_errors(found, aligned), ""
    except EvaluationError as error:
        return None, str(error)
