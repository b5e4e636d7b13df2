"""Quality of a recording: level, clipping, loudness and noise.

Meters are fed the blocks of a file, (channels, n) at its own rate. The block size does not change the result."""

from dataclasses import dataclass

import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from qal.audio.blocks import NativeSamples
from qal.audio.planes import frame_of
from qal.audio.samples import Samples
from qal.audio.vad import VAD_WINDOW, Probabilities

FULL_SCALE = 0.999  # share of the largest value; converters clip louder samples to it
MIN_CLIPPED_RUN_SAMPLES = 3  # a loud but unclipped wave reaches full scale for fewer consecutive samples
SILENCE_DB = -96.0  # lowest level of 16-bit audio
QUANTISATION_POWER = 2.0**-30 / 12  # of rounding to 16 bits, the lowest possible noise floor
MIN_SPEECH_PROBABILITY = 0.5  # of windows that count as speech
MAX_PAUSE_PROBABILITY = 0.15  # of windows that count as pause
QUIETEST_PERCENTILE = 5  # of the windows' powers
MIN_WINDOWS = 8  # of speech and of pauses, to estimate a ratio
UNMEASURED_LUFS = -70.0  # BS.1770's absolute gate
MAX_LOUDNESS_CHANNELS = 8
MIN_LOUDNESS_RATE_HZ = 1000


@dataclass(frozen=True)
class Quality:
    """Measurements of one recording."""

    duration_s: float
    rate_hz: int
    channels: int
    peak_db: float  # relative to full scale
    clipped_share: float  # share of the samples
    loudness_lufs: float | None  # None: too short or too quiet to measure
    snr_db: float | None  # None: no speech, or no pause to measure the noise in
    least_snr_db: float | None  # lower bound of the ratio, from the quietest windows; None: no speech
    speech_share: float  # share of the duration


class LevelMeter:
    """Measures the peak and the share of clipped samples, which are runs at full scale."""

    def __init__(self, channels: int):
        self._open_run = [0] * channels  # samples at full scale at the end of the last block, per channel
        self._clipped = self._samples = 0
        self._peak = 0.0

    def feed(self, native: NativeSamples) -> None:
        """Adds the next block, (channels, n)."""
        if not native.size:
            return
        magnitude = np.abs(native)
        self._samples += native.size
        self._peak = max(self._peak, float(magnitude.max()))
        for channel, at_full_scale in enumerate(magnitude >= FULL_SCALE):
            self._count_clipped(channel, at_full_scale)

    def _count_clipped(self, channel: int, at_full_scale: NDArray[np.bool_]) -> None:
        starts, ends = true_runs(at_full_scale)
        lengths, open_run = ends - starts, self._open_run[channel]
        if at_full_scale[0]:
            lengths[0] += open_run
            self._clipped -= open_run if open_run >= MIN_CLIPPED_RUN_SAMPLES else 0  # counted with the last block
        self._clipped += int(lengths[lengths >= MIN_CLIPPED_RUN_SAMPLES].sum())
        self._open_run[channel] = int(lengths[-1]) if at_full_scale[-1] else 0

    @property
    def peak_db(self) -> float:
        """Peak relative to full scale, at least SILENCE_DB."""
        return max(SILENCE_DB, 20 * float(np.log10(max(self._peak, 1e-9))))

    @property
    def clipped_share(self) -> float:
        """Share of the samples that are clipped."""
        return self._clipped / max(1, self._samples)


def true_runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns the starts and the exclusive ends of the runs of True: (n,) -> (runs,), (runs,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return edges[::2], edges[1::2]


class LoudnessMeter:
    """Measures the integrated loudness by ITU-R BS.1770-4, with FFmpeg's ebur128."""

    def __init__(self, rate_hz: int, channels: int):
        self._rate_hz = rate_hz
        self._layout = {1: "mono", 2: "stereo"}.get(channels, f"{channels}c")
        self._graph = None
        if channels <= MAX_LOUDNESS_CHANNELS and rate_hz >= MIN_LOUDNESS_RATE_HZ:
            self._graph = _ebur128(rate_hz, self._layout)
        self._lufs = UNMEASURED_LUFS

    def feed(self, native: NativeSamples) -> None:
        """Adds the next block, (channels, n)."""
        if self._graph is None or not native.shape[1]:
            return
        self._graph.push(frame_of(native, self._layout, self._rate_hz))
        self._pull()

    def flush(self) -> float | None:
        """Returns the loudness in LUFS, None if it could not be measured. Nothing may be fed after it."""
        if self._graph is not None:
            self._graph.push(None)
            self._pull()
        return self._lufs if self._lufs > UNMEASURED_LUFS else None

    def _pull(self) -> None:
        assert self._graph
        while True:
            try:
                metadata = self._graph.pull().metadata
            except (BlockingIOError, EOFError):  # needs more input; no more output
                return
            self._lufs = float(metadata.get("lavfi.r128.I", self._lufs))


def _ebur128(rate_hz: int, layout: str) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate_hz, format="flt", layout=layout)
    graph.link_nodes(source, graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")).configure()
    return graph


def window_powers(samples: Samples) -> NDArray[np.float64]:
    """Returns the mean square of each complete VAD window: (n,) -> (windows,)."""
    windows = samples[: len(samples) // VAD_WINDOW * VAD_WINDOW].reshape(-1, VAD_WINDOW)
    return np.mean(np.square(windows, dtype=np.float64), axis=1)


def snr_db(powers: NDArray[np.float64], probabilities: Probabilities) -> float | None:
    """Estimates the ratio of speech to the noise in its pauses, in dB.

    Assumes that the noise also lies under the speech. Windows next to speech are skipped, because words fade out.

    Args:
        powers: mean square per VAD window, (windows,).
        probabilities: speech probability per VAD window, (windows,).

    Returns:
        The ratio in dB, None if there is too little speech or too little pause."""
    speech, maybe_speech = probabilities >= MIN_SPEECH_PROBABILITY, probabilities > MAX_PAUSE_PROBABILITY
    pause = ~(maybe_speech | np.roll(maybe_speech, 1) | np.roll(maybe_speech, -1))
    if min(speech.sum(), pause.sum()) < MIN_WINDOWS:
        return None
    return _ratio_db(powers[speech], float(np.median(powers[pause])))


def least_snr_db(powers: NDArray[np.float64], probabilities: Probabilities) -> float | None:
    """Returns a lower bound of the ratio of speech to noise in dB, also for speech without pauses.

    The noise is at most as loud as the quietest windows. Arguments as for `snr_db`; None without speech."""
    speech = probabilities >= MIN_SPEECH_PROBABILITY
    if not speech.any():
        return None
    return _ratio_db(powers[speech], float(np.percentile(powers, QUIETEST_PERCENTILE)))


def _ratio_db(speech_powers: NDArray[np.float64], noise_power: float) -> float:
    """The mean power of the noisy speech and the power of the noise -> ratio of clean speech to noise in dB."""
    noise_power = max(noise_power, QUANTISATION_POWER)
    speech_power = max(float(np.mean(speech_powers)) - noise_power, QUANTISATION_POWER)
    return 10 * float(np.log10(speech_power / noise_power))
