"""The spoken words of a cue: without tags, labels of speakers, descriptions of sounds and lyrics.

<i>ANNA:</i> [door closes] Come in.     ─► "Come in.", speaker Anna
- Hi. / - Hello.                        ─► "Hi. Hello."
♪ la la ♪                               ─► nothing is spoken"""

import html
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from qal.corpus.words import has_words

TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
DESCRIPTION = re.compile(r"\[[^\[\]]*\]|［[^［］]*］|【[^【】]*】")
OUTER_PARENTHESES = re.compile(r"^\s*[(（][^()（）]*[)）]|[(（][^()（）]*[)）]\s*$")
STARRED = re.compile(r"^\s*\*[^*]+\*\s*$")  # as in *sighs*
MUSIC = re.compile(r"[♪♫♬♩🎵🎶]")
HASH_LYRICS = re.compile(r"^\s*#\s.*\s#\s*$")
STARRED_EDGE = re.compile(r"^\s*\*[^*\sA-Z][^*]*\*\s+(?=[^\W\d_a-z])|(?<=[.!?…])\s+\*[^*\sA-Z][^*]*\*\s*$")
DASH = re.compile(r"^\s*[-–—‐]\s*(?=\S)")
CHANGE = re.compile(r"^\s*(?:>>+|»)\s*")  # another speaker begins
LABEL = re.compile(r"^\s*(?P<name>[^\s:：፦.!?,][^:：፦.!?,\n]{0,30}?)\s*[:：፦](?!//)(?:\s+|(?<=[：፦])|$)")
MAX_LABEL_WORDS = 4
SUNG = re.compile(r"[♪♫♬♩🎵🎶]+[^♪♫♬♩🎵🎶]*(?:[♪♫♬♩🎵🎶]+|$)")
DESCRIBING = re.compile(r"[\[［【(（*♪♫♬♩🎵🎶]")  # signs without which a text describes no sound
EDGE_DESCRIPTION = re.compile(r"^\s*[(（](?P<first>[^()（）]*)[)）]|[(（](?P<last>[^()（）]*)[)）]\s*$")
MAX_DESCRIPTION_WORDS = 4  # in parentheses at an end of a text that is not subtitles, where more may be spoken
NOT_SPOKEN = "nothing is spoken in it ({text}); it is left out"
MAX_QUOTED_CHARACTERS = 40
MIN_REPEATED_LABELS = 3  # from which a label that is not in capitals counts
MAX_LABELS = 20  # of a table whose texts begin with the names of speakers
MIN_LABELLED_SHARE = 0.5  # of its texts


class SpokenText(NamedTuple):
    """The words of a cue that are spoken, and who speaks; the speaker is empty if it is unknown or there are two."""

    text: str
    speaker: str


def frequent_labels(texts: Iterable[str]) -> frozenset[str]:
    """Returns the labels that stand at the beginning of many lines of a file, so that they are speakers."""
    counts: Counter[str] = Counter()
    for text in texts:
        for line in _plain_lines(text):
            label = _label(line)
            if label:
                counts[label] += 1
    return frozenset(label for label, count in counts.items() if count >= MIN_REPEATED_LABELS)


def recurring_labels(texts: Iterable[str]) -> frozenset[str]:
    """Returns the speakers with whose names most texts of a table begin; none if the names are many or seldom."""
    counts, total = Counter[str](), 0
    for text in texts:
        total += 1
        if label := _label(text):
            counts[label] += 1
    frequent = {label: count for label, count in counts.items() if count >= MIN_REPEATED_LABELS}
    is_usual = sum(frequent.values()) >= MIN_LABELLED_SHARE * total
    return frozenset(frequent) if is_usual and len(frequent) <= MAX_LABELS else frozenset()


def without_label(text: str, labels: frozenset[str]) -> SpokenText:
    """Returns a text without the label at its beginning, and the speaker that it names, if it is one of `labels`."""
    label = _label(text) if labels else ""
    if label not in labels:
        return SpokenText(text, "")
    return SpokenText(LABEL.sub("", DASH.sub("", text), count=1).strip(), _readable(label))


def without_sounds(text: str) -> str:
    """Returns a text of a table without descriptions of sounds and lyrics; "" if nothing else with words is in it.

    Brackets are removed anywhere, parentheses of a few words at both ends, lyrics between notes (♪)."""
    if not DESCRIBING.search(text):
        return text
    plain = SUNG.sub(" ", DESCRIPTION.sub(" ", text))
    if OUTER_PARENTHESES.fullmatch(plain.strip()) or STARRED.match(plain):
        return ""
    shorter = _without_short_parentheses(STARRED_EDGE.sub("", plain))
    if shorter == text:
        return text
    spoken = " ".join(shorter.split())
    return spoken if has_words(spoken) else ""


def _without_short_parentheses(text: str) -> str:
    while edge := EDGE_DESCRIPTION.search(text):
        words = edge["first"] or edge["last"] or ""
        if len(words.split()) > MAX_DESCRIPTION_WORDS or any(map(str.isdigit, words)):
            break
        text = text[: edge.start()] + text[edge.end() :]
    return text


def spoken_text(text: str, labels: frozenset[str] = frozenset()) -> SpokenText:
    """Returns what is spoken in a cue.

    Args:
        text: the text of the cue, with its line breaks.
        labels: labels that are speakers although they are not written in capitals, from `frequent_labels`."""
    parts, speakers, has_change = [], [], False
    for line in _plain_lines(text):
        label = _label(line)
        if label and (label in labels or _is_capitals(label)):
            speakers.append(label)
            line = LABEL.sub("", line, count=1)
        elif DASH.match(line) and parts:
            has_change = True
        line = _without_parentheses(DASH.sub("", line))
        if has_words(line) and not _is_sung(line):
            parts.append(line)
    spoken = " ".join(" ".join(parts).split())
    return SpokenText(spoken, _readable(speakers[0]) if len(set(speakers)) == 1 and not has_change else "")


def unspoken_reason(text: str) -> str:
    """Returns why a text in which nothing is spoken is left out."""
    plain = " ".join(text.split())
    quoted = plain if len(plain) <= MAX_QUOTED_CHARACTERS else f"{plain[:MAX_QUOTED_CHARACTERS]}…"
    return NOT_SPOKEN.format(text=quoted)


def _plain_lines(text: str) -> list[str]:
    """Returns the lines without tags, descriptions and marks for another speaker; a description may span lines."""
    plain = DESCRIPTION.sub(" ", html.unescape(TAG.sub("", text)))
    if OUTER_PARENTHESES.fullmatch(plain.strip()):
        return []
    return [CHANGE.sub("", line).strip() for line in plain.split("\n")]


def _without_parentheses(line: str) -> str:
    """Removes descriptions in parentheses or asterisks from both ends of a line; words within a sentence stay."""
    line = STARRED_EDGE.sub("", line)
    shorter = OUTER_PARENTHESES.sub("", line)
    while shorter != line:
        line, shorter = shorter, OUTER_PARENTHESES.sub("", shorter)
    return line.strip()


def _is_sung(line: str) -> bool:
    return bool(MUSIC.search(line) or HASH_LYRICS.match(line) or STARRED.match(line))


def _label(line: str) -> str:
    match = LABEL.match(DASH.sub("", line))
    name = match["name"].strip() if match else ""
    return name if has_words(name) and not name.isdigit() and len(name.split()) <= MAX_LABEL_WORDS else ""


def _is_capitals(label: str) -> bool:
    return label.isupper() and sum(map(str.isalpha, label)) > 1


def _readable(label: str) -> str:
    return label.title() if label.isupper() else label
