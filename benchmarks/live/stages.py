"""Where the time of one utterance goes: log-mel, encoder, decoder, alignment, and everything around them."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import ctranslate2
import numpy as np

from benchmarks.live.spoken import Clip
from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP, SAMPLE_RATE
from qal.audio.vad import VadStream
from qal.engine.context import context_frames
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.screening import ScreeningOptions, transcribe_screened

WITH_WORDS = DecodingOptions(words=True)
REPETITIONS = 3  # the first one is not counted


def stage_times(engine: Engine, directory: Path, clips: Sequence[Clip], threads: int) -> dict[str, float]:
    """Returns the mean time and CPU time of each stage in ms, for one utterance at a time; `whole` is all of them."""
    model = ctranslate2.models.Whisper(
        str(directory), device=engine.device, compute_type=engine.compute_type, intra_threads=threads
    )
    totals: dict[str, list[tuple[float, float]]] = {}
    tokens = 0
    for repetition in range(REPETITIONS):
        for samples, _, language in clips:
            measured = {} if not repetition else totals
            frames = context_frames(len(samples), engine.ability)
            _timed("vad", measured, lambda s=samples: VadStream().feed(s))
            mel = _timed("log_mel", measured, lambda s=samples, f=frames: padded_log_mel(s, f, engine.n_mels)[None])
            features = ctranslate2.StorageView.from_array(np.ascontiguousarray(mel))
            encoded = _timed("encoder", measured, lambda f=features: model.encode(f))
            prompt = engine.tokenizer.prompt(language)
            results = _timed("decoder", measured, lambda e=encoded, p=prompt: model.generate(e, [p], beam_size=1))
            ids = results[0].sequences_ids[0]
            tokens += len(ids) if repetition else 0
            end = min(frames, len(samples) // HOP)
            _timed("alignment", measured, lambda e=encoded, p=prompt, i=ids, n=end: model.align(e, p[:-1], [i], [n]))
            spoken = [Utterance(samples, language)]
            _timed("whole", measured, lambda u=spoken: transcribe_screened(engine, u, WITH_WORDS, ScreeningOptions()))
    count = (REPETITIONS - 1) * len(clips)
    figures = {"stages_audio_s": round(sum(len(s) for s, _, _ in clips) / len(clips) / SAMPLE_RATE, 2)}
    figures["stages_tokens"] = round(tokens / count, 1)
    for name, times in totals.items():
        wall, cpu = np.sum(times, axis=0) / count
        figures |= {f"stages_{name}_ms": round(1000 * wall, 1), f"stages_{name}_cpu_ms": round(1000 * cpu, 1)}
    return figures


def _timed(name: str, measured: dict[str, list[tuple[float, float]]], call: Callable):
    began, began_cpu = time.perf_counter(), time.process_time()
    result = call()
    measured.setdefault(name, []).append((time.perf_counter() - began, time.process_time() - began_cpu))
    return result
