"""Lists of words by language, which stand beside this module as text files.

A line is a language code, a colon, and words that are separated by commas. `#` begins a comment."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from qal.errors import OptionError

FOLDER = Path(__file__).parent
COMMENT = re.compile(r"\s*#.*")


@cache
def words_by_language(name: str) -> dict[str, tuple[str, ...]]:
    """Reads a list of this folder, such as "fillers"."""
    lines = (COMMENT.sub("", line) for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())
    entries = (line.partition(":") for line in lines if line.strip())
    return {language.strip(): _words(words.split(",")) for language, _, words in entries}


def read_words(path: Path) -> tuple[str, ...]:
    """Reads a user's list, one word a line. Raises OptionError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path}: not readable as a list of words; give a UTF-8 text, one word a line") from error
    return _words(COMMENT.sub("", line) for line in text.splitlines())


def _words(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in words if word.strip())
