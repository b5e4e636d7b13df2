"""Checks the entries of a source before anything is decoded: texts, languages, files, and what is listed twice."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.conversion.clean_text import MARKUP_REMOVED, clean_text
from qal.corpus.importers.conversion.names import describe_part, inner_path, is_part
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
WHOLE_AND_PARTS = "is the whole recording, of which parts are listed, too ({})"
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
    _places: dict[bool, dict[str, str]] = field(default_factory=lambda: {True: {}, False: {}})  # of parts and wholes
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
        if reason := self._reason(checked):
            return Problem(checked.place, reason)
        return self._repetition(checked) or checked

    def _with_clean_texts(self, candidate: Candidate) -> Candidate:
        text, has_markup = clean_text("" if self.options.no_text else candidate.text)
        translation, _ = clean_text("" if self.options.no_text else candidate.translation)
        speaker = known_speaker(candidate.speaker)
        if (text, translation, speaker) == (candidate.text, candidate.translation, candidate.speaker):
            return candidate
        notes = (*candidate.notes, MARKUP_REMOVED) if has_markup else candidate.notes
        return replace(candidate, text=text, translation=translation, speaker=speaker, notes=notes)

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

    def _repetition(self, checked: CheckedCandidate) -> Problem | None:
        """Returns the problem of an entry whose recording, or part of it, was listed before."""
        audio = checked.candidate.audio
        if isinstance(audio, AudioBytes):  # told apart by their content when they are converted
            return None
        key = (os.fspath(audio.path), audio.start_s, audio.end_s, audio.channel)
        if overlapped := self._whole_and_part(checked, is_part(audio), key[0]):
            return overlapped
        if key not in self._first:
            self._first[key] = (checked.place, checked.candidate.text)
            return None
        place, text = self._first[key]
        if text == checked.candidate.text:
            reason = f"is listed twice; {place} has the same recording and text"
            return Problem(checked.place, reason, is_fault=False)
        self.contradicted.setdefault(place, LISTED_AGAIN.format(checked.place))
        reason = f"is listed twice; {place} has the same recording with another text, one of which is wrong"
        return Problem(checked.place, reason)

    def _whole_and_part(self, checked: CheckedCandidate, is_a_part: bool, path: str) -> Problem | None:
        """Finds a row that is a whole recording of which parts are listed: its times are missing.

        The row is left out if it comes after a part, and marked if it came before."""
        self._places[is_a_part].setdefault(path, checked.place)
        other = self._places[not is_a_part].get(path)
        if other is None:
            return None
        if is_a_part:
            self.contradicted.setdefault(other, WHOLE_AND_PARTS.format(checked.place))
            return None
        return Problem(checked.place, f"{WHOLE_AND_PARTS.format(other)}; add its start and end")


def _name(candidate: Candidate) -> str:
    return candidate.audio.name if isinstance(candidate.audio, AudioBytes) else candidate.audio.path.name
