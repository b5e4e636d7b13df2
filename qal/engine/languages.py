"""The languages of Whisper's multilingual vocabulary, and how the language of an utterance is detected."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from faster_whisper.tokenizer import _LANGUAGE_CODES

from qal.errors import LanguageError
from qal.text.languages import missing_language_advice, resolve_language

LANGUAGES = tuple(_LANGUAGE_CODES)
MAX_LISTED = 8  # codes in an error message
LANGUAGES_HELP = "detect only these languages, such as ru en; unset: any"
LIKELY = 0.7  # probability of another language from which an utterance contradicts the held one
CERTAIN = 0.95  # probability from which a single utterance is written in another language than the held one
UNLIKELY = 0.1  # probability of the held language up to which an utterance contradicts it


class DetectedLanguage(NamedTuple):
    """The language in which an utterance is decoded, and what its sound says about the held language."""

    language: str
    other: str | None  # a language that is likely while the held one is unlikely; None: no contradiction
    probability: float | None = None  # of the language among those that are possible; None: it was not detected


@dataclass(frozen=True)
class LanguageDetection:
    """How the language of an utterance is detected.

    The held language is the one of the utterances before. It is kept unless the sound contradicts it: with certainty,
    or in favour of the same language as the sound of the utterance before did."""

    held: str | None = None  # None: the most likely language is used
    candidate: str | None = None  # the language in favour of which the utterance before contradicted the held one
    among: tuple[str, ...] = ()  # languages that are possible; (): all

    def decide(self, ranking: Sequence[tuple[str, float]]) -> DetectedLanguage:
        """Decides from the probabilities of the languages, (code, probability), the most likely one first."""
        possible = [(code, probability) for code, probability in ranking if not self.among or code in self.among]
        total = sum(probability for _, probability in possible)
        best, best_probability = possible[0]
        if self.held is None or best == self.held:
            return DetectedLanguage(best, None, best_probability / total)
        held_probability = dict(possible).get(self.held, 0.0)
        if best_probability < LIKELY * total or held_probability > UNLIKELY * total:
            return DetectedLanguage(self.held, None, held_probability / total)
        is_decoded_in_best = best == self.candidate or best_probability >= CERTAIN * total
        if is_decoded_in_best:
            return DetectedLanguage(best, best, best_probability / total)
        return DetectedLanguage(self.held, best, held_probability / total)


class LanguageChoice(NamedTuple):
    """The language of an utterance; None: it is detected."""

    language: str | None
    detection: LanguageDetection


class HeldLanguage:
    """The language of a stream of utterances. It changes when two successive ones contradict it in favour of the same.

    Args:
        language: the chosen language, which never changes; None detects it.
        among: languages that detection chooses from; (): all. A single one is as if it were chosen.
    """

    def __init__(self, language: str | None = None, among: tuple[str, ...] = ()):
        self._chosen = among[0] if language is None and len(among) == 1 else language
        self._among = among
        self._candidate: str | None = None
        self.language = self._chosen

    def next_utterance(self, can_change: bool) -> LanguageChoice:
        """Returns how the next utterance is decoded; if it `can_change` the held language, that is detected anew."""
        if self._chosen or (self.language and not can_change):
            return LanguageChoice(self.language, LanguageDetection(among=self._among))
        return LanguageChoice(None, LanguageDetection(self.language, self._candidate, self._among))

    def add(self, language: str, other: str | None) -> None:
        """Adds an utterance that was long enough for detection.

        Args:
            language: the language in which it was decoded.
            other: the language that contradicts the held one, as in `DetectedLanguage`.
        """
        if self._chosen:
            return
        if self.language is None:
            self.language = language
        elif other and other == self._candidate:
            self.language, self._candidate = other, None
        else:
            self._candidate = other


def check_language(code: str, supported: tuple[str, ...] = LANGUAGES) -> str:
    """Returns the code. Raises LanguageError, with the code or the near language to use, if it is not supported."""
    if code not in supported:
        meant = resolve_language(code)
        if meant in supported:
            raise LanguageError(f"the model has no language '{code}'; write {meant}")
        if meant and len(supported) > 1 and (advice := missing_language_advice(meant)):
            raise LanguageError(advice)
        listed = ", ".join(supported[:MAX_LISTED]) + (" …" if len(supported) > MAX_LISTED else "")
        raise LanguageError(f"the model has no language '{code}'; use one of its {len(supported)} codes: {listed}")
    return code


def check_languages(codes: Iterable[str], supported: tuple[str, ...] = LANGUAGES) -> None:
    """Raises LanguageError if one of the codes is not supported."""
    for code in codes:
        check_language(code, supported)
