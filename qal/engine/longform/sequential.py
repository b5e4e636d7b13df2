"""The strategy "sequential": windows of 30 s one after the other, as in Whisper's own code (Radford et al. 2022, §3.8).

window 1   |--------- 30 s ---------|      prompt: nothing
texts      [ 0.0–6.2 ][ 6.2–24.8 ]...      the last one is not complete
window 2                       |--------- 30 s ---------|      prompt: the text before, from 24.8 s on

A window ends in a pause where there is one; the timestamps that the model writes decide where the next one starts. The
text before is the prompt, so that names and style stay the same. A text that is not plausible is read again without
the prompt, as in the other strategies, and the next window has no prompt either, so that an error is not carried on.
Nothing is decoded at the same time: this is the slowest strategy, and it needs weights that write timestamps."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from qal.audio.samples import SAMPLE_RATE, WINDOW_SAMPLES, seconds
from qal.audio.vad import VAD_WINDOW
from qal.engine.engine import Utterance
from qal.engine.longform.file_language import FileLanguage
from qal.engine.longform.regions import merged_regions, window_region
from qal.engine.longform.sections import Section
from qal.engine.longform.segment import Segment, to_segment
from qal.engine.longform.settled import Continuation, Settled
from qal.engine.longform.work import FileReader, Progress
from qal.engine.reading import Reading
from qal.engine.repetition import repeats_itself
from qal.engine.screening import is_hallucination
from qal.engine.timestamps import TimedText
from qal.engine.words import Word

MIN_REST_S = 0.3  # shorter rests of speech after a timestamp were in the text before it
MIN_WINDOW_S = 15.0
MIN_STEP_S = 1.0  # the next window starts at least this much later
PROMPT_CHARACTERS = 600  # of the text before; the decoder uses the last tokens of it


class SequentialStrategy:
    """Reads the windows of sections one after the other."""

    def __init__(self, reader: FileReader, language: FileLanguage, previous_text: str = ""):
        self._reader = reader
        self._with_times = reader.decoding.model_copy(update={"timestamps": True})
        self._language = language
        self._previous_text = previous_text
        self._begins_transcript = reader.begins_transcript

    def read(self, sections: Iterable[Section], progress: Progress) -> Iterator[Settled]:
        """Yields the segments of each section."""
        options = self._reader.options
        target_s = options.stretch_s(self._reader.engine.ability.adaptive)
        for section in sections:
            self._language.listen(section, merged_regions(section, target_s, options.max_pause_s))
            segments = [segment for window in self._windows(section) for segment in window]
            progress(seconds(section.samples))
            yield Settled(segments, section.end_s, Continuation(self._language.language, self._previous_text))

    def _windows(self, section: Section) -> Iterator[list[Segment]]:
        """Yields the segments of each window of a section."""
        start = section.start
        while (speech := _speech_from(section, start)) is not None:
            start = max(start, speech)
            end = _window_end(section, start)
            segments, next_start_s = self._read_window(section, start, end)
            yield segments
            start = end if next_start_s is None else start + round(max(MIN_STEP_S, next_start_s) * SAMPLE_RATE)

    def _read_window(self, section: Section, start: int, end: int) -> tuple[list[Segment], float | None]:
        """Reads a window. Returns its segments, and where in it the next window starts; None: at its end."""
        region = window_region(section, start, end)
        language, detection = self._language.choose(region.duration_s)
        utterance = Utterance(
            section.cut(start, end),
            language,
            self._reader.task,
            region.speech_probability,
            self._previous_text,
            detection,
            on_grid=True,
            begins_transcript=self._begins_transcript,
        )
        self._begins_transcript = False
        (transcript,) = self._reader.engine.transcribe([utterance], self._with_times)
        reading = Reading(utterance, transcript)
        screening = self._reader.options.screening
        if transcript.is_cut or repeats_itself(transcript.text) or is_hallucination(reading, screening):
            (readings,) = self._reader.read([replace(utterance, previous_text="")])
            self._previous_text = ""
            return [to_segment(part, region) for part in readings], None
        complete = complete_texts(transcript.timed_texts, seconds(utterance.samples), end == section.end)
        segments = timed_segments(to_segment(reading, region), complete) if complete else [to_segment(reading, region)]
        said = " ".join(segment.text for segment in segments)
        self._previous_text = f"{self._previous_text} {said}"[-PROMPT_CHARACTERS:]
        return segments, complete[-1].end_s if complete else None


class CompleteText(NamedTuple):
    """A part of a window's text with its times in the window."""

    start_s: float
    end_s: float
    text: str


def complete_texts(parts: Sequence[TimedText], duration_s: float, is_last: bool) -> list[CompleteText]:
    """Returns the parts of a window's text that are complete.

    The last part of a text that ends without a timestamp continues after the window. It is read again in the next one,
    unless there is none, or the window holds nothing else."""
    complete = [CompleteText(p.start_s, min(p.end_s, duration_s), p.text) for p in parts if p.end_s is not None]
    has_rest = bool(parts) and parts[-1].end_s is None
    if has_rest and (is_last or not complete):
        complete.append(CompleteText(parts[-1].start_s, duration_s, parts[-1].text))
    return complete


def timed_segments(whole: Segment, parts: Sequence[CompleteText]) -> list[Segment]:
    """Divides the segment of a window into its parts, with the words of each."""
    segments, words = [], deque(whole.words)
    for part in parts:
        start_s = min(whole.end_s, whole.start_s + part.start_s)
        own: list[Word] = []
        while words and _letters(own) < len(part.text.replace(" ", "")):
            own.append(words.popleft())
        end_s = max(start_s, min(whole.end_s, whole.start_s + part.end_s))
        if own:  # their times are finer than the model's timestamps
            start_s, end_s = own[0].start_s, own[-1].end_s
        segments.append(replace(whole, start_s=start_s, end_s=end_s, text=part.text, words=tuple(own)))
    return segments


def _letters(words: Iterable[Word]) -> int:
    return sum(len(word.text.replace(" ", "")) for word in words)


def _window_end(section: Section, start: int) -> int:
    """Returns the end of a window: 30 s, or the last pause before that which leaves MIN_WINDOW_S or more.

    Weights that write no timestamps would lose the word in which a window ends otherwise."""
    latest = start + WINDOW_SAMPLES
    if section.end <= latest:
        return section.end
    pauses = [section.start + region.end * VAD_WINDOW for region in section.regions]
    return max((p for p in pauses if start + MIN_WINDOW_S * SAMPLE_RATE <= p <= latest), default=latest)


def _speech_from(section: Section, start: int) -> int | None:
    """Returns `start` if there is speech, or the start of the next speech; None if there is none in the section."""
    for region in section.regions:
        if section.start + region.speech_end * VAD_WINDOW - start > MIN_REST_S * SAMPLE_RATE:
            return max(start, section.start + region.start * VAD_WINDOW)
    return None
