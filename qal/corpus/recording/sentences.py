"""The sentences that a speaker reads: built-in lists, or those of a text of the user."""

import re
from functools import cache
from pathlib import Path

from qal.corpus.recording.takes import MAX_SENTENCE_CHARACTERS
from qal.corpus.words import has_words
from qal.errors import CorpusError
from qal.text.normalisation.split_key import split_key

BUILT_IN_FOLDER = Path(__file__).parent / "sentences"
MAX_SENTENCES = 5000
MIN_SENTENCES = 3  # fewer cannot be split for training, validation and test
SENTENCE_END = re.compile(r"(?<=[.!?…。！？።؟।])[\"'”’»)\]]*\s+")
CLAUSE_END = re.compile(r"(?<=[,;:،፣፤、，])\s+")


@cache
def built_in_languages() -> tuple[str, ...]:
    """Returns the codes of the languages with built-in sentences."""
    return tuple(sorted(path.stem for path in BUILT_IN_FOLDER.glob("*.txt")))


def built_in_sentences(language: str) -> list[str]:
    """Returns the built-in sentences of a language. Raises CorpusError if there are none."""
    if language not in built_in_languages():
        raise CorpusError("there are no built-in sentences in this language; paste your own, one in each line")
    return split_sentences((BUILT_IN_FOLDER / f"{language}.txt").read_text(encoding="utf-8"))


def split_sentences(text: str) -> list[str]:
    """Splits a text into sentences: its lines, and long lines at the ends of sentences and clauses.

    A sentence that occurs twice is kept once. Raises CorpusError if there are too few or too many sentences."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        for sentence in _parts(" ".join(line.split())):
            if has_words(sentence):
                found.setdefault(split_key(sentence), sentence)
    sentences = list(found.values())
    if len(sentences) < MIN_SENTENCES:
        raise CorpusError(f"the text has fewer than {MIN_SENTENCES} different sentences; add some, one in each line")
    if len(sentences) > MAX_SENTENCES:
        raise CorpusError(f"the text has more than {MAX_SENTENCES:,} sentences; record a part of it at a time")
    return sentences


def _parts(line: str) -> list[str]:
    """Returns a short line as it is; a longer one in parts that can be read in one breath."""
    if len(line) <= MAX_SENTENCE_CHARACTERS:
        return [line]
    parts: list[str] = []
    for sentence in SENTENCE_END.split(line):
        parts += [sentence] if len(sentence) <= MAX_SENTENCE_CHARACTERS else _joined(sentence)
    return parts


def _joined(sentence: str) -> list[str]:
    """Splits a long sentence at its clauses, and a long clause between words."""
    parts = [""]
    for clause in CLAUSE_END.split(sentence):
        pieces = [clause] if len(clause) <= MAX_SENTENCE_CHARACTERS else clause.split(" ")
        for piece in pieces:
            joined = f"{parts[-1]} {piece}".strip()
            if len(joined) <= MAX_SENTENCE_CHARACTERS:
                parts[-1] = joined
            else:
                parts.append(piece[:MAX_SENTENCE_CHARACTERS])
    return parts
