"""Arabic: letters that writers exchange freely."""

from qal.text.normalisation.basic import normalise_basic

# Alef with hamza, madda or wasla; alef maksura for ya, ta marbuta for ha at the end of a word; Persian forms
LETTERS = str.maketrans({**dict.fromkeys("أإآٱ", "ا"), "ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك"})


def normalise_arabic(text: str, language: str | None = None) -> str:
    """Applies basic-2, then writes أ إ آ ٱ as ا, ى as ي, ة as ه, and Persian kaf and ya as the Arabic letters."""
    return normalise_basic(text, language).translate(LETTERS)
