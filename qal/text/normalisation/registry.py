"""The scoring normalisers by name and version. The identifier, such as "basic-2", stands beside every score.

A version never changes once figures were published with it; a better one gets the next number. The normaliser is given
the language of each text: "language" has rules of its own for some (qal/text/normalisation/languages)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from qal.errors import OptionError
from qal.text.normalisation import published
from qal.text.normalisation.basic import normalise_basic
from qal.text.normalisation.languages.amharic import normalise_amharic, normalise_amharic_homophones
from qal.text.normalisation.languages.arabic import normalise_arabic
from qal.text.normalisation.languages.east_asian import normalise_chinese, normalise_japanese, normalise_thai
from qal.text.normalisation.languages.european import normalise_german, normalise_russian
from qal.text.normalisation.languages.hebrew import normalise_hebrew
from qal.text.normalisation.languages.indic import normalise_devanagari
from qal.text.normalisation.languages.persian import normalise_persian
from qal.text.normalisation.languages.turkish import normalise_turkish
from qal.text.normalisation.split_key import split_key

Apply = Callable[[str, str | None], str]  # (text, language code or None) -> normalised text

LANGUAGES: Mapping[str, Apply] = {
    "am": normalise_amharic,
    "ar": normalise_arabic,
    "az": normalise_turkish,
    "de": normalise_german,
    "fa": normalise_persian,
    "he": normalise_hebrew,
    "hi": normalise_devanagari,
    "ja": normalise_japanese,
    "mr": normalise_devanagari,
    "ne": normalise_devanagari,
    "ru": normalise_russian,
    "sa": normalise_devanagari,
    "th": normalise_thai,
    "ti": normalise_amharic,
    "tr": normalise_turkish,
    "yue": normalise_chinese,
    "zh": normalise_chinese,
}
HOMOPHONES: Mapping[str, Apply] = {**LANGUAGES, "am": normalise_amharic_homophones}


def by_language(rules: Mapping[str, Apply]) -> Apply:
    """Returns the normaliser with rules of single languages; the others have basic-2."""
    return lambda text, language: rules.get(language or "", normalise_basic)(text, language)


@dataclass(frozen=True)
class Normaliser:
    """A function that removes the differences that do not count as errors."""

    name: str
    version: int
    apply: Apply
    about: str  # in half a sentence, for the choice

    @property
    def id(self) -> str:
        return f"{self.name}-{self.version}"


BASIC_1 = Normaliser("basic", 1, lambda text, _language: split_key(text), "Qal's scores before basic-2")
BASIC_2 = Normaliser("basic", 2, normalise_basic, "letters, their marks and digits; the same in every language")
NORMALISERS = {
    normaliser.id: normaliser
    for normaliser in (
        BASIC_1,
        BASIC_2,
        Normaliser("none", 1, lambda text, _language: " ".join(text.split()), "every character counts but spaces"),
        Normaliser("language", 1, by_language(LANGUAGES), "basic-2 and the spellings that a language has for a word"),
        Normaliser(
            "language-homophones", 1, by_language(HOMOPHONES), "as language; Amharic letters of one sound are one"
        ),
        Normaliser("whisper-basic", 1, published.whisper_basic, "Whisper's own for languages other than English"),
        Normaliser("whisper-english", 1, published.whisper_english, "Whisper's own for English, as in leaderboards"),
    )
}
NEWEST = {normaliser.name: normaliser for normaliser in NORMALISERS.values()}  # by name
SCORING = BASIC_2  # of every new score, where no other one is chosen
OLDEST = BASIC_1  # of scores that were stored without the name of their normaliser


def find_normaliser(name: str) -> Normaliser:
    """Returns a normaliser by its name, in the newest version, or by its identifier. Raises OptionError."""
    found = NORMALISERS.get(name) or NEWEST.get(name)
    if found is None:
        raise OptionError(f"there is no normaliser '{name}'; choose one of {', '.join(NEWEST)}")
    return found


def normalise(text: str, language: str | None = None) -> str:
    """Applies the scoring normaliser.

    Args:
        text: any text.
        language: its language code; None: unknown."""
    return SCORING.apply(text, language)
