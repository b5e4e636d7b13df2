"""Measures one configuration in this process: load time, latency of the calls, and peak memory."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.reading import SpeechEngine
from qal.engine.screening import transcribe_without_loops
from qal.evaluation.speed.clips import Clip
from qal.evaluation.speed.memory import peak_mb, used_mb
from qal.evaluation.speed.records import Configuration, DurationFigures, Measurement, percentile

CallProgress = Callable[[float], object]  # seconds of audio that are done


def no_progress(audio_s: float) -> None:
    """Ignores progress."""


def measure(
    configuration: Configuration, directory: Path, clips: Sequence[Clip], progress: CallProgress = no_progress
) -> Measurement:
    """Loads the model and measures its calls.

    Args:
        configuration: how the model is run.
        directory: its model directory.
        clips: of all durations; those of one duration are measured together.
        progress: called after each call.

    Raises:
        ModelError: the model cannot be loaded so."""
    process_mb = used_mb()
    began = time.perf_counter()
    engine = Engine(
        directory,
        configuration.device,
        configuration.compute_type,
        configuration.context,
        configuration.threads,
        configuration.workers,
    )
    load_s = time.perf_counter() - began
    first_s = timed_call(engine, clips[:1], configuration.decoding)
    durations = duration_figures(engine, clips, configuration, progress)
    return Measurement(
        configuration=configuration,
        ability=engine.ability,
        load_s=load_s,
        first_s=first_s,
        process_mb=process_mb,
        peak_mb=peak_mb(),
        durations=durations,
    )


def duration_figures(
    engine: SpeechEngine,
    clips: Sequence[Clip],
    configuration: Configuration,
    progress: CallProgress = no_progress,
) -> list[DurationFigures]:
    """Measures the calls with clips of each duration, in the order of the durations."""
    by_duration: dict[float, list[Clip]] = {}
    for clip in clips:
        by_duration.setdefault(clip.duration_s, []).append(clip)
    return [_figures(engine, by_duration[s], configuration, progress) for s in sorted(by_duration)]


def _figures(
    engine: SpeechEngine, clips: Sequence[Clip], configuration: Configuration, progress: CallProgress
) -> DurationFigures:
    """Measures the calls with clips of the same duration, after one that is not counted."""
    batches = full_batches(clips, configuration.batch_size)
    timed_call(engine, batches[0], configuration.decoding)  # the first call of a length allocates

    def call(batch: Sequence[Clip]) -> float:
        took_s = timed_call(engine, batch, configuration.decoding)
        progress(sum(clip.duration_s for clip in batch))
        return took_s

    began = time.perf_counter()
    with ThreadPoolExecutor(configuration.workers, "speed") as pool:
        took = list(pool.map(call, batches))
    wall_s = time.perf_counter() - began
    return DurationFigures(
        duration_s=clips[0].duration_s,
        calls=len(took),
        clips=sum(map(len, batches)),
        wall_s=wall_s,
        p50_s=percentile(took, 0.5) or took[0],
        p95_s=percentile(took, 0.95),
        p99_s=percentile(took, 0.99),
        max_s=max(took),
    )


def full_batches(clips: Sequence[Clip], size: int) -> list[Sequence[Clip]]:
    """Returns batches of `size` clips; of fewer clips in all, one batch. A smaller last batch would be no batch of
    that size and is left out."""
    batches = [clips[first : first + size] for first in range(0, len(clips), size)]
    return [batch for batch in batches if len(batch) == size] or batches


def timed_call(engine: SpeechEngine, clips: Sequence[Clip], decoding: DecodingOptions) -> float:
    """Returns the seconds from the samples to the texts; repetition loops are decoded again, and that time counts."""
    utterances = [Utterance(clip.samples, clip.language) for clip in clips]
    began = time.perf_counter()
    transcribe_without_loops(engine, utterances, decoding)
    return time.perf_counter() - began
