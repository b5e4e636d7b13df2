"""The systems that are compared: Qal, and faster-whisper one window at a time and in batches.

python -m benchmarks.batch.systems SYSTEM MODEL RECORDINGS.npz: transcribes the recordings in this process, so that its
peak memory is that of one system, and prints one JSON object."""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import faster_whisper
import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine
from qal.engine.longform.batching import BatchingEngine
from qal.engine.longform.options import LONGFORM_DECODING
from qal.engine.longform.transcription import transcribe_file
from qal.engine.settings.device import shared_cores

Transcribe = Callable[[Sequence[Samples], Sequence[str]], list[str]]  # recordings and languages -> texts
WARM_UP_S = 5
KB = 1000
FILES_AT_ONCE = 16
PEERS = ("whisper_model", "batched_8", "batched_16")


class Setting(NamedTuple):
    """The settings that all systems share."""

    model: str  # the model directory
    compute_type: str
    threads: int
    beam_size: int


def main(arguments: Sequence[str]) -> None:
    system, recordings, setting = arguments[0], Path(arguments[1]), Setting(*json.loads(arguments[2]))
    stored = np.load(recordings)
    samples = [stored[f"samples{i}"] for i in range(len(stored["languages"]))]
    languages = [str(language) for language in stored["languages"]]
    transcribe = SYSTEMS[system](setting)
    transcribe([samples[0][: WARM_UP_S * SAMPLE_RATE]], languages[:1])
    before_mb = _peak_mb()
    started = time.perf_counter()
    texts = transcribe(samples, languages)
    took_s = time.perf_counter() - started
    print(json.dumps({"took_s": took_s, "texts": texts, "peak_mb": _peak_mb(), "loaded_mb": before_mb}))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB


def ours_one_by_one(setting: Setting) -> Transcribe:
    """Returns Qal's transcription, each recording for itself."""
    engine, decoding = _engine(setting)
    return lambda recordings, languages: [
        " ".join(s.text for s in transcribe_file(engine, samples, language, decoding=decoding))
        for samples, language in zip(recordings, languages, strict=True)
    ]


def ours_together(setting: Setting) -> Transcribe:
    """Returns Qal's transcription of many recordings, whose stretches of speech share batches."""
    engine, decoding = _engine(setting)
    shared = BatchingEngine(engine)

    def text_of(samples: Samples, language: str) -> str:
        return " ".join(s.text for s in transcribe_file(shared, samples, language, decoding=decoding))

    def transcribe(recordings: Sequence[Samples], languages: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            return list(pool.map(text_of, recordings, languages))

    return transcribe


def _engine(setting: Setting) -> tuple[Engine, DecodingOptions]:
    threads, workers = shared_cores(setting.threads)
    engine = Engine(Path(setting.model), "cpu", setting.compute_type, threads=threads, workers=workers)
    return engine, LONGFORM_DECODING.model_copy(update={"beam_size": setting.beam_size})


def whisper_model(setting: Setting) -> Transcribe:
    """Returns faster-whisper's `WhisperModel` with its filter of silence."""
    model = _peer(setting)
    return lambda recordings, languages: [
        _text(model.transcribe(samples, language=language, beam_size=setting.beam_size, vad_filter=True)[0])
        for samples, language in zip(recordings, languages, strict=True)
    ]


def batched(batch_size: int) -> Callable[[Setting], Transcribe]:
    """Returns the maker of faster-whisper's `BatchedInferencePipeline` with a batch size."""

    def make(setting: Setting) -> Transcribe:
        pipeline = faster_whisper.BatchedInferencePipeline(_peer(setting))
        return lambda recordings, languages: [
            _text(
                pipeline.transcribe(samples, language=language, beam_size=setting.beam_size, batch_size=batch_size)[0]
            )
            for samples, language in zip(recordings, languages, strict=True)
        ]

    return make


def _peer(setting: Setting) -> faster_whisper.WhisperModel:
    return faster_whisper.WhisperModel(
        setting.model, device="cpu", compute_type=setting.compute_type, cpu_threads=setting.threads
    )


def _text(segments) -> str:
    return " ".join(segment.text.strip() for segment in segments)


SYSTEMS: dict[str, Callable[[Setting], Transcribe]] = {
    "ours": ours_one_by_one,
    "ours_together": ours_together,
    "whisper_model": whisper_model,
    "batched_8": batched(8),
    "batched_16": batched(16),
}

if __name__ == "__main__":
    main(sys.argv[1:])
