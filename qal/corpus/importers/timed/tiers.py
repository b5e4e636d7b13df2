"""Reads annotations in tiers: TextGrid files of Praat and ELAN files.

The tier with the most text that is no list of single words or phones, no translation and depends on no other tier holds
the speech. Other tiers are further speakers if they speak at other times; a tier of words, of glosses or of a
translation has the times of the speech itself."""

import contextlib
import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.audio.decode import MAX_DURATION_S
from qal.corpus.importers.timed.cues import Cue, read_text_file
from qal.corpus.words import has_words
from qal.errors import CorpusError

MAX_SHARED_TIME = 0.5  # of the speech of a further speaker
MIN_SHARE_OF_TEXT = 0.5  # of the longest tier, for tiers of phrases
MIN_PHRASE_WORDS = 1.3  # mean words of an interval, from which a tier holds phrases
NO_SPEECH = {  # words in the names of other tiers, in the usual abbreviations of linguists
    *("translation", "translations", "transl", "free", "ft", "fte", "fe", "fg", "gloss", "glosses", "ge", "gl"),
    *("note", "notes", "nt", "comment", "comments", "ref", "id", "pos", "ps", "mb", "morph", "morphemes"),
}
IDENTIFIER = re.compile(r"\S*\d\S*")
PHONE_TIERS = ("phone", "phoneme", "phon", "segment", "mau", "ipa", "sampa", "tone", "break", "syll", "pitch")
MS_PER_SECOND = 1000
STEPS_PER_SECOND = 100


@dataclass(frozen=True)
class Tier:
    """A named list of intervals: (start, end, text), with times in seconds."""

    name: str
    intervals: Sequence[tuple[float, float, str]]
    kind: str = ""  # the tier's own name, where `name` is that of its speaker
    is_dependent: bool = False  # of the annotations of another tier, whose times it has

    @property
    def letters(self) -> int:
        return sum(character.isalnum() for _, _, text in self.intervals for character in text)

    @property
    def is_speech(self) -> bool:
        """False if the name is that of a tier of phones, glosses, translations or notes."""
        name = (self.kind or self.name).casefold()
        return not name.startswith(PHONE_TIERS) and NO_SPEECH.isdisjoint(re.split(r"[\W\d_]+", name))

    @property
    def holds_identifiers(self) -> bool:
        """True if most texts are names of sentences, such as "story.001"."""
        texts = [text.strip() for _, _, text in self.intervals if text.strip()]
        return 2 * sum(bool(IDENTIFIER.fullmatch(text)) for text in texts) > len(texts)

    @property
    def words_per_interval(self) -> float:
        return sum(len(text.split()) for _, _, text in self.intervals) / max(1, len(self.intervals))


def read_textgrid(path: Path, language: str = "") -> list[Cue]:
    """Reads the speech of a TextGrid. Raises CorpusError if it is none or has no interval with text."""
    from praatio.utilities.errors import PraatioException
    from praatio.utilities.textgrid_io import parseTextgridStr

    text = read_text_file(path, language)
    try:
        tiers = parseTextgridStr(text, includeEmptyIntervals=False)["tiers"]
        found = [
            Tier(tier["name"], [(float(start), float(end), label) for start, end, label in tier["entries"]])
            for tier in tiers
            if tier["class"] == "IntervalTier"
        ]
    except (PraatioException, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise CorpusError(f"{path.name}: cannot be read as a TextGrid of Praat; save it again") from error
    return cues_of_tiers(found, path)


def read_elan(path: Path, language: str = "") -> list[Cue]:
    """Reads the speech of an ELAN file, which states its encoding itself.

    Raises CorpusError if it is none or has no annotation with text."""
    from pympi.Elan import Eaf

    if "<!ENTITY" in read_text_file(path, language):
        raise CorpusError(f"{path.name}: declares XML entities, which are not read; save it again")
    unreadable = f"{path.name}: cannot be read as an ELAN file; save it again"
    try:
        if ET.parse(path).getroot().tag != "ANNOTATION_DOCUMENT":  # pympi would answer with an untyped error
            raise CorpusError(unreadable)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            file = Eaf(str(path))
            tiers = [_elan_tier(file, name) for name in file.get_tier_names()]
    except (ET.ParseError, ValueError, KeyError, AttributeError, TypeError, IndexError) as error:
        raise CorpusError(unreadable) from error
    return cues_of_tiers(tiers, path)


def _elan_tier(file, name: str) -> Tier:
    """Returns a tier, named like its participant if it has one."""
    intervals = [
        (start_ms / MS_PER_SECOND, end_ms / MS_PER_SECOND, text or "")
        for start_ms, end_ms, text, *_ in sorted(file.get_annotation_data_for_tier(name))
    ]
    parameters = file.get_parameters_for_tier(name)
    participant = (parameters.get("PARTICIPANT") or "").strip()
    return Tier(participant or name, intervals, name, bool(parameters.get("PARENT_REF")))


def cues_of_tiers(tiers: Sequence[Tier], path: Path) -> list[Cue]:
    """Returns the cues of the tiers of speech, in order of time; the speaker is the tier's name if there are several.

    Raises CorpusError if no tier has text."""
    speech = speech_tiers(tiers)
    if not speech:
        raise CorpusError(f"{path.name}: no tier has an interval with text; write the transcript into one")
    timed = sorted(
        (start_s, end_s, text, tier.name if len(speech) > 1 else "")
        for tier in speech
        for start_s, end_s, text in tier.intervals
        if text.strip()
    )
    return [Cue(number, *timed_text) for number, timed_text in zip(count(1), timed, strict=False)]


def speech_tiers(tiers: Sequence[Tier]) -> list[Tier]:
    """Returns the tier with the most text, and those of further speakers."""
    with_text = [t for t in tiers if any(has_words(text) for _, _, text in t.intervals)]
    named = [tier for tier in with_text if tier.is_speech] or with_text
    named = [tier for tier in named if not tier.holds_identifiers] or named
    named = [tier for tier in named if not tier.is_dependent] or named
    longest = max((tier.letters for tier in named), default=0)
    phrases = [t for t in named if t.words_per_interval >= MIN_PHRASE_WORDS]
    if sum(tier.letters for tier in phrases) >= MIN_SHARE_OF_TEXT * longest:
        named = phrases or named
    chosen: list[Tier] = []
    for tier in sorted(named, key=lambda tier: -tier.letters):
        if _shared_time(tier, chosen) <= MAX_SHARED_TIME:
            chosen.append(tier)
    return chosen


def _shared_time(tier: Tier, others: Sequence[Tier]) -> float:
    """Returns the share of a tier's time in which another tier speaks, too."""
    last_s = max((end for t in (tier, *others) for _, end, _ in t.intervals), default=0.0)
    own, other = (_spoken(tiers, min(last_s, MAX_DURATION_S)) for tiers in ([tier], others))
    return float(np.count_nonzero(own & other) / max(1, np.count_nonzero(own))) if others else 0.0


def _spoken(tiers: Sequence[Tier], last_s: float) -> NDArray[np.bool_]:
    """Returns for each hundredth of a second if one of the tiers has an interval there."""
    spoken = np.zeros(int(last_s * STEPS_PER_SECOND) + 1, bool)
    for tier in tiers:
        for start_s, end_s, _ in tier.intervals:
            spoken[max(0, int(start_s * STEPS_PER_SECOND)) : max(0, int(end_s * STEPS_PER_SECOND))] = True
    return spoken
