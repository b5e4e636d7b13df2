"""Encoder, decoder and whole utterances with random weights, at 30 s and at adaptive context."""

import time
from dataclasses import dataclass
from functools import partial

import ctranslate2
import numpy as np

from benchmarks.gpu.budget import Budget, OutOfTimeError
from benchmarks.gpu.options import GpuOptions
from benchmarks.gpu.random_weights import RandomModel, RandomModels, mel_bins
from benchmarks.gpu.results import Results
from benchmarks.gpu.timing import is_out_of_memory, median_s, release_memory, used_memory_mb
from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import SAMPLE_RATE, WINDOW_FRAMES
from qal.engine.context import context_frames
from qal.engine.model_directory import ContextAbility
from qal.engine.settings.device import choose_compute_type
from qal.errors import ModelError

ADAPTIVE = ContextAbility(adaptive=True)  # the engine's default margin
TOKENS_PER_SECOND = 4  # of speech; English has about 3.3
MIN_TOKENS = 8
COMPUTE_TYPES = {"cuda": ("float16", "int8_float16"), "cpu": ("int8", "float32")}


def adaptive_frames(speech_s: float) -> int:
    """Returns the frames that the engine encodes for an utterance."""
    return context_frames(int(speech_s * SAMPLE_RATE), ADAPTIVE)


def tokens_of(speech_s: float) -> int:
    """Returns the tokens of an utterance of ordinary speech."""
    return max(MIN_TOKENS, round(speech_s * TOKENS_PER_SECOND))


@dataclass(frozen=True)
class LoadedModel:
    """A model with random weights and where it computes."""

    model: RandomModel
    device: str

    def encode_s(self, batch: int, frames: int) -> float:
        mel = self._mel(batch, frames)
        return median_s(lambda: self.model.encode(mel), self.device)

    def decode_s(self, batch: int, frames: int, tokens: int) -> float:
        """Returns the time of the decoder alone."""
        encoded = self.model.encode(self._mel(batch, frames))
        return median_s(lambda: self.model.generate(encoded, batch, tokens), self.device)

    def utterance_s(self, batch: int, frames: int, tokens: int) -> float:
        """Returns the time from features to text, which the text itself waits for."""
        mel = self._mel(batch, frames)
        return median_s(lambda: self.model.generate(self.model.encode(mel), batch, tokens), self.device)

    def _mel(self, batch: int, frames: int) -> ctranslate2.StorageView:
        features = np.random.default_rng(0).standard_normal((batch, self.model.n_mels, frames), np.float32)
        return ctranslate2.StorageView.from_array(features)


def measure_speed(models: RandomModels, options: GpuOptions, device: str, budget: Budget, results: Results) -> None:
    """Measures every size in every precision; each has an equal share of the time that is left."""
    pairs = [(size, compute) for compute in COMPUTE_TYPES[device] for size in options.sizes]
    for done, (size, compute) in enumerate(pairs):
        share = budget.share(1, len(pairs) - done)
        try:
            measure_model(models, size, compute, options, device, share, results)
        except ModelError as error:  # this device does not compute in this precision
            results.skip(f"{size}_{compute}: {error}")
        release_memory(device)
    for n_mels in sorted({mel_bins(size) for size in options.sizes}):
        results.put(log_mel_figures(n_mels, options))


def measure_model(
    models: RandomModels,
    size: str,
    compute: str,
    options: GpuOptions,
    device: str,
    budget: Budget,
    results: Results,
) -> None:
    name = f"{size}_{compute}"
    compute = choose_compute_type(device, compute)
    began = time.perf_counter()
    directory = models.directory(size)
    made = time.perf_counter()
    release_memory(device)
    empty_mb = used_memory_mb(device)
    loaded = LoadedModel(RandomModel(directory, size, device, compute), device)
    results.put(
        {
            f"{name}_make_s": round(made - began, 1),
            f"{name}_load_s": round(time.perf_counter() - made, 2),
            f"{name}_loaded_mb": round(used_memory_mb(device) - empty_mb),
        }
    )
    measurements = {f"{name}_memory": partial(measure_memory, loaded, name, options, empty_mb, results)}
    measurements |= {
        f"{name}_batch{batch}": partial(measure_batch, loaded, f"{name}_batch{batch}", batch, options, budget, results)
        for batch in options.batches
    }
    for what, measure in measurements.items():
        try:
            budget.check()
            measure()
        except OutOfTimeError:
            results.skip(f"{what}: no time")
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            results.skip(f"{what}: not enough memory")


def measure_memory(loaded: LoadedModel, name: str, options: GpuOptions, empty_mb: float, results: Results) -> None:
    """Measures the memory of the largest batch: the shorter context first, because memory is kept for later calls."""
    batch, speech_s = max(options.batches), min(options.lengths)
    loaded.utterance_s(batch, adaptive_frames(speech_s), MIN_TOKENS)
    adaptive_mb = used_memory_mb(loaded.device) - empty_mb
    results.put({f"{name}_batch{batch}_{speech_s}s_mb": round(adaptive_mb)})
    loaded.utterance_s(batch, WINDOW_FRAMES, MIN_TOKENS)
    results.put({}, {f"{name}_batch{batch}_30s_context_mb": round(used_memory_mb(loaded.device) - empty_mb)})


def measure_batch(
    loaded: LoadedModel, name: str, batch: int, options: GpuOptions, budget: Budget, results: Results
) -> None:
    """Measures one batch size: the encoder, the decoder, and utterances of each length at both contexts."""
    full_encode_s = loaded.encode_s(batch, WINDOW_FRAMES)
    tokens = tokens_of(5)
    full_decode_s = loaded.decode_s(batch, WINDOW_FRAMES, tokens)
    results.put(
        {},
        {
            f"{name}_30s_context_encode_ms": milliseconds(full_encode_s),
            f"{name}_30s_context_decoder_tokens_per_s": round(batch * tokens / full_decode_s, 1),
        },
    )
    for speech_s in options.lengths:
        budget.check()
        frames, tokens = adaptive_frames(speech_s), tokens_of(speech_s)
        encode_s = loaded.encode_s(batch, frames)
        decode_s = loaded.decode_s(batch, frames, tokens)
        utterance_s = loaded.utterance_s(batch, frames, tokens)
        full_s = loaded.utterance_s(batch, WINDOW_FRAMES, tokens)
        what = f"{name}_{speech_s}s"
        figures = {
            f"{what}_encode_ms": milliseconds(encode_s),
            f"{what}_encode_times_faster": round(full_encode_s / encode_s, 2),
            f"{what}_decoder_tokens_per_s": round(batch * tokens / decode_s, 1),
            f"{what}_utterance_ms": milliseconds(utterance_s),
            f"{what}_utterance_times_faster": round(full_s / utterance_s, 2),
            f"{what}_audio_s_per_s": round(batch * speech_s / utterance_s, 1),
        }
        reference = {
            f"{what}_utterance_ms": milliseconds(full_s),
            f"{what}_audio_s_per_s": round(batch * speech_s / full_s, 1),
        }
        results.put(figures, reference)


def log_mel_figures(n_mels: int, options: GpuOptions) -> dict[str, float]:
    """Measures the features, which the CPU computes, of one utterance of each length."""
    rng = np.random.default_rng(0)
    figures = {}
    for speech_s in options.lengths:
        samples = rng.normal(0, 0.1, speech_s * SAMPLE_RATE).astype(np.float32)
        frames = adaptive_frames(speech_s)
        took_s = median_s(lambda samples=samples, frames=frames: padded_log_mel(samples, frames, n_mels), "cpu")
        figures[f"log_mel_{n_mels}_bins_{speech_s}s_ms"] = milliseconds(took_s)
    return figures


def milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 2)
