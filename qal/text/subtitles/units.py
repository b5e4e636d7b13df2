"""Units of subtitles: the parts of a text that are never divided, with the places where a cue or a line may end."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from qal.text.letter_width import text_width
from qal.text.punctuation import NO_LINE_END, NO_LINE_START, ends_clause, ends_sentence, is_abbreviation
from qal.text.scripts import is_written_without_spaces
from qal.text.subtitles.timed_text import TimedWord

THAI_LEADING = frozenset("เแโใไເແໂໃໄ")  # vowels that are written before their consonant
THAI_FOLLOWING = frozenset("ะาำๅະາຳ")  # and vowels after it that are no combining marks
SHORT_WORD = 3  # letters; articles and prepositions are not left at the end of a line


class Break(IntEnum):
    """How good a place the end of a unit is for the end of a line or a cue."""

    WORD = 0
    CLAUSE = 1
    SENTENCE = 2


@dataclass(frozen=True)
class Unit:
    """One or more words that are not divided."""

    text: str  # without outer spaces
    has_space: bool  # before it
    start_s: float
    end_s: float
    words: tuple[TimedWord, ...]
    ending: Break = Break.WORD

    @property
    def width(self) -> int:
        return text_width(self.text)

    @property
    def is_short(self) -> bool:
        """True for a short word without punctuation, or an abbreviation, which belong to the next one."""
        if is_abbreviation(self.text):
            return True
        return len(self.text) <= SHORT_WORD and self.text.isalpha() and not is_written_without_spaces(self.text[0])


def joined(units: Iterable[Unit]) -> str:
    """Returns the text of units on one line."""
    return "".join(" " * unit.has_space + unit.text for unit in units).strip()


def make_units(words: Sequence[TimedWord]) -> list[Unit]:
    """Groups the words of a segment into units, in order; their times never go back. Words without text are left out.

    Words of scripts without spaces are joined where a line must not be broken."""
    groups: list[list[TimedWord]] = []
    for word in words:
        if not word.text.strip():
            continue
        if groups and not _can_break(_group_text(groups[-1]), word.text):
            groups[-1].append(word)
        else:
            groups.append([word])
    units, earliest_s = [], 0.0
    for group in groups:
        text = " ".join(_group_text(group).split())
        start_s = max(earliest_s, group[0].start_s)
        end_s = max(start_s, group[-1].end_s)
        units.append(Unit(text, _group_text(group)[0].isspace(), start_s, end_s, tuple(group)))
        earliest_s = end_s
    return with_endings(units)


def with_endings(units: Sequence[Unit]) -> list[Unit]:
    """Returns the units with the kinds of their ends, which depend on the next unit."""
    following = [*(unit.text for unit in units), ""][1:]
    return [
        Unit(u.text, u.has_space, u.start_s, u.end_s, u.words, _ending(u.text, next_text))
        for u, next_text in zip(units, following, strict=True)
    ]


def _ending(text: str, next_text: str) -> Break:
    if ends_sentence(text):
        is_end = not is_abbreviation(text) and not next_text[:1].islower()
        return Break.SENTENCE if is_end else Break.WORD
    return Break.CLAUSE if ends_clause(text) else Break.WORD


def _group_text(group: Sequence[TimedWord]) -> str:
    return "".join(word.text for word in group)


def _can_break(before: str, after: str) -> bool:
    """True if a line may end between two texts."""
    if before[-1].isspace() or after[0].isspace():
        return True
    left, right = before[-1], after[0]
    if not (is_written_without_spaces(left) or is_written_without_spaces(right)) or _is_katakana(left, right):
        return left in "。、，！？" and right not in NO_LINE_START
    if left in THAI_LEADING or right in THAI_FOLLOWING or unicodedata.category(right)[0] == "M":
        return False
    return right not in NO_LINE_START and left not in NO_LINE_END


def _is_katakana(left: str, right: str) -> bool:
    return "\u30a1" <= left <= "\u30fc" and "\u30a1" <= right <= "\u30fc"
