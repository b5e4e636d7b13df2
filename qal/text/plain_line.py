"""Names and remarks of people on one line, as they can be stored, printed and compared."""

import re

# Control characters, line separators, marks that turn the direction of what follows, and halves of characters
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain_line(text: str) -> str:
    """Returns the text with single spaces in place of line breaks, control characters and broken characters."""
    return " ".join(UNPRINTABLE.sub(" ", text).split())
