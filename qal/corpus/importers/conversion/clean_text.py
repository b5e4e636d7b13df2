"""Brings a text into the form in which it is kept: one spelling of each letter, and nothing that is not spoken."""

import html
import re
import unicodedata

# Marks of direction, soft hyphens and byte order marks; joiners stay, because Persian and Indian words need them.
INVISIBLE = re.compile("[\u00ad\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
TAG = re.compile(r"</?(?:b|i|u|s|em|strong|br|p|div|span|font|small|big|sub|sup)(?:\s[^<>]*)?/?>", re.IGNORECASE)
SPACING_TAG = re.compile(r"<(?:br|/?p|/?div)(?:\s[^<>]*)?/?>", re.IGNORECASE)
ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
MARKUP_REMOVED = "markup was removed from its text"
SOUND_REMOVED = "the description of a sound was removed from its text"
LABEL_MOVED = "the name of its speaker was removed from its text"
TEXT_CHANGES = (MARKUP_REMOVED, SOUND_REMOVED, LABEL_MOVED)  # notes that a preview counts


def clean_text(text: str) -> tuple[str, bool]:
    """Returns a text in NFC without HTML, invisible marks and repeated spaces, and True if it held HTML."""
    plain = TAG.sub("", SPACING_TAG.sub(" ", text)) if "<" in text else text
    if "&" in plain:
        plain = ENTITY.sub(lambda entity: html.unescape(entity[0]), plain)
    has_markup = plain != text
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", INVISIBLE.sub("", plain))
    return " ".join(plain.split()), has_markup
