"""Divides a transcript whose words have times into pieces: sentences of some seconds.

Sentences that are too long are cut at their longest pause, and short neighbours are joined."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qal.corpus.importers.timed.cue_text import frequent_labels, spoken_text
from qal.corpus.importers.timed.joining import TARGET_S
from qal.corpus.importers.timed.matching import MatchedWord
from qal.corpus.words import has_words
from qal.text.punctuation import ends_sentence

SHORT_S = 2.0  # shorter sentences are joined with a neighbour
MAX_JOINED_PAUSE_S = 0.8
MIN_CUT_PAUSE_S = 0.1  # a long sentence is not cut where the words follow each other faster
COMMA_BONUS_S = 0.3
COMMAS = frozenset(",;:،、，；：፣፤—–")
S_PER_CHARACTER = 0.07  # of words that were not recognised
MIN_MATCHED = 0.3  # share of the characters of a piece that are recognised; below it, it is not in the recording
PARAGRAPH, BREAK = "\n\n", "\n"
ABBREVIATION = re.compile(r"^\W*(?:[^\W\d_]|[A-ZÀ-Þ][a-zà-þ]{1,3})\.$")


@dataclass(frozen=True)
class Paragraph:
    """Text of one speaker."""

    text: str
    speaker: str = ""


@dataclass(frozen=True)
class Sentence:
    """Some words of a transcript, spoken by one person."""

    words: tuple[MatchedWord, ...]
    speaker: str = ""

    @property
    def text(self) -> str:
        return " ".join("".join(word.text for word in self.words).split())

    @property
    def key(self) -> str:
        """The normalised text without spaces."""
        return "".join(word.key for word in self.words)

    @property
    def matched_share(self) -> float:
        return sum(word.matched for word in self.words) / max(1, len(self.key))

    @property
    def start_s(self) -> float | None:
        """The time of the first recognised word, less that of the words before it; None without any."""
        missing = 0
        for word in self.words:
            if word.start_s is not None:
                return max(0.0, word.start_s - missing * S_PER_CHARACTER)
            missing += len(word.key)
        return None

    @property
    def end_s(self) -> float | None:
        missing = 0
        for word in reversed(self.words):
            if word.end_s is not None:
                return word.end_s + missing * S_PER_CHARACTER
            missing += len(word.key)
        return None

    @property
    def duration_s(self) -> float:
        return 0.0 if self.start_s is None or self.end_s is None else self.end_s - self.start_s

    @property
    def is_found(self) -> bool:
        return self.start_s is not None and self.matched_share >= MIN_MATCHED


def paragraphs(text: str) -> list[Paragraph]:
    """Returns the spoken text of a transcript, a paragraph for each change of the speaker and each blank line.

    A label at the beginning of a line, such as "ANNA:", holds until the next one."""
    lines = text.split("\n")
    labels = frequent_labels(lines)
    found: list[Paragraph] = []
    is_new, speaker = True, ""
    for line in lines:
        spoken = spoken_text(line, labels)
        if spoken.speaker:
            is_new, speaker = True, spoken.speaker
        if not line.strip():
            is_new = True
        if not has_words(spoken.text):
            continue
        if is_new or not found:
            found.append(Paragraph(spoken.text, speaker))
        else:
            found[-1] = replace(found[-1], text=f"{found[-1].text} {spoken.text}")
        is_new = False
    return found


def sentences(words: Sequence[MatchedWord], speaker: str) -> list[Sentence]:
    """Divides the words of a paragraph into pieces of some seconds."""
    divided = [part for sentence in _sentences(words, speaker) for part in _cut(sentence)]
    joined: list[Sentence] = []
    for sentence in divided:
        if joined and _is_joined(joined[-1], sentence):
            joined[-1] = Sentence((*joined[-1].words, *sentence.words), speaker)
        else:
            joined.append(sentence)
    return joined


def _sentences(words: Sequence[MatchedWord], speaker: str) -> Iterator[Sentence]:
    current: list[MatchedWord] = []
    for word, following in pairwise([*words, None]):
        assert word
        current.append(word)
        is_end = following is not None and ends_sentence(word.text) and not ABBREVIATION.match(word.text.strip())
        if following is None or (is_end and has_words(following.text) and _begins_sentence(following.text)):
            yield Sentence(tuple(current), speaker)
            current = []


def _begins_sentence(text: str) -> bool:
    letter = next((character for character in text if character.isalnum()), "")
    return not letter.islower()


def _cut(sentence: Sentence) -> Iterator[Sentence]:
    """Yields a sentence, or its parts if it is too long; each part is cut at its longest pause."""
    index = _cut_index(sentence) if sentence.duration_s > TARGET_S else 0
    if not index:
        yield sentence
        return
    for words in (sentence.words[:index], sentence.words[index:]):
        yield from _cut(Sentence(words, sentence.speaker))


def _cut_index(sentence: Sentence) -> int:
    """Returns the index of the word after the best pause; 0 if there is none far enough from both ends."""
    best, best_score = 0, MIN_CUT_PAUSE_S
    start_s, end_s = sentence.start_s or 0.0, sentence.end_s or 0.0
    for i, (word, following) in enumerate(pairwise(sentence.words), 1):
        if word.end_s is None or following.start_s is None:
            continue
        if word.end_s - start_s < SHORT_S or end_s - following.start_s < SHORT_S:
            continue
        has_comma = word.text[-1:] in COMMAS
        score = following.start_s - word.end_s + (COMMA_BONUS_S if has_comma else 0.0)
        if score > best_score:
            best, best_score = i, score
    return best


def _is_joined(sentence: Sentence, following: Sentence) -> bool:
    if not (sentence.is_found and following.is_found):
        return False
    end_s, start_s = sentence.end_s or 0.0, following.start_s or 0.0
    is_short = min(sentence.duration_s, following.duration_s) < SHORT_S
    total_s = (following.end_s or 0.0) - (sentence.start_s or 0.0)
    return is_short and start_s - end_s <= MAX_JOINED_PAUSE_S and total_s <= TARGET_S
