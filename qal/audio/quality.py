"""How good a recording is: level, clipping, loudness and noise, each by its own meter.

A meter is fed a file block by block, (channels, n) at the file's own rate; the size of the blocks changes nothing."""

from dataclasses import dataclass

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from qal.audio.blocks import Native
from qal.audio.samples import Samples
from qal.audio.vad import VAD_WINDOW, Probabilities

FULL_SCALE = 0.999  # of the largest number: what a converter gives for everything that is louder
CLIPPED_RUN = 3  # samples in a row; a loud but whole wave touches the top with fewer
SILENCE_DB = -96.0  # the least that 16 bits can say
QUANTISATION_POWER = 2.0**-30 / 12  # of the rounding to 16 bits: no noise floor lies lower
SPEECH, NO_SPEECH = 0.5, 0.15  # speech probabilities that are sure enough
QUIETEST_PERCENT = 5  # of the windows
LEAST_WINDOWS = 8  # of speech, and of its pauses, from which a ratio is estimated
UNMEASURED_LUFS = -70.0  # BS.1770's absolute gate: nothing louder was heard for 0.4 s
MAX_LOUDNESS_CHANNELS, MIN_LOUDNESS_RATE_HZ = 8, 1000


@dataclass(frozen=True)
class Quality:
    duration_s: float
    rate_hz: int
    channels: int
    peak_db: float  # of full scale
    clipped_share: float  # of the samples
    loudness_lufs: float | None  # None: too short or too quiet to measure
    snr_db: float | None  # None: no speech, or no pause in which the noise could be measured
    least_snr_db: float | None  # no less than this, by the quietest windows; None: no speech
    speech_share: float  # of the time


class LevelMeter:
    """The peak, and the samples that were clipped: runs at full scale."""

    def __init__(self, channels: int):
        self._run = [0] * channels  # samples at full scale with which the last block ended
        self._clipped = self._samples = 0
        self._peak = 0.0

    def feed(self, native: Native) -> None:
        if not native.size:
            return
        loud = np.abs(native)
        self._samples += native.size
        self._peak = max(self._peak, float(loud.max()))
        for channel, at_top in enumerate(loud >= FULL_SCALE):
            self._count(channel, at_top)

    def _count(self, channel: int, at_top: NDArray[np.bool_]) -> None:
        starts, ends = runs(at_top)
        lengths, before = ends - starts, self._run[channel]
        if at_top[0]:
            lengths[0] += before
            self._clipped -= before if before >= CLIPPED_RUN else 0  # counted then
        self._clipped += int(lengths[lengths >= CLIPPED_RUN].sum())
        self._run[channel] = int(lengths[-1]) if at_top[-1] else 0

    @property
    def peak_db(self) -> float:
        return max(SILENCE_DB, 20 * float(np.log10(max(self._peak, 1e-9))))

    @property
    def clipped_share(self) -> float:
        return self._clipped / max(1, self._samples)


def runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(n,) -> where the runs of true ones start, and where they end, exclusive"""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return edges[::2], edges[1::2]


class LoudnessMeter:
    """Integrated loudness by ITU-R BS.1770-4, through FFmpeg's ebur128."""

    def __init__(self, rate_hz: int, channels: int):
        self._rate_hz = rate_hz
        self._layout = {1: "mono", 2: "stereo"}.get(channels, f"{channels}c")
        self._graph = None
        if channels <= MAX_LOUDNESS_CHANNELS and rate_hz >= MIN_LOUDNESS_RATE_HZ:
            self._graph = _ebur128(rate_hz, self._layout)
        self._lufs = UNMEASURED_LUFS

    def feed(self, native: Native) -> None:
        if self._graph is None or not native.shape[1]:
            return
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(native), format="fltp", layout=self._layout)
        frame.sample_rate = self._rate_hz
        self._graph.push(frame)
        self._pull()

    def flush(self) -> float | None:
        """In LUFS. Nothing may be fed after it."""
        if self._graph is not None:
            self._graph.push(None)
            self._pull()
        return self._lufs if self._lufs > UNMEASURED_LUFS else None

    def _pull(self) -> None:
        assert self._graph
        while True:
            try:
                metadata = self._graph.pull().metadata
            except (BlockingIOError, EOFError):  # it wants more; it has given all
                return
            self._lufs = float(metadata.get("lavfi.r128.I", self._lufs))


def _ebur128(rate_hz: int, layout: str) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate_hz, format="fltp", layout=layout)
    graph.link_nodes(source, graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")).configure()
    return graph


def window_powers(samples: Samples) -> NDArray[np.float64]:
    """(n,) -> the mean square of each whole VAD window"""
    windows = samples[: len(samples) // VAD_WINDOW * VAD_WINDOW].reshape(-1, VAD_WINDOW)
    return np.mean(np.square(windows, dtype=np.float64), axis=1)


def snr_db(powers: NDArray[np.float64], probabilities: Probabilities) -> float | None:
    """Speech over the noise of its pauses, in dB; both arrays have an entry a VAD window.

    The noise is taken to go on under the speech. Windows beside speech count for neither: words fade out.
    None where there is too little of either."""
    speech, near = probabilities >= SPEECH, probabilities > NO_SPEECH
    pause = ~(near | np.roll(near, 1) | np.roll(near, -1))
    if min(speech.sum(), pause.sum()) < LEAST_WINDOWS:
        return None
    return _ratio_db(powers[speech], float(np.median(powers[pause])))


def least_snr_db(powers: NDArray[np.float64], probabilities: Probabilities) -> float | None:
    """A bound where somebody speaks without a pause: the noise is no louder than the quietest windows are."""
    speech = probabilities >= SPEECH
    return _ratio_db(powers[speech], float(np.percentile(powers, QUIETEST_PERCENT))) if speech.any() else None


def _ratio_db(speech_powers: NDArray[np.float64], noise: float) -> float:
    noise = max(noise, QUANTISATION_POWER)
    voice = max(float(np.mean(speech_powers)) - noise, QUANTISATION_POWER)
    return 10 * float(np.log10(voice / noise))
