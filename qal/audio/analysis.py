"""Analysis of an audio file of any length in one pass: quality, speech, and the data for its plot."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.audio.blocks import AudioFormat, Block, read_audio_format, read_blocks
from qal.audio.gate import DEFAULT_GATE, Gate, Region
from qal.audio.overview import Overview, Values
from qal.audio.quality import LevelMeter, LoudnessMeter, Quality, least_snr_db, snr_db, window_powers
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, VadStream

MAX_ANALYSIS_S = 2 * 3600
MAX_OUTLINE_COLUMNS = 16_384  # many times the width of a screen, so that the view can zoom in
MAX_MEL_COLUMNS = 8_000  # 80 s at full detail

Progress = Callable[[float, float], object]  # (analysed seconds, total seconds)
SpeechIntervals = list[tuple[float, float]]  # (start, end) in seconds


@dataclass(frozen=True)
class AudioAnalysis:
    """The result of `analyse`."""

    audio_format: AudioFormat
    quality: Quality
    speech: SpeechIntervals
    outline: Values  # (2, columns): lowest and highest sample
    outline_s: float  # seconds per column of the outline
    mel: Values  # (n_mels, columns), log10 of the power
    mel_s: float  # seconds per column of mel
    notes: tuple[str, ...] = ()  # sentences on what was done so that the file could be read


def analyse(
    path: Path, max_duration_s: float = MAX_ANALYSIS_S, progress: Progress = lambda done_s, total_s: None
) -> AudioAnalysis:
    """Analyses a file in bounded memory and in less than a hundredth of its duration.

    Args:
        path: the audio file.
        max_duration_s: longer files are refused.
        progress: called after each block with the analysed seconds and the declared duration in seconds.

    Raises:
        AudioDecodeError: the file is missing, not audio, empty or too long."""
    audio_format = read_audio_format(path)
    analyser = AudioAnalyser(audio_format)
    for block in read_blocks(path, max_duration_s):
        analyser.feed(block)
        progress(analyser.duration_s, max(audio_format.declared_duration_s, analyser.duration_s))
    return analyser.finish()


class AudioAnalyser:
    """Analyses a stream of blocks. Feed all blocks, then call `finish` once."""

    def __init__(self, audio_format: AudioFormat):
        self._format = audio_format
        self._native_samples = 0
        self._notes: tuple[str, ...] = ()
        self._levels = LevelMeter(audio_format.channels)
        self._loudness = LoudnessMeter(audio_format.rate_hz, audio_format.channels)
        self._overview = Overview(MAX_OUTLINE_COLUMNS, MAX_MEL_COLUMNS)
        self._vad = VadStream()
        self._powers: list[NDArray[np.float64]] = []
        self._probabilities: list[NDArray[np.float32]] = []
        self._pending = np.zeros(0, np.float32)  # less than one VAD window

    @property
    def duration_s(self) -> float:
        """Duration of the blocks fed so far."""
        return self._native_samples / self._format.rate_hz

    def feed(self, block: Block) -> None:
        """Adds the next block of the file."""
        self._native_samples += block.native.shape[1]
        self._notes = block.notes
        self._levels.feed(block.native)
        self._loudness.feed(block.native)
        self._overview.feed(block.samples)
        self._probabilities.append(self._vad.feed(block.samples))
        self._measure_windows(block.samples)

    def _measure_windows(self, samples: Samples) -> None:
        self._pending = np.concatenate([self._pending, samples])
        self._powers.append(window_powers(self._pending))
        self._pending = self._pending[len(self._powers[-1]) * VAD_WINDOW :]

    def finish(self) -> AudioAnalysis:
        """Returns the analysis of all blocks. Nothing may be fed after it."""
        self._overview.flush()
        speech = self._speech()
        return AudioAnalysis(
            audio_format=self._format,
            quality=self._quality(speech),
            speech=speech,
            outline=self._overview.outline,
            outline_s=self._overview.outline_samples / SAMPLE_RATE,
            mel=self._overview.mel,
            mel_s=self._overview.mel_samples / SAMPLE_RATE,
            notes=self._notes,
        )

    def _speech(self) -> SpeechIntervals:
        gate = Gate(DEFAULT_GATE)
        return speech_intervals(gate.feed(np.concatenate(self._probabilities)) + gate.flush())

    def _quality(self, speech: SpeechIntervals) -> Quality:
        probabilities, powers = np.concatenate(self._probabilities), np.concatenate(self._powers)
        speech_s = sum(end_s - start_s for start_s, end_s in speech)
        return Quality(
            duration_s=self.duration_s,
            rate_hz=self._format.rate_hz,
            channels=self._format.channels,
            peak_db=self._levels.peak_db,
            clipped_share=self._levels.clipped_share,
            loudness_lufs=self._loudness.flush(),
            snr_db=snr_db(powers, probabilities),
            least_snr_db=least_snr_db(powers, probabilities),
            speech_share=min(1.0, speech_s / self.duration_s),
        )


def speech_intervals(regions: list[Region]) -> SpeechIntervals:
    """Converts the gate's regions to intervals of speech in seconds; regions that a forced cut split are joined."""
    joined: list[tuple[int, int]] = []
    for region in regions:
        is_continued = bool(joined) and joined[-1][1] == region.speech_start
        start = joined.pop()[0] if is_continued else region.speech_start
        joined.append((start, region.speech_end))
    return [(start * VAD_WINDOW / SAMPLE_RATE, end * VAD_WINDOW / SAMPLE_RATE) for start, end in joined]
