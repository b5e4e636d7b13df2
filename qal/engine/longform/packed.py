"""The strategy "packed": stretches of speech between pauses, decoded in batches of like length.

regions     ▄▄ ▄▄▄   ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄      ▄▄▄▄   ▄▄
cut         ▄▄ ▄▄▄   ▄▄▄▄▄▄▄▄▄▄▄ ▄▄▄▄▄▄▄▄▄      ▄▄▄▄   ▄▄     at the quietest window
merged      [------] [---------] [-------]      [-------]     short neighbours, up to the target

It is the fastest: silence is not encoded, and the batches of weights with adaptive context are as long as their speech.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from qal.audio.samples import SAMPLE_RATE
from qal.engine.engine import ANY_LANGUAGE, Utterance
from qal.engine.languages import LanguageChoice
from qal.engine.longform.file_language import FileLanguage
from qal.engine.longform.regions import MergedRegion, group_regions, merge, merged_regions
from qal.engine.longform.sections import Section
from qal.engine.longform.segment import to_segment
from qal.engine.longform.settled import Continuation, Settled
from qal.engine.longform.work import FileReader, Progress, ReadStretch, Stretch, read_sections


class PackedStrategy:
    """Reads the stretches of speech of sections."""

    def __init__(self, reader: FileReader, language: FileLanguage):
        self._reader, self._language = reader, language
        self._target_s = reader.options.stretch_s(reader.engine.ability.adaptive)
        self._max_pause_s = reader.options.max_pause_s
        self._cuts_pauses = reader.options.cuts_pauses(reader.engine.ability.adaptive)

    def read(self, sections: Iterable[Section], progress: Progress) -> Iterator[Settled]:
        """Yields the segments of each section."""
        for done in read_sections(self._reader, sections, self._plan, progress):
            segments = [
                to_segment(reading, stretch.region, stretch.language_probability)
                for stretch, readings in in_other_languages(self._reader, done.stretches)
                for reading in readings
            ]
            yield Settled(segments, done.section.end_s, Continuation(self._language.language))

    def _plan(self, section: Section) -> list[Stretch]:
        if self._language.is_per_stretch:
            return self._plan_languages(section)
        regions = merged_regions(section, self._target_s, self._max_pause_s, self._cuts_pauses)
        self._language.listen(section, regions)
        speech_s = [(region.speech_end - region.speech_start) / SAMPLE_RATE for region in regions]
        choices = [self._language.choose(duration_s) for duration_s in speech_s]
        return [
            Stretch(region, self._utterance(region, section, choice))
            for region, choice in zip(regions, choices, strict=True)
        ]

    def _plan_languages(self, section: Section) -> list[Stretch]:
        """Detects the language of each region before neighbours in the same language are merged."""
        detected = zip(section.regions, self._language.of_stretches(section), strict=True)
        stretches = []
        for language, run in groupby(detected, key=lambda pair: pair[1].language):
            probabilities = dict(run)
            for group in group_regions(list(probabilities), self._target_s, self._max_pause_s, self._cuts_pauses):
                region = merge(group, section, self._cuts_pauses)
                utterance = self._utterance(region, section, LanguageChoice(language, ANY_LANGUAGE))
                surest = max(probabilities[part].probability or 0.0 for part in group)
                stretches.append(Stretch(region, utterance, surest))
        return stretches

    def _utterance(self, region: MergedRegion, section: Section, choice: LanguageChoice) -> Utterance:
        return Utterance(
            region.cut(section.samples, section.start),
            choice.language,
            self._reader.task,
            region.speech_probability,
            detection=choice.detection,
            on_grid=True,
        )


def in_other_languages(reader: FileReader, stretches: Sequence[ReadStretch]) -> list[ReadStretch]:
    """Reads those stretches again that were read in the held language although they and a neighbour are likely in
    another one; returns all stretches."""
    result = list(stretches)
    for language, indices in contradicting(stretches).items():
        again = [replace(stretches[i].stretch.utterance, language=language, detection=ANY_LANGUAGE) for i in indices]
        for i, readings in zip(indices, reader.read(again), strict=True):
            result[i] = ReadStretch(stretches[i].stretch, readings)
    return result


def contradicting(stretches: Sequence[ReadStretch]) -> dict[str, list[int]]:
    """Returns the indices of the stretches that are likely in another language than they were read in, by language."""
    first = [readings[0].transcript if readings else None for _, readings in stretches]
    others = [transcript.other_language if transcript else None for transcript in first]
    found: dict[str, list[int]] = {}
    for i, (transcript, other) in enumerate(zip(first, others, strict=True)):
        has_neighbour = other in [*others[max(0, i - 1) : i], *others[i + 1 : i + 2]]
        if transcript and other and has_neighbour and transcript.language != other:
            found.setdefault(other, []).append(i)
    return found
