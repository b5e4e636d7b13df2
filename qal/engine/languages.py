"""The languages of Whisper's multilingual vocabulary."""

from faster_whisper.tokenizer import _LANGUAGE_CODES

from qal.errors import LanguageError

LANGUAGES = tuple(_LANGUAGE_CODES)
MAX_LISTED = 8  # codes in an error message


def check_language(code: str, supported: tuple[str, ...] = LANGUAGES) -> str:
    """Returns the code. Raises LanguageError if it is not supported."""
    if code not in supported:
        listed = ", ".join(supported[:MAX_LISTED]) + (" …" if len(supported) > MAX_LISTED else "")
        raise LanguageError(f"the model has no language '{code}'; use one of its {len(supported)} codes: {listed}")
    return code
