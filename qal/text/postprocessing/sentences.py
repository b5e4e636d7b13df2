"""Capitals and full stops by rules, for models that write none.

No model is loaded for it: a full stop ends a text and stands where the speaker paused, and a capital begins a
sentence. Commas, question marks and names are beyond such rules."""

import re
from collections.abc import Sequence
from itertools import pairwise

from qal.text.postprocessing.edits import Edit, TimedWord, locate

FULL_STOPS = {
    **dict.fromkeys(("zh", "yue", "ja"), "。"),
    **dict.fromkeys(("am", "ti"), "።"),
    **dict.fromkeys(("hi", "bn", "ne", "mr"), "।"),
    "hy": "։",
}
WITHOUT_FULL_STOP = frozenset({"th", "lo"})
SENTENCE_MARKS = re.compile(r"[.!?…。！？።॥।։؟۔](?=\s|$|[\"'”’»)\]])|[。！？።]")
FIRST_LETTER = re.compile(r"(?:^|(?<=[.!?…]\s))([\"'“«¿¡(]*)([^\W\d_])")
ENGLISH_I = re.compile(r"(?<![\w'’.-])i(?=$|[\s,;:!?]|['’](?:m|ll|ve|d|s)\b)")


def has_marks(text: str) -> bool:
    """True if a sentence ends in the text."""
    return bool(SENTENCE_MARKS.search(text))


def has_capitals(text: str) -> bool:
    return any(character.isupper() for character in text)


def full_stop_edits(
    text: str, words: Sequence[TimedWord], language: str, pause_s: float, pause_after_s: float
) -> list[Edit]:
    """Returns the edits that end sentences in a text without sentence marks.

    Args:
        text: of a segment.
        words: its words; () if there are no times, so that only its end can be the end of a sentence.
        language: its language code.
        pause_s: shortest pause that ends a sentence.
        pause_after_s: from the segment's end to the next one; infinite after the last one.
    """
    if language in WITHOUT_FULL_STOP or not text.strip():
        return []
    stop = FULL_STOPS.get(language, ".")
    places = locate(text, words)
    gaps = [later.start_s - word.end_s for word, later in pairwise(words)]
    ends = [place[1] for place, gap in zip(places, gaps, strict=False) if gap >= pause_s and place[1] > 0]
    if pause_after_s >= pause_s:
        ends.append(len(text.rstrip()))
    return [_stop(text, end, stop) for end in dict.fromkeys(ends)]


def _stop(text: str, end: int, stop: str) -> Edit:
    """Returns the edit that puts a full stop at `end`, in place of a comma."""
    return Edit(end - 1, end, stop if text[end - 1] in ",;:، ፣" else text[end - 1] + stop)


def capital_edits(text: str, language: str, begins_sentence: bool) -> list[Edit]:
    """Returns the edits that begin sentences with capitals; `begins_sentence`: so does the text."""
    found = [match for match in FIRST_LETTER.finditer(text) if match.start() or begins_sentence]
    places = {match.start(2) for match in found}
    if language == "en":
        places |= {match.start() for match in ENGLISH_I.finditer(text)}
    upper = {place: _upper(text[place], language) for place in sorted(places)}
    return [Edit(place, place + 1, letter) for place, letter in upper.items() if letter != text[place]]


def _upper(letter: str, language: str) -> str:
    return "İ" if letter == "i" and language in ("tr", "az") else letter.upper()
