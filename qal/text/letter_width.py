"""Widths of letters: a full-width letter takes the place of two, a combining mark takes none."""

import unicodedata

WITHOUT_WIDTH = frozenset({"Mn", "Me", "Cf", "Cc"})  # general categories
RIGHT_TO_LEFT = frozenset({"R", "AL"})  # bidirectional classes


def letter_width(character: str) -> int:
    """Returns 0, 1 or 2."""
    if character.isascii():
        return int(character.isprintable())
    if unicodedata.category(character) in WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def text_width(text: str) -> int:
    """Returns the sum of the widths of the letters of a text."""
    return sum(map(letter_width, text))


def is_right_to_left(text: str) -> bool:
    """True if the first letter that has a direction is written from right to left."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in RIGHT_TO_LEFT or direction == "L":
            return direction in RIGHT_TO_LEFT
    return False
