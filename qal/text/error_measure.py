"""Which error rate decides, and how an error rate and the examples that it rests on are written.

The word error rate (WER) decides in languages that write spaces between words, the character error rate (CER) in the
others, where one wrong character would make the whole sentence one wrong word."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from qal.text.scripts import LANGUAGES_WITHOUT_SPACES, share_without_spaces

Measure = Literal["WER", "CER"]
MIN_SHARE_WITHOUT_SPACES = 0.1  # of the letters; such letters are dense, so that this is a quarter of the words


def deciding_measure(languages: Iterable[str | None], references: Iterable[str] = ()) -> Measure:
    """Returns the error rate that decides for examples.

    Args:
        languages: the language codes of the examples; None: unknown.
        references: their reference texts, which decide where the languages differ in this or are unknown."""
    known = set(languages)
    if known and None not in known:
        if known <= LANGUAGES_WITHOUT_SPACES:
            return "CER"
        if not known & LANGUAGES_WITHOUT_SPACES:
            return "WER"
    return "CER" if share_without_spaces("".join(references)) >= MIN_SHARE_WITHOUT_SPACES else "WER"


class ErrorRate(NamedTuple):
    """One error rate with its 95 % interval, as shares; None where the interval was not measured."""

    measure: Measure
    rate: float
    low: float | None = None
    high: float | None = None

    @property
    def text(self) -> str:
        """The rate with its interval, such as "12.3 % (10.0 – 14.1)"."""
        interval = "" if self.low is None or self.high is None else f" ({percent_interval(self.low, self.high)})"
        return f"{percent(self.rate)}{interval}"

    @property
    def named_text(self) -> str:
        return f"{self.measure} {self.text}"


def score_basis(split: str, utterances: int | None, words: int | None, normaliser: str) -> str:
    """Returns what a score rests on, such as "test set · 120 utterances, 800 words · normaliser basic-2".

    Args:
        split: the split that was scored.
        utterances: number of scored examples; None: unknown.
        words: number of reference words; None: unknown.
        normaliser: name and version of the scoring normaliser."""
    counts = [f"{number:,} {unit}" for number, unit in ((utterances, "utterances"), (words, "words")) if number]
    parts = [f"{split} set", ", ".join(counts), f"normaliser {normaliser}"]
    return " · ".join(part for part in parts if part)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def percent_interval(low: float, high: float) -> str:
    return f"{100 * low:.1f} – {100 * high:.1f}"
