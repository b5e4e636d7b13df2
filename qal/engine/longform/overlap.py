"""The strategy "overlap": windows of 30 s that overlap by 5 s, joined where both have the same words.

window 1   |--- 30 s ------------------|
window 2                          |--- 30 s ------------------|
words 1    a b c d e f g h i j k l m n
words 2                           k l m n o p q r s t
joined     a b c d e f g h i j k l m n o p q r s t            in the middle of the words that agree

Nothing is cut out, so that speech that the voice activity detection misses (quiet or far away, sung) is read, too. The
windows of a section are decoded in batches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from qal.audio.samples import SAMPLE_RATE, WINDOW_SAMPLES
from qal.engine.engine import Utterance
from qal.engine.longform.file_language import FileLanguage
from qal.engine.longform.packed import in_other_languages
from qal.engine.longform.regions import MergedRegion, merged_regions, window_region
from qal.engine.longform.sections import Section
from qal.engine.longform.segment import Segment, to_segment
from qal.engine.longform.settled import Continuation, Settled
from qal.engine.longform.work import FileReader, Progress, ReadStretch, Stretch, read_sections
from qal.engine.words import Word
from qal.text.normalisation.basic import normalise_basic

OVERLAP_S = 5.0
STEP_SAMPLES = WINDOW_SAMPLES - round(OVERLAP_S * SAMPLE_RATE)
MAX_SHIFT_S = 1.0  # between the times of a word in two windows


class OverlapStrategy:
    """Reads the overlapping windows of sections."""

    def __init__(self, reader: FileReader, language: FileLanguage):
        with_words = reader.decoding.model_copy(update={"words": True})  # the windows are joined at words
        self._reader = replace(reader, decoding=with_words)
        self._keeps_words = reader.decoding.words
        self._language = language

    def read(self, sections: Iterable[Section], progress: Progress) -> Iterator[Settled]:
        """Yields the segments of each section."""
        for done in read_sections(self._reader, sections, self._plan, progress):
            windows = [_window_segments(window) for window in in_other_languages(self._reader, done.stretches)]
            segments = join_windows(windows, [stretch.region for stretch, _ in done.stretches])
            if not self._keeps_words:
                segments = [replace(segment, words=()) for segment in segments]
            yield Settled(segments, done.section.end_s, Continuation(self._language.language))

    def _plan(self, section: Section) -> list[Stretch]:
        options = self._reader.options
        target_s = options.stretch_s(self._reader.engine.ability.adaptive)
        self._language.listen(section, merged_regions(section, target_s, options.max_pause_s))
        return [self._stretch(region, section) for region in windows_of(section)]

    def _stretch(self, region: MergedRegion, section: Section) -> Stretch:
        language, detection = self._language.choose(region.duration_s)
        utterance = Utterance(
            section.cut(region.start, region.end),
            language,
            self._reader.task,
            region.speech_probability,
            detection=detection,
            on_grid=True,
        )
        return Stretch(region, utterance)


def windows_of(section: Section) -> list[MergedRegion]:
    """Returns the overlapping windows of a section, silence included; none if it has no speech at all.

    The last one is as long as what is left."""
    last = max(section.start + 1, section.end - round(OVERLAP_S * SAMPLE_RATE))
    starts = range(section.start, last, STEP_SAMPLES)
    return [window_region(section, start, min(section.end, start + WINDOW_SAMPLES)) for start in starts]


def _window_segments(window: ReadStretch) -> list[Segment]:
    return [to_segment(reading, window.stretch.region) for reading in window.readings]


class Cut(NamedTuple):
    """Where two windows are joined: words of the left one that are kept, and of the right one that are left out."""

    kept: int
    skipped: int


def join_windows(windows: Sequence[Sequence[Segment]], regions: Sequence[MergedRegion]) -> list[Segment]:
    """Joins the segments of windows that overlap, so that each word of an overlap is in one segment."""
    words = [[word for segment in segments for word in segment.words] for segments in windows]
    cuts = [
        find_cut(left, right, after.start / SAMPLE_RATE, before.end / SAMPLE_RATE)
        for (left, right), (before, after) in zip(pairwise(words), pairwise(regions), strict=True)
    ]
    skipped = [0, *(cut.skipped for cut in cuts)]
    kept = [*(cut.kept for cut in cuts), len(words[-1]) if words else 0]
    return [
        segment
        for segments, first, end in zip(windows, skipped, kept, strict=False)
        for segment in _trimmed(segments, first, end)
    ]


def find_cut(left: Sequence[Word], right: Sequence[Word], overlap_start_s: float, overlap_end_s: float) -> Cut:
    """Finds where the words of two windows are joined.

    They are joined at the word that is nearest to the middle of the overlap, of those that both windows have at the
    same time in the longest common run; without such words in the middle itself."""
    middle_s = (overlap_start_s + overlap_end_s) / 2
    first = sum(word.end_s <= overlap_start_s for word in left)
    last = sum(word.start_s < overlap_end_s for word in right)
    before = [normalise_basic(word.text) for word in left[first:]]
    after = [normalise_basic(word.text) for word in right[:last]]
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    pairs = [
        [(first + block.a + k, block.b + k) for k in range(block.size)]
        for block in blocks
        if block.size and abs(left[first + block.a].start_s - right[block.b].start_s) <= MAX_SHIFT_S
    ]
    if pairs:
        i, j = min(max(pairs, key=len), key=lambda pair: abs(_centre_s(left[pair[0]]) - middle_s))
        return Cut(i, j)
    return Cut(*(sum(_centre_s(word) < middle_s for word in words) for words in (left, right)))


def _centre_s(word: Word) -> float:
    return (word.start_s + word.end_s) / 2


def _trimmed(segments: Sequence[Segment], first: int, end: int) -> Iterator[Segment]:
    """Yields the segments of a window with those of its words whose number is in [first, end)."""
    number = 0
    for segment in segments:
        count = len(segment.words)
        words = segment.words[max(0, first - number) : max(0, end - number)]
        number += count
        if len(words) == count:
            yield segment
        elif words:
            text = "".join(word.text for word in words).strip()
            yield replace(segment, start_s=words[0].start_s, end_s=words[-1].end_s, text=text, words=words)
