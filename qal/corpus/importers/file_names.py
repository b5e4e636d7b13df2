"""Compares names of files as people do: Unicode forms, capitals and kinds of spaces do not matter."""

import re
import unicodedata

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
SPACES = re.compile(r"[^\S\n\r]+")


def name_key(name: str) -> str:
    """Returns what the spellings of a name have in common: NFC (Macs write NFD), small letters, plain spaces."""
    plain = SPACES.sub(" ", INVISIBLE.sub("", unicodedata.normalize("NFC", name)))
    return unicodedata.normalize("NFC", plain.casefold())
