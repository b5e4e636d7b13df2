"""Measures the audio files of a corpus and keeps the results beside the manifest, so that each file is read once."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from qal.audio.analysis import speech_intervals
from qal.audio.decode import decode
from qal.audio.dnsmos import overall_opinion
from qal.audio.fingerprint import fingerprint
from qal.audio.gate import DEFAULT_GATE, Gate
from qal.audio.quality import LevelMeter, LoudnessMeter, least_snr_db, snr_db, window_powers
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.audio.vad import VadStream
from qal.cores import usable_cores
from qal.corpus.manifest import Corpus, Row
from qal.corpus.quality.measures import QUALITY_FILE, AudioMeasures, append_measures, read_measures
from qal.errors import AudioDecodeError

ProgressCallback = Callable[[int, int], object]  # (files done, files in total)

BATCH = 64  # files whose measures are written at a time
SPECTRUM_SAMPLES = 512
BAND_LIMIT_DB = -60.0  # against the strongest frequency; less is the rest that a resampler leaves
LOUD_PERCENTILE = 95  # of the frames: hissing sounds, which reach the highest frequencies, are rare
MIN_BANDWIDTH_SAMPLES = SAMPLE_RATE // 4


def no_progress(done: int, total: int) -> None:
    """Ignores progress."""


def measure_audio(
    corpus: Corpus,
    with_dnsmos: bool = False,
    progress: ProgressCallback = no_progress,
    workers: int | None = None,
) -> dict[str, AudioMeasures]:
    """Measures the audio files that have not been measured before, on all cores.

    The results are appended to quality.jsonl as they come, so that a stopped run is continued.

    Args:
        corpus: the corpus.
        with_dnsmos: predicts the opinion of listeners, too, which takes most of the time.
        progress: called with the number of files done and to do.
        workers: files that are read at the same time; None: one per core.

    Returns:
        the measures of all rows by sha256; files that cannot be read have an `error`.

    Raises:
        StorageError: the corpus folder cannot be written to."""
    path = corpus.folder / QUALITY_FILE
    known = {measures.sha256: measures for measures in read_measures(path, AudioMeasures)}
    to_do = list(_unmeasured(corpus.rows, known, with_dnsmos))
    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        done = 0
        progress(done, len(to_do))
        for rows in (to_do[start : start + BATCH] for start in range(0, len(to_do), BATCH)):
            found = list(pool.map(lambda row: measure_file(corpus.audio_path(row), row.sha256, with_dnsmos), rows))
            append_measures(path, found)
            known |= {measures.sha256: measures for measures in found}
            done += len(found)
            progress(done, len(to_do))
    return {row.sha256: known[row.sha256] for row in corpus.rows}


def measure_file(path: Path, sha256: str, with_dnsmos: bool = False) -> AudioMeasures:
    """Measures one file. A file that cannot be decoded has an `error` and no measures."""
    try:
        samples = decode(path)
    except AudioDecodeError as error:
        return AudioMeasures(sha256=sha256, error=str(error))
    return measure_samples(samples, sha256, with_dnsmos)


def measure_samples(samples: Samples, sha256: str, with_dnsmos: bool = False) -> AudioMeasures:
    """Measures samples, (n,) at 16 kHz."""
    levels, loudness, gate = LevelMeter(1), LoudnessMeter(SAMPLE_RATE, 1), Gate(DEFAULT_GATE)
    levels.feed(samples[None])
    loudness.feed(samples[None])
    probabilities, powers = VadStream().feed(samples), window_powers(samples)
    speech = speech_intervals(gate.feed(probabilities) + gate.flush())
    speech_s = sum(end_s - start_s for start_s, end_s in speech)
    duration_s = seconds(samples)
    snr = snr_db(powers, probabilities)
    spoken = _between(samples, speech[0][0], speech[-1][1]) if speech else samples[:0]
    return AudioMeasures(
        sha256=sha256,
        snr_db=_rounded(least_snr_db(powers, probabilities) if snr is None else snr),
        loudness_lufs=_rounded(loudness.flush()),
        peak_db=_rounded(levels.peak_db),
        clipped_share=_rounded(levels.clipped_share, 6),
        bandwidth_hz=bandwidth_hz(spoken),
        speech_share=_rounded(min(1.0, speech_s / duration_s), 3) if duration_s else None,
        lead_s=_rounded(speech[0][0]) if speech else None,
        tail_s=_rounded(max(0.0, duration_s - speech[-1][1])) if speech else None,
        dnsmos=_rounded(overall_opinion(samples)) if with_dnsmos else None,
        fingerprint=fingerprint(samples),
    )


def bandwidth_hz(samples: Samples) -> float | None:
    """Returns the frequency up to which speech reaches in its loudest frames; None for less than a quarter second.

    Telephone speech reaches 3.4 kHz, whatever the sampling rate of its file."""
    if len(samples) < MIN_BANDWIDTH_SAMPLES:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, SPECTRUM_SAMPLES)[:: SPECTRUM_SAMPLES // 2]
    power = np.abs(np.fft.rfft(frames * np.hanning(SPECTRUM_SAMPLES), axis=1)) ** 2
    loud = np.percentile(power, LOUD_PERCENTILE, axis=0)
    if not loud.max():
        return None
    highest = int(np.flatnonzero(loud > loud.max() * 10 ** (BAND_LIMIT_DB / 10))[-1])
    return float(highest * SAMPLE_RATE / SPECTRUM_SAMPLES)


def _unmeasured(rows: Iterable[Row], known: dict[str, AudioMeasures], with_dnsmos: bool) -> Iterator[Row]:
    """Yields one row of each audio file that must be measured."""
    seen: set[str] = set()
    for row in rows:
        measures = known.get(row.sha256)
        is_known = measures and (measures.error or measures.dnsmos is not None or not with_dnsmos)
        if not is_known and row.sha256 not in seen:
            seen.add(row.sha256)
            yield row


def _between(samples: Samples, start_s: float, end_s: float) -> Samples:
    return samples[int(start_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)]


def _rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(float(value), digits)
