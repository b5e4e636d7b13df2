"""Regions of speech of a file, and neighbours of them that are decoded as one utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from qal.audio.gate import Gate, Region
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, VadStream
from qal.engine.longform.options import LongformOptions

WINDOWS_PER_SECOND = SAMPLE_RATE / VAD_WINDOW


@dataclass(frozen=True)
class MergedRegion:
    """Neighbouring regions of speech that are decoded as one utterance: samples [start, end) of a file."""

    start: int  # with the pre-roll
    end: int  # with the post-roll
    speech_start: int
    speech_end: int
    speech_probability: float  # highest of the regions

    def cut(self, samples: Samples) -> Samples:
        """Returns the region's part of the file's samples."""
        return samples[self.start : self.end]


def find_merged_regions(samples: Samples, target_s: float, options: LongformOptions) -> list[MergedRegion]:
    """Finds the speech of a file and merges neighbouring regions up to target_s."""
    longest_s = min(target_s, options.gate.max_segment_s)
    gate = Gate(options.gate.model_copy(update={"max_segment_s": longest_s}))
    regions = gate.feed(VadStream().feed(samples)) + gate.flush()
    return [
        MergedRegion(
            start=group[0].start * VAD_WINDOW,
            end=group[-1].end * VAD_WINDOW,
            speech_start=group[0].speech_start * VAD_WINDOW,
            speech_end=group[-1].speech_end * VAD_WINDOW,
            speech_probability=max(region.peak_probability for region in group),
        )
        for group in group_regions(regions, target_s, options.max_pause_s)
    ]


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
