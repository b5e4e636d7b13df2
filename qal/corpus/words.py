"""Words of a transcript. A mark without a letter or a digit is no word."""

from qal.text.normalisation.registry import normalise


def has_words(text: str) -> bool:
    """True if the text has a letter or a digit, in any script."""
    return any(character.isalnum() for character in text)


def count_words(text: str, language: str | None = None) -> int:
    """Returns the number of words after the scoring normaliser. A text in a script without spaces is one word.

    Args:
        text: any text.
        language: its language code; None: unknown."""
    return sum(map(has_words, normalise(text, language).split()))
