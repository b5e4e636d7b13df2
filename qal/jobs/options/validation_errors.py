"""Plain sentences for pydantic's validation errors, used by the command line, the YAML files and the page's form."""

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MAX_VALUE_CHARS = 60  # of a wrong value in a message
MESSAGES = {
    "greater_than_equal": "should be at least {ge}",
    "greater_than": "should be above {gt}",
    "less_than_equal": "should be at most {le}",
    "less_than": "should be below {lt}",
    "int_from_float": "should be a whole number",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "float_parsing": "should be a number",
    "bool_type": "should be true or false",
    "bool_parsing": "should be true or false",
    "string_type": "should be text",
    "list_type": "should be a list",
    "dict_type": "should be names with values, such as `{name: 1}`",
    "too_short": "should name at least one",
}
UNKNOWN_NAME, MISSING = "extra_forbidden", "missing"
OWN_ERRORS = ("value_error", "assertion_error")  # raised by validators of Qal, whose sentences are complete


def validation_messages(error: ValidationError, prefix: str = "") -> list[str]:
    """Returns a clause for each wrong field, such as `lora.rank: should be at least 1, not -1`.

    Args:
        error: the validation error.
        prefix: text before the name of the field, such as `--`.
    """
    return [
        f"{prefix}{'.'.join(map(str, details['loc']))}: {plain_message(details)}"
        if details["loc"]
        else plain_message(details)
        for details in error.errors()
    ]


def plain_message(details: ErrorDetails) -> str:
    """Returns the message of one error without the name of its field, such as `should be at least 1, not -1`."""
    kind = details["type"]
    if kind in OWN_ERRORS:
        return details["msg"].removeprefix("Value error, ")
    if kind == UNKNOWN_NAME:
        return "is not the name of a setting; check the spelling"
    if kind == MISSING or details["input"] is None:
        return "is empty; give a value"
    limits = {
        name: f"{value:g}" if isinstance(value, float) else value for name, value in details.get("ctx", {}).items()
    }
    message = MESSAGES[kind].format(**limits) if kind in MESSAGES else details["msg"].replace("Input should", "should")
    return f"{message}, not {shortened_value(details['input'])}"


def shortened_value(value: Any) -> str:
    """Returns the value as text; lists and other large values become the word "this"."""
    text = value if isinstance(value, str) else repr(value) if isinstance(value, (int, float)) else "this"
    return text if len(text) <= MAX_VALUE_CHARS else f"{text[:MAX_VALUE_CHARS]}…"
