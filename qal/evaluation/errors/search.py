"""Finding rows: by a word in the reference or the transcript, and by filters on what is known of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field

from qal.evaluation.breakdown import GROUPINGS, Counted
from qal.evaluation.errors.edits import AlignedRow
from qal.text.normalisation.registry import SCORING, Normaliser
from qal.text.scripts import share_without_spaces

Side = Literal["either", "reference", "hypothesis"]
Outcome = Literal["any", "right", "missed", "invented"]


class RowFilter(BaseModel, frozen=True):
    """Conditions on rows; those that are not set hold for every row."""

    text: str = Field("", description="words to find, after normalisation")
    side: Side = Field("either", description="where to find them: reference, hypothesis, or either")
    whole_words: bool = Field(True, description="find whole words only, not parts of words")
    outcome: Outcome = Field(
        "any", description="right: on both sides; missed: in the reference alone; invented: in the transcript alone"
    )
    groups: dict[str, str] = Field(
        default_factory=dict, description="name of the group by each of speaker, language, duration, snr, speed, source"
    )
    min_rate: float | None = Field(None, ge=0, description="least error rate of a row, as a share")
    max_rate: float | None = Field(None, ge=0, description="greatest error rate of a row, as a share")
    only_errors: bool = Field(False, description="leave out rows without errors")


@dataclass(frozen=True)
class WordOutcome:
    """The outcome of all occurrences of a word."""

    word: str
    said: int  # times in the references
    right: int
    written_instead: tuple[tuple[str, int], ...]  # where it was said; "": nothing
    said_instead: tuple[tuple[str, int], ...]  # where it was written but not said; "": nothing


def find_rows(found: Counted, conditions: RowFilter, normaliser: Normaliser = SCORING) -> list[int]:
    """Returns the indices of the rows that fulfil all conditions, in order.

    Raises KeyError if a grouping does not exist."""
    rates = found.counts.errors / np.maximum(1, found.counts.lengths)
    return [
        i
        for i in range(len(found.rows))
        if _has_rate(conditions, float(rates[i]), int(found.counts.errors[i]))
        and all(GROUPINGS[by](found.rows[i]) == name for by, name in conditions.groups.items())
        and _has_text(found, i, conditions, normaliser)
    ]


def word_outcome(aligned: Sequence[AlignedRow], word: str) -> WordOutcome:
    """Counts how often a normalised word was right, what was written instead of it, and what it was written for."""
    edits = [edit for row in aligned for edit in row.edits]
    said = sum(row.reference.count(word) for row in aligned)
    instead = Counter(edit.hypothesis for edit in edits if edit.reference == word)
    wrongly = Counter(edit.reference for edit in edits if edit.hypothesis == word)
    return WordOutcome(word, said, said - instead.total(), tuple(instead.most_common()), tuple(wrongly.most_common()))


def _has_rate(conditions: RowFilter, rate: float, errors: int) -> bool:
    low, high = conditions.min_rate, conditions.max_rate
    is_inside = (low is None or rate >= low) and (high is None or rate <= high)
    return is_inside and (errors > 0 or not conditions.only_errors)


def _has_text(found: Counted, index: int, conditions: RowFilter, normaliser: Normaliser) -> bool:
    """True if the row has the text on the sides and with the outcome that the conditions say."""
    if not conditions.text.strip():
        return True
    row = found.rows[index]
    language = row.language or None
    wanted = normaliser.apply(conditions.text, language)
    is_said, is_written = (
        _contains(normaliser.apply(text, language), wanted, conditions.whole_words)
        for text in (row.reference, row.hypothesis)
    )
    outcomes = {
        "any": True,
        "right": is_said and is_written,
        "missed": is_said and not is_written,
        "invented": is_written and not is_said,
    }
    sides = {"either": is_said or is_written, "reference": is_said, "hypothesis": is_written}
    return sides[conditions.side] and outcomes[conditions.outcome]


def _contains(text: str, wanted: str, whole_words: bool) -> bool:
    """True if a normalised text contains another one; False for an empty one, which has nothing to find."""
    if not wanted:
        return False
    has_words = whole_words and not share_without_spaces(wanted)
    return f" {wanted} " in f" {text} " if has_words else wanted in text
