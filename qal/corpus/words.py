"""Words of a transcript. A mark without a letter or a digit is no word."""

from qal.text.normalisation.basic import normalise_basic


def has_words(text: str) -> bool:
    """True if the text has a letter or a digit, in any script."""
    return any(character.isalnum() for character in text)


def count_words(text: str) -> int:
    """Returns the number of words after normalisation, as they are scored."""
    return sum(map(has_words, normalise_basic(text).split()))
