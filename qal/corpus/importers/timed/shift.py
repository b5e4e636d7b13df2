"""Finds out if the cues of a recording are all too early or too late, or drift, by its speech.

Subtitles that were made for another cut begin some seconds earlier or later; those for a film at 25 frames per second
drift by 4 % against the same film at 23.976, and two clocks drift by some hundredths of a percent. The cues are laid
over the speech at each offset and at each of these rates; the best one is used where it is clearly better than the
times as they are. Cues without gaps between them are compared by their starts alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import FRAMES_PER_SECOND
from qal.corpus.importers.timed.activity import SpeechActivity
from qal.corpus.importers.timed.cues import Cue

STEP_S = 0.02
MAX_OFFSET_S = 60.0
MIN_CUES = 5
MIN_OFFSET_S = 0.08  # smaller ones are left to the borders
FILM_RATES = (24000 / 1001, 24.0, 25.0)
CLOCK_DRIFT = 0.0002  # step of the rates near 1
CLOCK_STEPS = 20
RATES = (
    1.0,
    *sorted({a / b for a in FILM_RATES for b in FILM_RATES if a != b}),
    *(1 + sign * step * CLOCK_DRIFT for step in range(1, CLOCK_STEPS + 1) for sign in (1, -1)),
)
MAX_RATE = max(RATES)
MIN_CORRELATION = 0.35
MIN_GAIN = 0.02  # of the correlation over that of the times as they are
MIN_LEAD = 0.06  # of the correlation over that at any other place
NEIGHBOURHOOD_S = 2.0  # around the best offset, in which other offsets are no other place
MIN_RATE_GAIN = 0.03  # of the correlation, from which another rate than 1 is believed
ONSET_WIDTH_S = 0.2  # standard deviation of the times of starts

Steps = NDArray[np.float64]  # (steps,) a value each STEP_S of a recording
Signal = Callable[[Sequence[tuple[float, float]]], Steps]  # of ranges of seconds


@dataclass(frozen=True)
class Shift:
    """A correction of times: corrected = time * rate + offset."""

    offset_s: float = 0.0
    rate: float = 1.0

    def applied(self, cue: Cue) -> Cue:
        start_s, end_s = (time_s * self.rate + self.offset_s for time_s in (cue.start_s, cue.end_s))
        return replace(cue, start_s=start_s, end_s=end_s)

    def __str__(self) -> str:
        """Describes the correction, such as "moved by +1.24 s"."""
        drift = f" and stretched by {100 * (self.rate - 1):+.2f} %" if self.rate != 1 else ""
        return f"moved by {self.offset_s:+.2f} s{drift}"


NO_SHIFT = Shift()


@dataclass(frozen=True)
class _Fit:
    """How well the cues fit the speech at their best offset, at one rate."""

    shift: Shift
    correlation: float
    unshifted: float  # the correlation at the offset 0
    elsewhere: float  # the best correlation at other places


def estimate_shift(cues: Sequence[Cue], activity: SpeechActivity) -> Shift:
    """Returns the correction of the cues' times; NO_SHIFT where there is none or it is not clear."""
    cues = [cue for cue in cues if cue.end_s <= activity.duration_s * MAX_RATE + MAX_OFFSET_S]
    runs = [(run.start / FRAMES_PER_SECOND, run.end / FRAMES_PER_SECOND) for run in activity.runs()]
    if len(cues) < MIN_CUES or not runs:
        return NO_SHIFT
    for signal in (_covered, _onsets):
        best = _best_fit(cues, runs, signal)
        if best:
            is_needed = best.shift.rate != 1 or abs(best.shift.offset_s) >= MIN_OFFSET_S
            return best.shift if is_needed else NO_SHIFT
    return NO_SHIFT


def _best_fit(cues: Sequence[Cue], runs: Sequence[tuple[float, float]], signal: Signal) -> _Fit | None:
    """Returns the best fit by one signal; None if it is not clear. The times as they are need no lead to be best."""
    speech = signal(runs)
    fits = [_fit(cues, speech, rate, signal) for rate in RATES]
    best = max(fits, key=lambda fit: fit.correlation)
    if best.shift.rate != 1 and best.correlation - fits[0].correlation < MIN_RATE_GAIN:
        best = fits[0]
    has_gained = best.correlation - fits[0].unshifted >= MIN_GAIN or abs(best.shift.offset_s) < MIN_OFFSET_S
    has_lead = best.correlation - best.elsewhere >= MIN_LEAD
    return best if best.correlation >= MIN_CORRELATION and has_gained and has_lead else None


def _fit(cues: Sequence[Cue], speech: Steps, rate: float, signal: Signal) -> _Fit:
    """Correlates the cues at one rate with the speech, at every offset."""
    steps = round(MAX_OFFSET_S / STEP_S)
    shown = signal([(cue.start_s * rate, cue.end_s * rate) for cue in cues])
    size = 1 << (max(len(speech), len(shown)) + steps).bit_length()
    product = np.fft.irfft(np.fft.rfft(_centred(speech), size) * np.conj(np.fft.rfft(_centred(shown), size)), size)
    by_offset = np.concatenate([product[-steps:], product[: steps + 1]])  # offsets -steps to steps
    norm = np.linalg.norm(_centred(speech)) * np.linalg.norm(_centred(shown))
    correlation = by_offset / norm if norm else np.zeros_like(by_offset)
    best = int(np.argmax(correlation))
    near = round(NEIGHBOURHOOD_S / STEP_S)
    others = np.concatenate([correlation[: max(0, best - near)], correlation[best + near :], [0.0]])
    shift = Shift(round((best - steps) * STEP_S, 3), rate)
    return _Fit(shift, float(correlation[best]), float(correlation[steps]), float(others.max()))


def _centred(values: Steps) -> Steps:
    return values - values.mean()


def _covered(ranges: Sequence[tuple[float, float]]) -> Steps:
    """Returns 1 for each step within a range, else 0."""
    covered = np.zeros(int(max(end_s for _, end_s in ranges) / STEP_S) + 2)
    for start_s, end_s in ranges:
        covered[round(start_s / STEP_S) : round(end_s / STEP_S)] = 1
    return covered


def _onsets(ranges: Sequence[tuple[float, float]]) -> Steps:
    """Returns a bell around the start of each range; those of speech after a longer pause count more."""
    onsets = np.zeros(int(max(end_s for _, end_s in ranges) / STEP_S) + 2)
    previous_end_s = None
    for start_s, end_s in ranges:
        pause_s = 1.0 if previous_end_s is None else min(1.0, max(0.2, start_s - previous_end_s))
        onsets[round(start_s / STEP_S)] += pause_s
        previous_end_s = end_s
    reach = round(3 * ONSET_WIDTH_S / STEP_S)
    bell = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) * STEP_S / ONSET_WIDTH_S))
    return np.convolve(onsets, bell, mode="same") if len(onsets) > len(bell) else onsets
