"""LocalAgreement-2: commits the words on which two successive transcripts agree (Liu et al. 2020, §3).

Committed words no longer change while a segment grows. Repetitions are never committed: a repetition loop of the
decoder would otherwise stay on the screen."""

from dataclasses import dataclass

from qal.text.normalisation.basic import normalise_basic
from qal.text.scripts import split_words

MAX_LOOP_WORDS = 4  # longest group of words whose repetition counts as a loop
LOOP_REPETITIONS = 3


@dataclass(frozen=True)
class TentativeText:
    """The tentative text of an open segment. `committed` only grows until the final text replaces both parts."""

    committed: str
    uncommitted: str

    @property
    def text(self) -> str:
        return self.committed + self.uncommitted


class LocalAgreement:
    """Compares the successive transcripts of one growing segment."""

    def __init__(self):
        self._committed: list[str] = []
        self._previous: list[str] = []

    def add_transcript(self, text: str) -> TentativeText:
        """Commits the words on which `text` and the previous transcript agree."""
        words = split_words(text)
        agreed = remove_loop(words[: _common_prefix_length(words, self._previous)])
        self._previous = words
        if len(agreed) > len(self._committed):
            self._committed += agreed[len(self._committed) :]
        return TentativeText("".join(self._committed), "".join(words[len(self._committed) :]))


def remove_loop(words: list[str]) -> list[str]:
    """Returns the words before the first loop, with one copy of the repeated group; all words if there is no loop.

    A loop is a group of at most MAX_LOOP_WORDS words that occurs LOOP_REPETITIONS times in a row."""
    normalised = [normalise_basic(word) or word for word in words]
    for end in range(1, len(words) + 1):
        for size in range(1, MAX_LOOP_WORDS + 1):
            group = normalised[end - size : end]
            start = end - LOOP_REPETITIONS * size
            if start >= 0 and normalised[start:end] == group * LOOP_REPETITIONS:
                return words[: start + size]
    return words


def has_loop(text: str) -> bool:
    """True if a group of words is repeated in a row, as `remove_loop` defines it."""
    words = split_words(text)
    return len(remove_loop(words)) < len(words)


def _common_prefix_length(a: list[str], b: list[str]) -> int:
    """Returns the number of equal words at the start of both lists; case and punctuation are ignored."""
    agree = (normalise_basic(x) == normalise_basic(y) for x, y in zip(a, b, strict=False))
    return next((i for i, same in enumerate(agree) if not same), min(len(a), len(b)))
