"""The scoring normalisers by name and version. The identifier, such as "basic-2", stands beside every score.

A version never changes once figures were published with it; a better one gets the next number and becomes SCORING. The
rules of single languages are part of it: the normaliser is given the language of the text."""

from collections.abc import Callable
from dataclasses import dataclass

from qal.text.normalisation.basic import normalise_basic
from qal.text.normalisation.split_key import split_key


@dataclass(frozen=True)
class Normaliser:
    """A function that removes the differences that do not count as errors."""

    name: str
    version: int
    apply: Callable[[str, str | None], str]  # (text, language code or None) -> normalised text

    @property
    def id(self) -> str:
        return f"{self.name}-{self.version}"


BASIC_1 = Normaliser("basic", 1, lambda text, _language: split_key(text))
BASIC_2 = Normaliser("basic", 2, normalise_basic)
NORMALISERS = {normaliser.id: normaliser for normaliser in (BASIC_1, BASIC_2)}
SCORING = BASIC_2  # of every new score
OLDEST = BASIC_1  # of scores that were stored without the name of their normaliser


def normalise(text: str, language: str | None = None) -> str:
    """Applies the scoring normaliser.

    Args:
        text: any text.
        language: its language code; None: unknown."""
    return SCORING.apply(text, language)
