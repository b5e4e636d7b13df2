"""How the final caption of a segment is decided: its text, its words and times, and its language."""

from dataclasses import dataclass
from math import inf

from qal.audio.samples import SAMPLE_RATE
from qal.captions.agreement import has_loop
from qal.captions.fixed_chunks import OverlapJoiner
from qal.captions.options import SessionOptions
from qal.captions.segmenter import SpeechSegment
from qal.engine.engine import Transcript
from qal.engine.languages import HeldLanguage
from qal.engine.words import Word, move_words


@dataclass(frozen=True)
class Caption:
    """The text of one segment, timed from the beginning of the stream.

    A caption replaces an earlier caption with the same index. A final caption without text removes a tentative one.
    Indices rise; some are skipped."""

    index: int
    start_s: float
    end_s: float
    text: str
    final: bool
    committed: int = 0  # number of characters of a tentative text that no later tentative text changes
    words: tuple[Word, ...] = ()  # of a final text, timed from the beginning of the stream
    language: str | None = None  # of a final transcription; None for a translation


class FinalCaptions:
    """Decides the final captions of one session, segment after segment.

    Args:
        language: a language code; None holds the language that is detected on the first segment that is long enough,
            and another one after two successive segments in it.
        options: how captions are made.
        task: "transcribe" or "translate" (to English).
    """

    def __init__(self, language: str | None, options: SessionOptions, task: str):
        self.spoken = HeldLanguage(language, options.languages)
        self.previous_text = ""
        self._options, self._task = options, task
        self._joiner = OverlapJoiner() if options.mode == "chunks" else None

    @property
    def language(self) -> str | None:
        """The chosen language, or the held one; None until there is one."""
        return self.spoken.language

    def is_long_enough(self, segment: SpeechSegment) -> bool:
        """True if the language of the segment can be detected."""
        return segment.end_s - segment.start_s >= self._options.language_s

    @property
    def pending_sample(self) -> int | None:
        """First sample of the words that wait for the next chunk; None if there are none."""
        start_s = self._joiner.pending_start_s if self._joiner else None
        return None if start_s is None else int(start_s * SAMPLE_RATE)

    def decide(self, segment: SpeechSegment, transcript: Transcript | None, had_tentative: bool) -> list[Caption]:
        """Returns the final captions of an ended segment, and updates the held language and the previous text.

        Args:
            segment: the segment.
            transcript: its transcript; None if there is no text, or none to show.
            had_tentative: whether a tentative caption of the segment was shown; a caption without text removes it.
        """
        if transcript:
            self._update_context(segment, transcript)
        if self._joiner:
            return self._joined_captions(self._joiner, segment, transcript)
        if transcript:
            words, language = _in_stream(transcript.words, segment), self._spoken_language(transcript)
            return [segment_caption(segment, transcript.text, final=True, words=words, language=language)]
        return [segment_caption(segment, "", final=True)] if had_tentative else []

    def _update_context(self, segment: SpeechSegment, transcript: Transcript) -> None:
        """Updates the held language and the previous text; text with a loop is not used as context."""
        if self.is_long_enough(segment):
            self.spoken.add(transcript.language, transcript.other_language)
        if self._options.previous_text:
            self.previous_text = "" if has_loop(transcript.text) else transcript.text

    def _joined_captions(
        self, joiner: OverlapJoiner, segment: SpeechSegment, transcript: Transcript | None
    ) -> list[Caption]:
        """Returns a chunk's words without those of its overlap with the next chunk."""
        start, end = segment.start_sample, segment.start_sample + len(segment.samples)
        overlap_start_s = (end - segment.overlap_samples) / SAMPLE_RATE if segment.overlap_samples else inf
        words = _in_stream(transcript.words, segment) if transcript else ()
        final_words = joiner.join(words, start / SAMPLE_RATE, overlap_start_s)
        text = "".join(w.text for w in final_words).strip()
        if not text:
            return []
        times = final_words[0].start_s, final_words[-1].end_s
        language = self._spoken_language(transcript)
        return [Caption(segment.index, *times, text, final=True, words=tuple(final_words), language=language)]

    def _spoken_language(self, transcript: Transcript | None) -> str | None:
        """Returns the language of a transcription, and None for a translation.

        A chunk without a transcript can still end with pending words, which are in the held language."""
        if self._task == "translate":
            return None
        return transcript.language if transcript else self.language


def segment_caption(segment: SpeechSegment, text: str, final: bool, **fields) -> Caption:
    """Makes a caption with the times of a segment."""
    return Caption(segment.index, segment.start_s, segment.end_s, text, final, **fields)


def _in_stream(words: tuple[Word, ...], segment: SpeechSegment) -> tuple[Word, ...]:
    """Returns the words with times from the beginning of the stream instead of the segment."""
    return move_words(words, segment.start_sample / SAMPLE_RATE)
