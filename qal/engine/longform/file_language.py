"""The language of the utterances of a file: of the whole file, or of each stretch of its speech."""

from collections.abc import Sequence

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW
from qal.engine.decoding import GREEDY
from qal.engine.engine import Utterance
from qal.engine.languages import LIKELY, DetectedLanguage, HeldLanguage, LanguageChoice, LanguageDetection
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.regions import MergedRegion
from qal.engine.longform.sections import Section
from qal.engine.reading import SpeechEngine

MIN_DETECTION_S = 5.0  # shorter speech gives less reliable language detection
MIN_CHANGE_S = 1.0  # shorter speech is in the language of the file, or of its neighbour
LANGUAGE_DETECTION = GREEDY.model_copy(update={"max_tokens": 1})


class FileLanguage:
    """The language in which the utterances of a file are decoded, as `LongformOptions.language_mode` says."""

    def __init__(self, engine: SpeechEngine, language: str | None, options: LongformOptions, known: str | None = None):
        """Takes the choices.

        Args:
            engine: the model that detects.
            language: the chosen language; None: it is detected.
            options: the languages that are possible, and the mode.
            known: the detected language of a file whose transcription is resumed.
        """
        self._engine, self._options = engine, options
        self._held = HeldLanguage(language, options.languages)
        self.is_per_stretch = options.language_mode == "stretch" and self._held.language is None
        if known:
            self._set(known)

    @property
    def language(self) -> str | None:
        """The language of the file; None as long as it was not detected."""
        return self._held.language

    def listen(self, section: Section, regions: Sequence[MergedRegion]) -> None:
        """Detects the language of the file in its first section with speech."""
        if regions and self.language is None and not self.is_per_stretch:
            cuts = [region.cut(section.samples, section.start) for region in regions]
            self._set(detect_language(self._engine, cuts, self._options.languages))

    def _set(self, detected: str) -> None:
        if self.language is None and not self.is_per_stretch:
            if self._options.language_mode == "file":
                self._held = HeldLanguage(detected)
            self._held.add(detected, None)

    def choose(self, speech_s: float) -> LanguageChoice:
        """Returns how an utterance with this much speech is decoded."""
        return self._held.next_utterance(can_change=speech_s >= MIN_CHANGE_S)

    def of_stretches(self, section: Section) -> list[DetectedLanguage]:
        """Detects the language of each region of a section.

        Regions that are short, or in which no language is likely, are in that of the nearest region that is sure."""
        regions, detection = section.regions, LanguageDetection(among=self._options.languages)
        utterances = [
            Utterance(section.samples[r.start * VAD_WINDOW : r.end * VAD_WINDOW], detection=detection, on_grid=True)
            for r in regions
        ]
        transcripts = self._engine.transcribe(utterances, LANGUAGE_DETECTION) if utterances else []
        found = [DetectedLanguage(t.language, None, t.language_probability) for t in transcripts]
        min_windows = MIN_CHANGE_S * SAMPLE_RATE / VAD_WINDOW
        sure = [
            i
            for i, (region, detected) in enumerate(zip(regions, found, strict=True))
            if region.speech_windows >= min_windows and (detected.probability or 0) >= LIKELY
        ]
        if not sure:
            return found

        def nearest(i: int) -> int:
            return min(sure, key=lambda j: max(regions[i].start - regions[j].end, regions[j].start - regions[i].end))

        return [found[i if i in sure else nearest(i)] for i in range(len(found))]


def detect_language(engine: SpeechEngine, cuts: Sequence[Samples], among: tuple[str, ...] = ()) -> str:
    """Detects the language of the first speech of MIN_DETECTION_S or more; if there is none, of the longest.

    `among` are the languages that are possible; (): all."""
    long_enough = (cut for cut in cuts if len(cut) >= MIN_DETECTION_S * SAMPLE_RATE)
    chosen = next(long_enough, max(cuts, key=len))
    utterance = Utterance(chosen, detection=LanguageDetection(among=among))
    return engine.transcribe([utterance], LANGUAGE_DETECTION)[0].language
