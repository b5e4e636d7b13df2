"""Scripts that are written without spaces between words."""

import re
import unicodedata

# Whisper's languages whose words are not separated by spaces, and others of the same scripts
LANGUAGES_WITHOUT_SPACES = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my", "bo", "dz", "shn"})

WITHOUT_SPACES = (
    "\u0e00-\u0e7f"  # Thai
    "\u0e80-\u0eff"  # Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Burmese and its extensions
    "\u1780-\u17ff\u19e0-\u19ff"  # Khmer and its symbols
    "\u1950-\u197f\u1980-\u19df\u1a20-\u1aaf\uaa80-\uaadf"  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    "\u1b00-\u1b7f\ua980-\ua9df"  # Balinese, Javanese
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b"  # radicals and marks of Han
    "\u3040-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\U0001aff0-\U0001afff\U0001b000-\U0001b16f"  # kana, supplements
    "\u3105-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_WITHOUT_SPACES = re.compile(f"[{WITHOUT_SPACES}]")


def is_written_without_spaces(character: str) -> bool:
    """True for a character of a script without spaces: Han, kana, Thai, Lao, Khmer, Burmese, Tibetan and others.

    Hangul, Ethiopic and emoji are not among them."""
    return bool(_WITHOUT_SPACES.match(character))


def share_without_spaces(text: str) -> float:
    """Returns the share of the letters of a text that belong to scripts without spaces; 0 if there are no letters."""
    letters = [character for character in text if character.isalpha()]
    return sum(map(is_written_without_spaces, letters)) / len(letters) if letters else 0.0


def split_words(text: str) -> list[str]:
    """Splits text into words, each with the space before it; scripts without spaces are split into characters.

    A combining mark stays with the character before it, and a space with the word after it."""
    words: list[str] = []
    for character in text:
        is_mark = unicodedata.category(character)[0] == "M"
        if words and (is_mark or words[-1].isspace() or not _starts_word(character, words[-1])):
            words[-1] += character
        else:
            words.append(character)
    return words


def _starts_word(character: str, previous_word: str) -> bool:
    in_spaceless_script = is_written_without_spaces(character) or any(map(is_written_without_spaces, previous_word))
    return character.isspace() or in_spaceless_script
