"""The languages of Whisper's multilingual vocabulary."""

from faster_whisper.tokenizer import _LANGUAGE_CODES

from qal.errors import LanguageError

LANGUAGES = tuple(_LANGUAGE_CODES)


def check_language(code: str, known: tuple[str, ...] = LANGUAGES) -> str:
    """The code itself; LanguageError when it is not among `known`."""
    if code not in known:
        near = ", ".join(known[:8]) + (" …" if len(known) > 8 else "")
        raise LanguageError(f"the model has no language '{code}'; use one of its {len(known)} codes: {near}")
    return code
