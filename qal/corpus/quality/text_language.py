"""The language of a text, by py3langid, where it contradicts the stated one."""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

MIN_LETTERS = 40  # of a text: shorter ones are guessed badly
MAX_STATED_PROBABILITY = 0.02
# Languages that are written nearly alike: a text of one is often taken for the other
ALIKE = (
    "bs hr sr sl",
    "da nb nn no sv",
    "id ms jw",
    "cs sk",
    "es gl pt ca an oc",
    "ru uk be bg mk",
    "hi mr ne",
    "af nl",
)


class OtherLanguage(NamedTuple):
    """The language that a text is likely in, and its probability."""

    language: str
    probability: float


def other_language(text: str, stated: str) -> OtherLanguage | None:
    """Returns the language that a text is in if that is not the stated one.

    Returns None for a short text, for a language that the identifier does not know, and for languages alike."""
    if sum(map(str.isalpha, text)) < MIN_LETTERS or stated not in _labels():
        return None
    ranking = _identifier().rank(text)
    best, probability = str(ranking[0][0]), float(ranking[0][1])
    if best == stated or any({best, stated} <= set(group.split()) for group in ALIKE):
        return None
    stated_probability = next(float(p) for language, p in ranking if language == stated)
    return OtherLanguage(best, probability) if stated_probability <= MAX_STATED_PROBABILITY else None


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # takes half a second

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@cache
def _labels() -> frozenset[str]:
    return frozenset(map(str, _identifier().labels))
