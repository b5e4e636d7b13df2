"""German and Russian: a letter that has a second spelling."""

from qal.text.normalisation.basic import normalise_basic


def normalise_german(text: str, language: str | None = None) -> str:
    """Applies basic-2, then writes ß as ss, as in Switzerland and in capitals."""
    return normalise_basic(text, language).replace("ß", "ss")


def normalise_russian(text: str, language: str | None = None) -> str:
    """Applies basic-2, then writes ё as е, as most printed texts do."""
    return normalise_basic(text, language).replace("ё", "е")
