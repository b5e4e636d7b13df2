"""The letters of the texts: those of another script than the language's, rare ones, capitals and punctuation."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from qal.corpus.manifest import Row

# The scripts in which the languages of Whisper are written; other languages are learned from the corpus alone
SCRIPTS: Mapping[str, str] = {
    "LATIN": "af az bs br ca cs cy da de en es et eu fi fo fr gl ha haw hr ht hu id is it jw la lb ln lt lv mg mi ms "
    "mt nl nn no oc pl pt ro sk sl sn so sq su sv sw tk tl tr uz vi yo nb fil zu xh ig sr",
    "CYRILLIC": "ba be bg kk ky mk mn ru sr tg tt uk",
    "ARABIC": "ar fa ps sd ur ug",
    "DEVANAGARI": "hi mr ne sa",
    "ETHIOPIC": "am ti",
    "HEBREW": "he yi",
    "BENGALI": "as bn",
    "HAN": "zh yue ja",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "KANNADA": "kn",
    "KHMER": "km",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "GURMUKHI": "pa",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
    "TIBETAN": "bo",
}
MIN_SCRIPT_SHARE = 0.05  # of a corpus's letters, from which a script belongs to it
MIN_LETTERS = 2000  # of a language in a corpus, to tell rare letters from common ones
RARE_SHARE = 1e-4  # of the letters
MAX_RARE_ROWS = 3
MIN_STYLE_SHARE = 0.8  # of the texts, from which a style is that of the corpus
MIN_STYLED_WORDS = 2  # of a text that tells about punctuation


@cache
def script_of(character: str) -> str:
    """Returns the script of a letter, such as LATIN; "" for everything that is no letter."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").split(" ")[0].removeprefix("FULLWIDTH").split("-")[0]
    return "HAN" if name == "CJK" else name if name not in ("MODIFIER", "MICRO", "ORDINAL", "MASCULINE") else ""


@dataclass(frozen=True)
class Alphabet:
    """The letters of one language in a corpus."""

    scripts: frozenset[str]
    rare: frozenset[str]  # letters that hardly occur

    def foreign(self, text: str) -> str:
        """Returns the letters of a text that are of another script or hardly occur, each once, in order."""
        return "".join(dict.fromkeys(c for c in unicodedata.normalize("NFC", text) if self._is_foreign(c)))

    def _is_foreign(self, character: str) -> bool:
        script = script_of(character)
        return bool(script) and (script not in self.scripts or character.casefold() in self.rare)


def learn_alphabets(rows: Iterable[Row]) -> dict[str, Alphabet]:
    """Learns the letters of each language from its texts, with the scripts that are known for the language."""
    letters: dict[str, Counter[str]] = defaultdict(Counter)
    rows_with: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found = Counter(c for c in unicodedata.normalize("NFC", row.text).casefold() if c.isalpha())
        letters[row.language].update(found)
        rows_with[row.language].update(found.keys())
    return {language: _alphabet(language, counts, rows_with[language]) for language, counts in letters.items()}


def _alphabet(language: str, letters: Counter[str], rows_with: Counter[str]) -> Alphabet:
    by_script: Counter[str] = Counter()
    for letter, count in letters.items():
        by_script[script_of(letter)] += count
    total = letters.total()
    known = frozenset(script for script, languages in SCRIPTS.items() if language in languages.split())
    scripts = known or frozenset(s for s, count in by_script.items() if count >= MIN_SCRIPT_SHARE * total)
    rare = frozenset(
        letter
        for letter, count in letters.items()
        if total >= MIN_LETTERS and count < RARE_SHARE * total and rows_with[letter] <= MAX_RARE_ROWS
        if script_of(letter) not in ("HAN", "HANGUL", "ETHIOPIC")  # thousands of signs, most of them rare
    )
    return Alphabet(scripts, rare)


def mixed_words(text: str) -> list[str]:
    """Returns the words that mix Latin letters with Cyrillic or Greek ones, which look alike: a typing error."""
    alike = {"LATIN", "CYRILLIC", "GREEK"}
    return [word for word in text.split() if len({script_of(c) for c in word} & alike) > 1]


def writing_style_notes(rows: Sequence[Row]) -> list[str]:
    """Returns a sentence for each style of the texts that a model trained on them will learn; [] if there is none."""
    texts = [row.text for row in rows if any(map(str.isalpha, row.text))]
    cased = [text for text in texts if text.upper() != text.lower()]
    long = [text for text in texts if len(text.split()) >= MIN_STYLED_WORDS]
    notes: list[str] = []
    capitals = sum(text.isupper() and len(text) > 1 for text in cased)
    if cased and capitals >= MIN_STYLE_SHARE * len(cased):
        notes.append(
            f"{capitals:,} of {len(cased):,} texts are in capitals, and a model trained on them will write capitals; "
            "to train it on small letters instead, set targets.lower_case."
        )
    small = sum(text == text.lower() for text in cased)
    if cased and small >= MIN_STYLE_SHARE * len(cased):
        notes.append(
            f"{small:,} of {len(cased):,} texts have no capitals, and a model trained on them will write small letters."
        )
    unpunctuated = sum(not any(unicodedata.category(c)[0] == "P" and c not in "'’-" for c in text) for text in long)
    if long and unpunctuated >= MIN_STYLE_SHARE * len(long):
        notes.append(
            f"{unpunctuated:,} of {len(long):,} texts have no punctuation, and a model trained on them will write "
            "none; add it to the texts to keep the punctuation that the base model writes."
        )
    return notes
