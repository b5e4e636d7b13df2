"""Names the fields of "Add data" in place of the options of the command line that a message advises."""

import re
from collections.abc import Sequence

COLUMNS = "under Columns of the table"
FIELDS_OF_OPTIONS: Sequence[tuple[str, str]] = (
    (r", such as --language \S+", " under Language"),
    (r"give --language, the language that is spoken, such as \S+", "choose the language that is spoken under Language"),
    (r"with --columns \S+", COLUMNS),
    (r"with --max-problems", "under Licence and options"),
)


def in_words_of_the_page(message: str) -> str:
    """Returns a message of `qal corpus import` as the page shows it."""
    for option, field in FIELDS_OF_OPTIONS:
        message = re.sub(option, field, message)
    return message
