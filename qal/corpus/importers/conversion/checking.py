"""Checks the entries of a source before anything is decoded: texts, languages, files, and what is listed twice."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.conversion.names import describe_part, inner_path
from qal.corpus.importers.listing import AudioBytes, Candidate, ListingOptions, Problem
from qal.corpus.speakers import known_speaker
from qal.corpus.words import has_words
from qal.errors import CorpusError
from qal.text.languages import resolve_language

AUDIO_SUFFIX = re.compile(
    rf"(?<=[^\s,;|])(?:{'|'.join(map(re.escape, sorted(AUDIO_SUFFIXES)))})(?![\w.])", re.IGNORECASE
)
SEPARATED = re.compile(r"[\s,;|]+")
IDENTIFIER = re.compile(r"\S*(?:_|[^\W\d]\S*\d|\d\S*[^\W\d])\S*")  # letters with digits or underscores: no word
MAX_TEXT_CHARACTERS = 5000  # no person says more in the longest example
MAX_QUOTED = 40
NO_LANGUAGE = "the source names no language; give one, such as --language am"
LISTED_AGAIN = "the same recording is listed again with another text ({})"


@dataclass(frozen=True, slots=True)
class CheckedCandidate:
    """A candidate that can be decoded."""

    candidate: Candidate
    language: str
    inner: str  # path of the recording in its source

    @property
    def place(self) -> str:
        return self.candidate.place or describe_part(self.candidate, self.inner)


@dataclass
class EntryChecker:
    """Checks the entries of one source in their order.

    Args:
        options: what the user states about the source.
        roots: the folders in which its recordings may be.
        requires_language: False for a preview, which shows entries without a language and sets `lacks_language`."""

    options: ListingOptions
    roots: Sequence[Path]
    requires_language: bool = True
    lacks_language: bool = False  # neither the source nor the user names the language of an entry so far
    contradicted: dict[str, str] = field(default_factory=dict)  # mark by the place of the first of two entries
    _first: dict[tuple, tuple[str, str]] = field(default_factory=dict)  # place and text by recording and part

    def check(self, entries: Iterable[Candidate | Problem]) -> Iterator[CheckedCandidate | Problem]:
        """Yields each entry, with a problem in place of a candidate that cannot be used.

        Raises CorpusError if neither the source nor the user names the language, which is required."""
        for entry in entries:
            yield entry if isinstance(entry, Problem) else self._checked(entry)

    def _checked(self, candidate: Candidate) -> CheckedCandidate | Problem:
        candidate = self._with_clean_texts(candidate)
        try:
            inner = inner_path(candidate.audio, self.roots)
        except CorpusError as error:
            return Problem(candidate.place or f"{_name(candidate)!a}"[1:-1], str(error))
        if not candidate.language and not self.options.language:
            if self.requires_language:
                raise CorpusError(f"{_name(candidate)}: {NO_LANGUAGE}")
            self.lacks_language = True
        stated = candidate.language or self.options.language
        checked = CheckedCandidate(candidate, resolve_language(stated) or stated, inner)
        reason = self._reason(checked) or self._repetition(checked)
        return Problem(checked.place, reason) if reason else checked

    def _with_clean_texts(self, candidate: Candidate) -> Candidate:
        text = "" if self.options.no_text else " ".join(candidate.text.split())
        translation = "" if self.options.no_text else " ".join(candidate.translation.split())
        speaker = known_speaker(candidate.speaker)
        if (text, translation, speaker) == (candidate.text, candidate.translation, candidate.speaker):
            return candidate
        return replace(candidate, text=text, translation=translation, speaker=speaker)

    def _reason(self, checked: CheckedCandidate) -> str:
        """Returns why a candidate cannot be used; "" if it can."""
        candidate = checked.candidate
        if checked.language and resolve_language(checked.language) is None:
            return (
                f"'{checked.language[:MAX_QUOTED]}' is not a language; correct it, or give one, such as --language am"
            )
        reason = self._text_reason(candidate, checked.inner)
        if not reason and not isinstance(candidate.audio, AudioBytes):
            audio = candidate.audio
            if audio.end_s is not None and audio.end_s <= audio.start_s:
                return f"ends at {audio.end_s:g} s, before it starts at {audio.start_s:g} s"
            if audio.start_s < 0:
                return f"starts at {audio.start_s:g} s, before the recording"
            if not os.path.isfile(audio.path):
                return f"there is no file '{checked.inner}' in the source"
        return reason

    def _text_reason(self, candidate: Candidate, inner: str) -> str:
        if self.options.no_text:
            return ""
        if not has_words(candidate.text) and not has_words(candidate.translation):
            return "its transcript has no words" if candidate.text else "its transcript is missing"
        if suffix := AUDIO_SUFFIX.search(candidate.text):
            quoted = SEPARATED.split(candidate.text[: suffix.end()])[-1][-MAX_QUOTED:]
            return f"its text holds the name of a file ('{quoted}'); check the columns and the quotation marks"
        stem = os.path.splitext(os.path.basename(inner))[0]
        if candidate.text == stem and IDENTIFIER.fullmatch(stem):
            return f"its text is the name of its file ('{candidate.text[:MAX_QUOTED]}'); check the columns"
        if len(candidate.text) > MAX_TEXT_CHARACTERS:
            return f"its text has {len(candidate.text)} characters; check the quotation marks before it"
        return ""

    def _repetition(self, checked: CheckedCandidate) -> str:
        """Returns why an entry is left out whose recording, or the same part of it, was listed before."""
        audio = checked.candidate.audio
        if isinstance(audio, AudioBytes):  # told apart by their content when they are converted
            return ""
        key = (os.fspath(audio.path), audio.start_s, audio.end_s, audio.channel)
        if key not in self._first:
            self._first[key] = (checked.place, checked.candidate.text)
            return ""
        place, text = self._first[key]
        if text == checked.candidate.text:
            return f"is listed twice; {place} has the same recording and text"
        self.contradicted.setdefault(place, LISTED_AGAIN.format(checked.place))
        return f"is listed twice; {place} has the same recording with another text, one of which is wrong"


def _name(candidate: Candidate) -> str:
    return candidate.audio.name if isinstance(candidate.audio, AudioBytes) else candidate.audio.path.name
