"""Checks the cues of a file, before its recording is read: what is left are cues with words, in order of time."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from qal.corpus.importers.tables.text_encoding import is_damaged
from qal.corpus.importers.timed.cue_text import frequent_labels, spoken_text, unspoken_reason
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.words import has_words
from qal.text.punctuation import ends_sentence

SAME_TIME_S = 0.05  # cues whose times differ less are lines of one cue
MAX_OVERLAP_S = 0.5  # of two cues; a longer one means that two people speak at once
MAX_SHARE_IN_CAPITALS = 0.5  # of the cues of a file whose speech is not written in capitals
MIN_LETTERS_IN_CAPITALS = 6  # of a described sound or a sign; fewer may be an abbreviation
MIN_ROLLED_SHARE = 0.5  # of the cues that begin with the last line of the cue before, as automatic captions do

Rejected = tuple[Cue, str]  # a cue that cannot become an example, and why

NO_TEXT = "has no text; write it or delete the cue"
DAMAGED = "its text has bytes that cannot be decoded; save the file as UTF-8"
NEGATIVE = "its times are negative or its end lies before its start; correct them"
ZERO_LENGTH = "its start and its end are the same; correct them"
OVERLAPS = "overlaps with {other}; correct the times, or leave out speech of two people at once"


def checked_cues(cues: Sequence[Cue]) -> tuple[list[Cue], list[Rejected], list[Rejected]]:
    """Checks the cues of a file.

    Returns the cues with their spoken words, those that are faulty, and those in which nothing is spoken."""
    faulty = [(cue, reason) for cue in cues if (reason := _fault(cue))]
    numbers = {cue.number for cue, _ in faulty}
    in_order = sorted((cue for cue in cues if cue.number not in numbers), key=lambda cue: (cue.start_s, cue.number))
    labels = frequent_labels(cue.text for cue in in_order)
    spoken, unspoken = [], []
    has_small_letters = _is_mostly_in_small_letters(in_order)
    for cue, original in _unrolled(in_order):
        text, speaker = spoken_text(cue.text, labels)
        if has_small_letters and not speaker and _is_sound_in_capitals(text):
            unspoken.append((cue, unspoken_reason(cue.text)))
        elif has_words(text):
            spoken.append(replace(cue, text=text, speaker=cue.speaker or speaker))
        elif has_words(original.text) and not has_words(cue.text):
            continue  # all its lines were those of the cue before
        else:
            unspoken.append((cue, unspoken_reason(cue.text)))
    separate = _without_same_times(spoken)
    overlapping = dict(_overlaps(separate))
    faulty += [(cue, overlapping[cue.number]) for cue in separate if cue.number in overlapping]
    return [cue for cue in separate if cue.number not in overlapping], faulty, unspoken


def _is_mostly_in_small_letters(cues: Sequence[Cue]) -> bool:
    return sum(cue.text.isupper() for cue in cues) <= MAX_SHARE_IN_CAPITALS * len(cues)


def _is_sound_in_capitals(text: str) -> bool:
    """True for words such as "PHONE RINGS", among speech that is not in capitals; a shout ends with a mark."""
    letters = sum(map(str.isalpha, text))
    return text.isupper() and letters >= MIN_LETTERS_IN_CAPITALS and not ends_sentence(text)


def _fault(cue: Cue) -> str:
    if cue.start_s < 0 or cue.end_s < cue.start_s:
        return NEGATIVE
    if not cue.text.strip():
        return NO_TEXT
    if is_damaged(cue.text):
        return DAMAGED
    return ZERO_LENGTH if cue.end_s == cue.start_s else ""


def _unrolled(cues: Sequence[Cue]) -> Iterator[tuple[Cue, Cue]]:
    """Yields the cues without the lines that are repeated from the cue before, with the original of each.

    Automatic captions roll: each cue shows the last line again. Otherwise the cues stay as they are, because what is
    said twice is spoken twice."""
    lines = [[line for line in cue.text.split("\n") if line.strip()] for cue in cues]
    rolled = [bool(a and b and _same(a[-1], b[0])) for a, b in pairwise(lines)]
    with_several = sum(rolls and len(b) > 1 for rolls, b in zip(rolled, lines[1:], strict=True))
    if not rolled or not with_several or sum(rolled) < MIN_ROLLED_SHARE * len(rolled):
        yield from ((cue, cue) for cue in cues)
        return
    yield from ((cue, cue) for cue in cues[:1])
    for previous, own, cue in zip(lines, lines[1:], cues[1:], strict=False):
        shared = next((n for n in range(len(own), 0, -1) if _all_same(previous[-n:], own[:n])), 0)
        yield replace(cue, text="\n".join(own[shared:])), cue


def _all_same(previous: Sequence[str], own: Sequence[str]) -> bool:
    return len(previous) == len(own) and all(map(_same, previous, own))


def _same(line: str, other: str) -> bool:
    return spoken_text(line).text.casefold() == spoken_text(other).text.casefold()


def _without_same_times(cues: Sequence[Cue]) -> list[Cue]:
    """Joins cues that are shown at the same time: two lines of one text, or two speakers in turn."""
    joined: list[Cue] = []
    for cue in cues:
        before = joined[-1] if joined else None
        if before and abs(cue.start_s - before.start_s) < SAME_TIME_S and abs(cue.end_s - before.end_s) < SAME_TIME_S:
            speaker = cue.speaker if cue.speaker == before.speaker else ""
            text = f"{before.text} {cue.text}"
            joined[-1] = replace(before, text=text, speaker=speaker, last_number=cue.number)
        else:
            joined.append(cue)
    return joined


def _overlaps(cues: Sequence[Cue]) -> Iterator[tuple[int, str]]:
    """Yields the numbers of the cues of which a large part is shown together with another one, and the reason."""
    longest: Cue | None = None  # the cue so far that ends last
    for cue in cues:
        if longest and longest.end_s - cue.start_s > MAX_OVERLAP_S:
            yield longest.number, OVERLAPS.format(other=cue.name)
            yield cue.number, OVERLAPS.format(other=longest.name)
        if longest is None or cue.end_s > longest.end_s:
            longest = cue
