"""Stems and roots of Amharic words, by a list of affixes of its inflection.

A suffix often begins with a vowel, which changes the last letter of the stem: ቤት + -oč is ቤቶች. Words are therefore
written as consonants (letters of the sixth order) and vowels before affixes are compared:

    የቤቶቻችን   ይä ብeት oች aችን   stem ብeት   root ብት      of our homes
    አልሄደችም   እäል ህeድ äች ም   stem ህeድ   root ህድ      she did not go

The affixes are those that grammars describe (Leslau 1995, Reference Grammar of Amharic). Derivation, such as causative
and passive verbs, and the nominal endings -nät, -awi and -äñña, belongs to the stem. Rules without a dictionary are
sometimes wrong: a word may end like a suffix."""

import re
from collections.abc import Iterable
from functools import lru_cache

from qal.text.normalisation.languages.amharic import normalise_amharic_homophones

FIRST, LAST = 0x1200, 0x1357  # syllables of the block with eight letters a consonant
ORDERS = 8
SIXTH = 5  # index of the order without vowel
VOWELS = ("ä", "u", "i", "a", "e", "", "o", "Wa")  # by order; the eighth is labialised
MIN_CONSONANTS = 2  # of a stem
MIN_CONSONANTS_WEAK = 3  # where an affix was taken off with which many stems begin or end
MAX_PREFIXES, MAX_SUFFIXES = 3, 4

PREPOSITIONS = ("ይä", "ብä", "ልä", "ክä", "ውäድä", "ስልä", "እንድä", "እስክä", "ይaልä", "ብäስትä", "ብaልä")
RELATIVES = ("ምi", "ምት", "ምን", "ምaይ", "ምaት", "ም")  # after a preposition: የሚ-, በማይ-
SUBORDINATIONS = (
    *("እይä", "እንድi", "እንድት", "ስi", "ስት", "ስን", "ብi", "ብት", "ብን", "ልi", "ልት", "ልን"),
    *("ስaይ", "ስaት", "ስaን", "ብaይ", "ብaት", "ብaን", "እንድaይ"),
)
NEGATIONS = ("እäል", "እäይ", "እäት", "እäን", "እaይ")
SUBJECTS = ("ይ", "ት", "እ", "እን")
INFINITIVE = ("ምä",)

PLURALS = ("oች", "ውoች", "ይoች", "ይaት")
POSSESSORS = ("e", "ይe", "ህ", "ሽ", "u", "ው", "ውa", "Wa", "aችን", "aችህu", "aችäው", "ይaችን", "ይaችህu", "ይaችäው", "ውaችን")
PARTICLES = ("ን", "ም", "ንa", "ስ", "ንም", "ስም")
SUBJECT_ENDINGS = ("ä", "äች", "ክu", "ህu", "ክ", "ህ", "ሽ", "ን", "aችህu", "u", "e", "o", "a", "äው")
OBJECTS = ("äኝ", "ኝ", "äህ", "äሽ", "äው", "ው", "ት", "aት", "äን", "aችህu", "aችäው", "ልäት", "ብäት", "ልaት", "ብaት", "ልኝ", "ብኝ")
AUXILIARIES = ("aል", "aልäህu", "aልäህ", "aልäሽ", "äልäች", "aልäች", "aልäን", "aልaችህu", "aልu")
WEAK = frozenset({*SUBJECTS, "ት", "ስ", "ህ", "ክ", "ሽ"})


def _longest_first(affixes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(affixes), key=lambda affix: (-len(affix), affix)))


PREFIXES = _longest_first(
    [
        *PREPOSITIONS,
        *(preposition + relative for preposition in PREPOSITIONS for relative in RELATIVES),
        *SUBORDINATIONS,
        *NEGATIONS,
        *SUBJECTS,
        *INFINITIVE,
    ]
)
SUFFIXES = _longest_first([*PLURALS, *POSSESSORS, *PARTICLES, *SUBJECT_ENDINGS, *OBJECTS, *AUXILIARIES])
CONSONANT = re.compile("[\u1200-\u137f]")
ETHIOPIC = re.compile("[\u1200-\u135a]+")


def stem(word: str) -> str:
    """Returns the stem of a word as consonants and vowels; of a word in another script the word itself."""
    return _stem(normalise_amharic_homophones(word, "am"))


def root(word: str) -> str:
    """Returns the consonants of the stem; of a word in another script the word itself."""
    found = stem(word)
    return "".join(CONSONANT.findall(found)) or found


@lru_cache(100_000)
def _stem(word: str) -> str:
    if not ETHIOPIC.fullmatch(word):
        return word
    rest = consonants_and_vowels(word)
    for _ in range(MAX_PREFIXES):
        rest = next((rest.removeprefix(affix) for affix in PREFIXES if _has_prefix(rest, affix)), rest)
    for _ in range(MAX_SUFFIXES):
        rest = next((rest.removesuffix(affix) for affix in SUFFIXES if _has_suffix(rest, affix)), rest)
    return rest


def consonants_and_vowels(word: str) -> str:
    """Writes each syllable as its letter of the sixth order and a vowel: ቤቶች is ብeትoች."""
    return "".join(_syllable(letter) for letter in word)


def _has_prefix(word: str, affix: str) -> bool:
    """True if the word begins with the prefix, and the rest is a stem: it begins with a consonant."""
    return word.startswith(affix) and CONSONANT.match(word, len(affix)) is not None and _is_stem(word, affix)


def _has_suffix(word: str, affix: str) -> bool:
    return word.endswith(affix) and _is_stem(word, affix)


def _is_stem(word: str, affix: str) -> bool:
    """True if enough consonants are left without the affix."""
    kept = len(CONSONANT.findall(word)) - len(CONSONANT.findall(affix))
    return kept >= (MIN_CONSONANTS_WEAK if affix in WEAK else MIN_CONSONANTS)


def _syllable(letter: str) -> str:
    code = ord(letter)
    if not FIRST <= code <= LAST:
        return letter
    order = (code - FIRST) % ORDERS
    return chr(code - order + SIXTH) + VOWELS[order]
