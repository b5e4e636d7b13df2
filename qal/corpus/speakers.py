"""Names of speakers: placeholders for an unknown one, and the spellings of a name that stand for the same person."""

import unicodedata

PLACEHOLDERS = {"nan", "none", "null", "n/a", "unk", "<unk>", "unknown", "anonymous", "-", "?"}


def known_speaker(name: str) -> str:
    """Returns the name with single spaces, "" for a placeholder."""
    name = " ".join(name.split())
    return "" if name.casefold() in PLACEHOLDERS else name


def speaker_key(name: str) -> str:
    """Returns the key that all ways to write a speaker's name have in common; "" if the speaker is not known."""
    return unicodedata.normalize("NFKC", known_speaker(name)).casefold()
