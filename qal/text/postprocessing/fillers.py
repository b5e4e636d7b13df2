"""Fillers: hesitations such as um, euh and э-э, which are removed where they stand alone."""

import re
from functools import cache

from qal.text.postprocessing.edits import Edit, removal
from qal.text.postprocessing.word_lists import words_by_language
from qal.text.scripts import LANGUAGES_WITHOUT_SPACES

COMMAS = ",、，،፣"
SENTENCE_ENDS = ".!?…。።"
CLOSING = re.compile(rf"\s*[{SENTENCE_ENDS}]+")  # of a sentence of fillers alone


@cache
def filler_pattern(language: str) -> re.Pattern[str] | None:
    """Returns the pattern of free-standing fillers and the commas around them; None for a language without a list.

    A filler is no part of a longer or a hyphenated word: uh-huh stays. In scripts without spaces it stands between
    punctuation."""
    words = words_by_language("fillers").get(language)
    if not words:
        return None
    held = "|".join(
        "".join(f"{re.escape(letter)}+" for letter in word) for word in sorted(words, key=len, reverse=True)
    )
    if language in LANGUAGES_WITHOUT_SPACES:
        before, after = r"(?<!\w)", r"(?!\w)"
    else:
        before, after = r"(?<![\w'’-])", r"(?![\w'’]|-\w)"
    one = rf"{before}(?:{held}){after}"
    return re.compile(
        rf"(?P<before>[{COMMAS}])?\s*(?P<fillers>{one}(?:[\s{COMMAS}…]+{one})*)(?P<after>\s*[{COMMAS}]|…|\.\.\.)?",
        re.IGNORECASE,
    )


def filler_edits(text: str, language: str) -> list[Edit]:
    """Returns the edits that remove fillers.

    A comma behind a filler goes with it; so does a comma before it, if there are both. A sentence whose first word was
    a filler gets a capital."""
    pattern = filler_pattern(language)
    if pattern is None:
        return []
    edits: list[Edit] = []
    for found in pattern.finditer(text):
        start, end = found.span("fillers")
        if found["after"]:
            end = found.end("after")
        if found["before"] and found["after"] and found["after"][-1] in COMMAS:
            edits.append(Edit(found.start("before"), found.end("before")))
        before = text[:start].rstrip()
        begins_sentence = not before or before[-1] in SENTENCE_ENDS
        closing = CLOSING.match(text, end) if begins_sentence else None
        edits.append(removal(text, start, closing.end() if closing else end))
        following = edits[-1].end
        if begins_sentence and text[start].isupper() and text[following : following + 1].islower():
            edits.append(Edit(following, following + 1, text[following].upper()))
    return edits
