"""Regions of speech of a file, and neighbours of them that are decoded as one utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from qal.audio.gate import GateOptions, Region
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.sections import Section, stream_sections

WINDOWS_PER_SECOND = SAMPLE_RATE / VAD_WINDOW


@dataclass(frozen=True)
class MergedRegion:
    """Neighbouring regions of speech that are decoded as one utterance: samples [start, end) of a file."""

    start: int  # with the pre-roll
    end: int  # with the post-roll
    speech_start: int
    speech_end: int
    speech_probability: float  # highest of the regions
    pieces: tuple[tuple[int, int], ...] = ()  # [start, end) of its parts if the pauses are left out; (): they are not

    @property
    def duration_s(self) -> float:
        return (self.end - self.start) / SAMPLE_RATE

    def cut(self, samples: Samples, first: int = 0) -> Samples:
        """Returns the region's part of the samples of a file, or of those from the sample `first` on."""
        if not self.pieces:
            return samples[self.start - first : self.end - first]
        return np.concatenate([samples[start - first : end - first] for start, end in self.pieces])

    def file_time_s(self, time_s: float, is_end: bool = False) -> float:
        """Converts a time from the start of the cut samples to one from the start of the file.

        The end of something that ends with a piece is not moved over the pause (`is_end`)."""
        left_s = time_s
        for i, (start, end) in enumerate(self.pieces):
            duration_s = (end - start) / SAMPLE_RATE
            if left_s < duration_s or (is_end and left_s == duration_s) or i == len(self.pieces) - 1:
                return start / SAMPLE_RATE + left_s
            left_s -= duration_s
        return self.start / SAMPLE_RATE + time_s


def find_merged_regions(samples: Samples, target_s: float, options: LongformOptions) -> list[MergedRegion]:
    """Finds the speech of a file and merges neighbouring regions up to target_s, with the pauses between them."""
    group = partial(group_regions, target_s=target_s, max_pause_s=options.max_pause_s)
    sections = stream_sections([samples], gate_options(target_s, options), group=group)
    return [merged for section in sections for merged in merged_regions(section, target_s, options.max_pause_s)]


def gate_options(target_s: float, options: LongformOptions) -> GateOptions:
    """Returns the options of the gate for speech that is cut at target_s at the latest."""
    return options.gate.model_copy(update={"max_segment_s": min(target_s, options.gate.max_segment_s)})


def merged_regions(
    section: Section, target_s: float, max_pause_s: float, cuts_pauses: bool = False
) -> list[MergedRegion]:
    """Merges the neighbouring regions of a section up to target_s."""
    groups = group_regions(section.regions, target_s, max_pause_s, cuts_pauses)
    return [merge(group, section, cuts_pauses) for group in groups]


def merge(group: Sequence[Region], section: Section, cuts_pauses: bool = False) -> MergedRegion:
    """Merges regions of a section that follow each other."""
    places = [(section.start + r.start * VAD_WINDOW, section.start + r.end * VAD_WINDOW) for r in group]
    return MergedRegion(
        start=places[0][0],
        end=places[-1][1],
        speech_start=section.start + group[0].speech_start * VAD_WINDOW,
        speech_end=section.start + group[-1].speech_end * VAD_WINDOW,
        speech_probability=max(region.peak_probability for region in group),
        pieces=tuple(places) if cuts_pauses and len(places) > 1 else (),
    )


def window_region(section: Section, start: int, end: int) -> MergedRegion:
    """Returns the samples [start, end) of a file as a region, with the highest speech probability in them."""
    first, last = (start - section.start) / VAD_WINDOW, (end - section.start) / VAD_WINDOW
    peaks = [r.peak_probability for r in section.regions if r.speech_start < last and first < r.speech_end]
    return MergedRegion(start, end, start, end, max(peaks, default=0.0))


def group_regions(
    regions: Sequence[Region], target_s: float, max_pause_s: float, cuts_pauses: bool = False
) -> list[list[Region]]:
    """Groups neighbours so that no group is longer than target_s or contains a pause over max_pause_s.

    If `cuts_pauses`, the pauses between the regions of a group do not count for its length."""
    groups = [[region] for region in regions[:1]]
    for previous, region in pairwise(regions):
        group = groups[-1]
        spoken = sum(r.end - r.start for r in [*group, region])
        duration_s = (spoken if cuts_pauses else region.end - group[0].start) / WINDOWS_PER_SECOND
        pause_s = (region.speech_start - previous.speech_end) / WINDOWS_PER_SECOND
        if duration_s <= target_s and pause_s <= max_pause_s:
            group.append(region)
        else:
            groups.append([region])
    return groups
