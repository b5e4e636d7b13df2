"""A file looked through once, however long: how good it is, where speech is, and what is drawn of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.audio.blocks import Block, SoundFormat, read_blocks, sound_format
from qal.audio.gate import DEFAULT_GATE, Gate, Region
from qal.audio.overview import Overview, Values
from qal.audio.quality import LevelMeter, LoudnessMeter, Quality, least_snr_db, snr_db, window_powers
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, VadStream

MAX_SURVEY_S = 2 * 3600  # of a file
MAX_OUTLINE = 16_384  # columns; many times what a screen has, so that there is something to zoom into
MAX_FRAMES = 8_000  # columns of the log-mel: 80 s at full detail

Progress = Callable[[float, float], object]
Stretches = list[tuple[float, float]]  # (start, end) in seconds


@dataclass(frozen=True)
class Survey:
    form: SoundFormat
    quality: Quality
    speech: Stretches
    outline: Values  # (2, columns): lowest and highest sample
    outline_s: float  # a column
    mel: Values  # (n_mels, columns), log10 of the power
    mel_s: float  # a column


def survey(
    path: Path, max_duration_s: float = MAX_SURVEY_S, progress: Progress = lambda done_s, said_s: None
) -> Survey:
    """Takes little memory and less than a hundredth of the file's duration. `progress` gets the seconds that are done,
    and how many there are as the file says.

    Raises AudioDecodeError: no such file, not audio, empty, too long."""
    form = sound_format(path)
    surveyor = Surveyor(form)
    for block in read_blocks(path, max_duration_s):
        surveyor.feed(block)
        progress(surveyor.duration_s, max(form.said_s, surveyor.duration_s))
    return surveyor.finish()


class Surveyor:
    def __init__(self, form: SoundFormat):
        self._form = form
        self._samples = 0  # of the file's own
        self._levels, self._loudness = LevelMeter(form.channels), LoudnessMeter(form.rate_hz, form.channels)
        self._overview, self._vad = Overview(MAX_OUTLINE, MAX_FRAMES), VadStream()
        self._powers: list[NDArray[np.float64]] = []
        self._probabilities: list[NDArray[np.float32]] = []
        self._pending = np.zeros(0, np.float32)  # not yet a VAD window

    @property
    def duration_s(self) -> float:
        return self._samples / self._form.rate_hz

    def feed(self, block: Block) -> None:
        self._samples += block.native.shape[1]
        self._levels.feed(block.native)
        self._loudness.feed(block.native)
        self._overview.feed(block.heard)
        self._probabilities.append(self._vad.feed(block.heard))
        self._measure_windows(block.heard)

    def _measure_windows(self, heard: Samples) -> None:
        self._pending = np.concatenate([self._pending, heard])
        self._powers.append(window_powers(self._pending))
        self._pending = self._pending[len(self._powers[-1]) * VAD_WINDOW :]

    def finish(self) -> Survey:
        self._overview.flush()
        probabilities, powers = np.concatenate(self._probabilities), np.concatenate(self._powers)
        gate = Gate(DEFAULT_GATE)
        speech = speech_stretches(gate.feed(probabilities) + gate.flush())
        spoken_s = sum(end_s - start_s for start_s, end_s in speech)
        quality = Quality(
            self.duration_s,
            self._form.rate_hz,
            self._form.channels,
            self._levels.peak_db,
            self._levels.clipped_share,
            self._loudness.flush(),
            snr_db(powers, probabilities),
            least_snr_db(powers, probabilities),
            min(1.0, spoken_s / self.duration_s),
        )
        drawn = self._overview
        outline_s, mel_s = drawn.outline_samples / SAMPLE_RATE, drawn.mel_samples / SAMPLE_RATE
        return Survey(self._form, quality, speech, drawn.outline, outline_s, drawn.mel, mel_s)


def speech_stretches(regions: list[Region]) -> Stretches:
    """The speech in the gate's regions; where the gate only cut what was too long, one stretch."""
    joined: list[tuple[int, int]] = []
    for region in regions:
        start = joined.pop()[0] if joined and joined[-1][1] == region.speech_start else region.speech_start
        joined.append((start, region.speech_end))
    return [(start * VAD_WINDOW / SAMPLE_RATE, end * VAD_WINDOW / SAMPLE_RATE) for start, end in joined]
