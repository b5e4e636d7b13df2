"""Reference and prediction as HTML, each with its wrong words marked. Pure functions."""

import html
from collections.abc import Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from qal.evaluation.alignment import AlignedWords

Side = Literal["reference", "prediction"]


class ErrorMark(NamedTuple):
    """The marking of wrong words."""

    tag: str
    spoken: str  # for screen readers, before the words
    title: str


MARKS: dict[Side, ErrorMark] = {
    "reference": ErrorMark("del", "missed: ", "Deletion or substitution: missing or different in the prediction"),
    "prediction": ErrorMark("ins", "predicted instead: ", "Insertion or substitution: not in the reference"),
}
EMPTY = '<span class="qal-muted">(empty)</span>'


class MarkedWord(NamedTuple):
    text: str
    is_correct: bool
    space: str  # before it


MarkedWords = Sequence[MarkedWord]


def aligned_html(words: Sequence[AlignedWords], language: str = "") -> str:
    """Returns reference and prediction as two entries of a list.

    Args:
        words: their alignment.
        language: language code of both; "": unknown."""
    attribute = f' lang="{html.escape(language)}"' if language else ""
    return (
        f'<dl><dt>Reference</dt><dd dir="auto"{attribute}>{side_html(words, "reference")}</dd>'
        f'<dt>Prediction</dt><dd dir="auto"{attribute}>{side_html(words, "prediction")}</dd></dl>'
    )


def side_html(words: Sequence[AlignedWords], side: Side) -> str:
    """Returns the words of one side; neighbouring wrong words share one mark."""
    marked = _side(words, side)
    runs = [(is_correct, list(run)) for is_correct, run in groupby(marked, key=lambda word: word.is_correct)]
    return "".join(_run_html(run, None if is_correct else MARKS[side]) for is_correct, run in runs) or EMPTY


def _run_html(words: MarkedWords, mark: ErrorMark | None) -> str:
    """Neighbouring words with the space before them, in the mark if there is one."""
    text = "".join(f"{word.space}{html.escape(word.text)}" for word in words)
    if not mark:
        return text
    content = f'<span class="qal-screen-reader">{mark.spoken}</span>{text.removeprefix(words[0].space)}'
    return f'{words[0].space}<{mark.tag} title="{mark.title}">{content}</{mark.tag}>'


def _side(words: Sequence[AlignedWords], side: Side) -> list[MarkedWord]:
    """The words of one side; there is no space before the first one and before joined ones."""
    written = [(getattr(word, side), word) for word in words if getattr(word, side)]
    return [MarkedWord(text, w.is_correct, "" if w.is_joined or i == 0 else " ") for i, (text, w) in enumerate(written)]
