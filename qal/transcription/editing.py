"""Corrections of a transcript as pure operations: segments in, segments out.

A segment's words always are its text: joined, they give it. Where the model computed no words, and for words that are
typed, times are estimated from the numbers of letters. A corrected word has the probability 1."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from qal.engine.longform.segment import Segment
from qal.engine.words import Word, move_words
from qal.errors import OptionError
from qal.text import scripts
from qal.text.scripts import LANGUAGES_WITHOUT_SPACES

CONFIRMED = 1.0  # probability of a word that a person wrote
MIN_SEGMENT_S = 0.05
MAX_TEXT = 20_000  # characters
TIME = Field(ge=0, le=1e6, allow_inf_nan=False)


class _Operation(BaseModel, frozen=True, extra="forbid"):
    segment: int = Field(ge=0, description="number of the segment, from 0")


class CorrectWord(_Operation, frozen=True):
    """Replaces a word by others; an empty text removes it."""

    kind: Literal["word"] = "word"
    word: int = Field(ge=0, description="number of the word in the segment, from 0")
    text: str = Field(max_length=MAX_TEXT)


class CorrectText(_Operation, frozen=True):
    """Replaces the text of a segment; words that stay keep their times."""

    kind: Literal["text"] = "text"
    text: str = Field(max_length=MAX_TEXT)


class Split(_Operation, frozen=True):
    """Splits a segment before one of its words."""

    kind: Literal["split"] = "split"
    word: int = Field(ge=1)


class Merge(_Operation, frozen=True):
    """Joins a segment with the next one."""

    kind: Literal["merge"] = "merge"


class Shift(_Operation, frozen=True):
    """Moves the times of the segments from `segment` to `last`."""

    kind: Literal["shift"] = "shift"
    last: int | None = Field(default=None, ge=0, description="null: to the end of the file")
    seconds: float = Field(ge=-1e6, le=1e6, allow_inf_nan=False, description="later; negative: earlier")


class SetTimes(_Operation, frozen=True):
    """Sets the start and the end of a segment; its words stay inside."""

    kind: Literal["times"] = "times"
    start_s: float = TIME
    end_s: float = TIME


class Delete(_Operation, frozen=True):
    """Removes a segment."""

    kind: Literal["delete"] = "delete"


Operation = Annotated[
    CorrectWord | CorrectText | Split | Merge | Shift | SetTimes | Delete, Field(discriminator="kind")
]


def apply_operation(segments: Sequence[Segment], operation: Operation) -> list[Segment]:
    """Returns the segments after an operation.

    Raises OptionError if the operation does not fit: there is no such segment or word, or a time is not possible."""
    if operation.segment >= len(segments):
        raise OptionError("there is no such segment; reload the page")
    return _APPLY[type(operation)](list(segments), operation)


def words_of(segment: Segment) -> tuple[Word, ...]:
    """Returns the words of a segment; without computed ones, times are estimated from the numbers of letters."""
    if segment.words and _joined(segment.words) == _plain(segment.text):
        return segment.words
    return _spread(split_words(segment.text, segment.language), segment.start_s, segment.end_s, 0.0)


def _units(segment: Segment) -> tuple[Word, ...]:
    """Returns the words of a segment as `split_words` splits a text, with the words' times."""
    units: list[Word] = []
    for word in words_of(segment):
        parts = split_words(word.text, segment.language) or [word.text]
        is_one = len(parts) == 1
        units += [word] if is_one else _spread(parts, word.start_s, word.end_s, word.probability)
    return tuple(units)


def split_words(text: str, language: str) -> list[str]:
    """Splits a text into words with the space before each; into letters where the script has no spaces."""
    words = scripts.split_words(_plain(text))
    if words and language not in LANGUAGES_WITHOUT_SPACES:
        words[0] = f" {words[0]}"
    return words


def _correct_word(segments: list[Segment], operation: CorrectWord) -> list[Segment]:
    segment = segments[operation.segment]
    words = list(words_of(segment))
    if operation.word >= len(words):
        raise OptionError("there is no such word; reload the page")
    old = words[operation.word]
    texts = split_words(_plain(operation.text), segment.language)
    if texts and not old.text[:1].isspace():
        texts[0] = texts[0].lstrip()
    words[operation.word : operation.word + 1] = _spread(texts, old.start_s, old.end_s, CONFIRMED)
    return _replaced(segments, operation.segment, [_with_words(segment, words)])


def _correct_text(segments: list[Segment], operation: CorrectText) -> list[Segment]:
    segment = segments[operation.segment]
    old = _units(segment)
    new = split_words(_plain(operation.text), segment.language)
    words: list[Word] = []
    matcher = SequenceMatcher(None, [w.text.strip() for w in old], [text.strip() for text in new], autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            words += [replace(word, text=text) for word, text in zip(old[a:b], new[c:d], strict=True)]
        elif d > c:
            start_s = old[a].start_s if a < b else _end_before(old, a, segment)
            end_s = old[b - 1].end_s if a < b else _start_after(old, a, segment)
            words += _spread(new[c:d], start_s, max(start_s, end_s), CONFIRMED)
    return _replaced(segments, operation.segment, [_with_words(segment, words)])


def _split(segments: list[Segment], operation: Split) -> list[Segment]:
    segment = segments[operation.segment]
    words = words_of(segment)
    if operation.word >= len(words):
        raise OptionError("choose a place between two words to split the segment")
    first, second = words[: operation.word], words[operation.word :]
    border_s = min(max(second[0].start_s, segment.start_s), segment.end_s)
    first_end_s = min(max(first[-1].end_s, segment.start_s), border_s)
    parts = [
        _with_words(replace(segment, end_s=first_end_s), first),
        _with_words(replace(segment, start_s=border_s), second),
    ]
    return _replaced(segments, operation.segment, parts)


def _merge(segments: list[Segment], operation: Merge) -> list[Segment]:
    if operation.segment + 1 >= len(segments):
        raise OptionError("there is no segment after this one; choose an earlier one")
    first, second = segments[operation.segment : operation.segment + 2]
    if first.channel != second.channel:
        raise OptionError("these segments are of two channels, which stay apart; merge segments of one channel")
    words = [*words_of(first), *words_of(second)]
    if words_of(second) and first.text and second.language not in LANGUAGES_WITHOUT_SPACES:
        start = len(words_of(first))
        words[start] = replace(words[start], text=f" {words[start].text.lstrip()}")
    both = replace(
        first,
        start_s=min(first.start_s, second.start_s),
        end_s=max(first.end_s, second.end_s),
        avg_logprob=min(first.avg_logprob, second.avg_logprob),
        no_speech_prob=max(first.no_speech_prob, second.no_speech_prob),
    )
    merged = _with_words(both, words)
    return [*segments[: operation.segment], merged, *segments[operation.segment + 2 :]]


def _shift(segments: list[Segment], operation: Shift) -> list[Segment]:
    last = len(segments) - 1 if operation.last is None else operation.last
    moved = segments[operation.segment : last + 1]
    if any(segment.start_s + operation.seconds < 0 for segment in moved):
        raise OptionError("a segment would start before the file; shift it less")
    shifted = [
        replace(
            segment,
            start_s=segment.start_s + operation.seconds,
            end_s=segment.end_s + operation.seconds,
            words=move_words(segment.words, operation.seconds),
        )
        for segment in moved
    ]
    return [*segments[: operation.segment], *shifted, *segments[last + 1 :]]


def _set_times(segments: list[Segment], operation: SetTimes) -> list[Segment]:
    segment = segments[operation.segment]
    start_s, end_s = operation.start_s, operation.end_s
    if end_s - start_s < MIN_SEGMENT_S:
        raise OptionError("the end of a segment must be after its start; choose other times")
    words = tuple(
        replace(w, start_s=min(max(w.start_s, start_s), end_s), end_s=min(max(w.end_s, start_s), end_s))
        for w in segment.words
    )
    changed = replace(segment, start_s=start_s, end_s=end_s, words=words)
    return _replaced(segments, operation.segment, [changed])


def _delete(segments: list[Segment], operation: Delete) -> list[Segment]:
    return _replaced(segments, operation.segment, [])


_APPLY: dict[type, Callable[..., list[Segment]]] = {
    CorrectWord: _correct_word,
    CorrectText: _correct_text,
    Split: _split,
    Merge: _merge,
    Shift: _shift,
    SetTimes: _set_times,
    Delete: _delete,
}


def _replaced(segments: list[Segment], index: int, parts: Sequence[Segment]) -> list[Segment]:
    return [*segments[:index], *parts, *segments[index + 1 :]]


def _with_words(segment: Segment, words: Sequence[Word]) -> Segment:
    """Returns the segment with other words, and the text that they give."""
    return replace(segment, words=tuple(words), text=_joined(words))


def _spread(texts: Sequence[str], start_s: float, end_s: float, probability: float) -> tuple[Word, ...]:
    """Gives words parts of a time range that are as long as their letters are many."""
    total = sum(len(text.strip()) or 1 for text in texts)
    words, position = [], 0
    for text in texts:
        begin, position = position, position + (len(text.strip()) or 1)
        times = [start_s + (end_s - start_s) * letters / total for letters in (begin, position)]
        words.append(Word(text, times[0], times[1], probability))
    return tuple(words)


def _end_before(words: Sequence[Word], index: int, segment: Segment) -> float:
    return words[index - 1].end_s if index else segment.start_s


def _start_after(words: Sequence[Word], index: int, segment: Segment) -> float:
    return words[index].start_s if index < len(words) else segment.end_s


def _joined(words: Sequence[Word]) -> str:
    return _plain("".join(word.text for word in words))


def _plain(text: str) -> str:
    """Returns the text with single spaces."""
    return " ".join(text.split())
