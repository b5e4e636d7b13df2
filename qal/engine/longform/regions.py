"""Regions of speech of a file, and neighbours of them that are decoded as one utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

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

    @property
    def duration_s(self) -> float:
        return (self.end - self.start) / SAMPLE_RATE

    def cut(self, samples: Samples) -> Samples:
        """Returns the region's part of the file's samples."""
        return samples[self.start : self.end]


def find_merged_regions(samples: Samples, target_s: float, options: LongformOptions) -> list[MergedRegion]:
    """Finds the speech of a file and merges neighbouring regions up to target_s."""
    sections = stream_sections([samples], gate_options(target_s, options))
    return [merged for section in sections for merged in merged_regions(section, target_s, options.max_pause_s)]


def gate_options(target_s: float, options: LongformOptions) -> GateOptions:
    """Returns the options of the gate for speech that is cut at target_s at the latest."""
    return options.gate.model_copy(update={"max_segment_s": min(target_s, options.gate.max_segment_s)})


def merged_regions(section: Section, target_s: float, max_pause_s: float) -> list[MergedRegion]:
    """Merges the neighbouring regions of a section up to target_s."""
    return [merge(group, section) for group in group_regions(section.regions, target_s, max_pause_s)]


def merge(group: Sequence[Region], section: Section) -> MergedRegion:
    """Merges regions of a section that follow each other."""
    return MergedRegion(
        start=section.start + group[0].start * VAD_WINDOW,
        end=section.start + group[-1].end * VAD_WINDOW,
        speech_start=section.start + group[0].speech_start * VAD_WINDOW,
        speech_end=section.start + group[-1].speech_end * VAD_WINDOW,
        speech_probability=max(region.peak_probability for region in group),
    )


def window_region(section: Section, start: int, end: int) -> MergedRegion:
    """Returns the samples [start, end) of a file as a region, with the highest speech probability in them."""
    first, last = (start - section.start) / VAD_WINDOW, (end - section.start) / VAD_WINDOW
    peaks = [r.peak_probability for r in section.regions if r.speech_start < last and first < r.speech_end]
    return MergedRegion(start, end, start, end, max(peaks, default=0.0))


def group_regions(regions: Sequence[Region], target_s: float, max_pause_s: float) -> list[list[Region]]:
    """Groups neighbours so that no group is longer than target_s or contains a pause over max_pause_s."""
    groups = [[region] for region in regions[:1]]
    for previous, region in pairwise(regions):
        duration_s = (region.end - groups[-1][0].start) / WINDOWS_PER_SECOND
        pause_s = (region.speech_start - previous.speech_end) / WINDOWS_PER_SECOND
        if duration_s <= target_s and pause_s <= max_pause_s:
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups
