"""Edits: replaced stretches of a text, and the words with times that follow them.

Each step of post-processing reads a text and returns edits, so that no step needs to know about times.

    text    I have twenty five apples        Edit(7, 18, "25")
    words   I| have| twenty| five| apples    ─►  I| have| 25| apples      "25" lasts from "twenty" to the end of "five"
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any, ClassVar, Protocol, TypeVar

from qal.text.subtitles.timed_text import TimedWord

WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Edit:
    """The characters [start, end) of a text, and what is written in their place."""

    start: int
    end: int
    text: str = ""


class EditableWord(TimedWord, Protocol):
    """A dataclass such as qal.engine.words.Word."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def probability(self) -> float: ...


AnyWord = TypeVar("AnyWord", bound=EditableWord)


def edit_text(text: str, edits: Sequence[Edit]) -> str:
    """Returns the text with its edits, which are in order and do not overlap, without outer spaces."""
    parts, position = [], 0
    for edit in edits:
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]]).strip()


def edit_words(text: str, words: Sequence[AnyWord], edits: Sequence[Edit]) -> tuple[AnyWord, ...]:
    """Returns the words of the edited text.

    The words that an edit touches become one, from the start of the first to the end of the last; a word of which
    nothing is left is dropped. All others keep their text and times. Words that are not in the text stay as they are.
    """
    places = locate(text, words)
    edited: list[AnyWord] = []
    first = 0
    while first < len(words):
        end, touching = _touched(places, edits, first)
        edited += [_joined(text, words[first:end], places[first:end], touching)] if touching else [words[first]]
        first = end
    return tuple(word for word in edited if word.text.strip() or word in words)


def locate(text: str, words: Sequence[TimedWord]) -> list[tuple[int, int]]:
    """Returns the characters [start, end) of each word, without the spaces around it; (-1, -1) if it is not there."""
    places, position = [], 0
    for word in words:
        written = word.text.strip()
        start = text.find(written, position) if written else -1
        places.append((start, start + len(written)) if start >= 0 else (-1, -1))
        position = max(position, places[-1][1])
    return places


def _touched(places: Sequence[tuple[int, int]], edits: Sequence[Edit], first: int) -> tuple[int, list[Edit]]:
    """Returns the end of the words from `first` on that the same edits touch, and these edits."""
    end, found = first + 1, _touching(places[first : first + 1], edits)
    while found:
        last = max(edit.end for edit in found)
        further = [i + 1 for i in range(end, len(places)) if 0 <= places[i][0] < last]
        if not further:
            break
        end = further[-1]
        found = _touching(places[first:end], edits)
    return end, found


def _touching(places: Sequence[tuple[int, int]], edits: Sequence[Edit]) -> list[Edit]:
    return [edit for edit in edits if any(edit.start < end and start < edit.end for start, end in places)]


def _joined(text: str, words: Sequence[AnyWord], places: Sequence[tuple[int, int]], edits: Sequence[Edit]) -> AnyWord:
    start, end = places[0][0], places[-1][1]
    inner = [Edit(max(0, e.start - start), min(end, e.end) - start, e.text) for e in edits]
    written = edit_text(text[start:end], inner)
    space = words[0].text[: len(words[0].text) - len(words[0].text.lstrip())]
    return replace(
        words[0],
        text=space + written if written else "",
        end_s=max(word.end_s for word in words),
        probability=sum(word.probability for word in words) / len(words),
    )


def edits_between(before: str, after: str) -> list[Edit]:
    """Returns the edits that turn a text into another one, in whole words."""
    old, new = list(WORD.finditer(before)), WORD.findall(after)
    matcher = SequenceMatcher(None, [word[0] for word in old], new, autojunk=False)
    changes = [change for change in matcher.get_opcodes() if change[0] != "equal"]
    if any(kind == "insert" for kind, *_ in changes):  # new words have no time of their own
        changes = [("replace", 0, len(old), 0, len(new))]
    edits = []
    for _, old_start, old_end, new_start, new_end in changes:
        start, end = old[old_start].start(), old[old_end - 1].end()
        written = " ".join(new[new_start:new_end])
        edits.append(Edit(start, end, written) if written else removal(before, start, end))
    return edits


def removal(text: str, start: int, end: int) -> Edit:
    """Returns the edit that removes [start, end) and the spaces behind it."""
    return Edit(start, end + len(text[end:]) - len(text[end:].lstrip()))
