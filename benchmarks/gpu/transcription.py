"""True weights on true speech: word error rates and speed at adaptive context, at 30 s, and of faster-whisper."""

from collections.abc import Sequence
from pathlib import Path

import faster_whisper
import numpy as np

from benchmarks.bars import MAX_WER_LOSS, MIN_TIMES_FASTER
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.options import GpuOptions
from benchmarks.gpu.results import Results
from benchmarks.gpu.timing import median_s
from qal.audio.samples import seconds
from qal.corpus.manifest import read_corpus
from qal.corpus.split import evenly_spaced
from qal.engine.catalogue import DEFAULT_MODEL, local_directory
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Engine, Transcript, Utterance
from qal.engine.screening import SpeechEngine
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.scoring import SEED, Scored, SpokenReference, load_references, score_engines

MIN_S, MAX_S = 0.7, 29.0  # of the utterances
STOCK = "base"  # the model whose fine-tuned weights are DEFAULT_MODEL
THROUGHPUT_BATCH = 16
ENGLISH_ONLY = ".en"


class FasterWhisperEngine:
    """Plain faster-whisper with greedy decoding, behind the interface of an engine."""

    def __init__(self, directory: Path, device: str, compute_type: str):
        self._model = faster_whisper.WhisperModel(str(directory), device=device, compute_type=compute_type)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._transcribe_one(u) for u in utterances]

    def _transcribe_one(self, utterance: Utterance) -> Transcript:
        parts, info = self._model.transcribe(utterance.samples, language=utterance.language, beam_size=1)
        text = " ".join(part.text.strip() for part in parts)
        return Transcript(text, info.language, (), avg_logprob=0.0, no_speech_prob=0.0, context_frames=3000)


def measure_transcription(options: GpuOptions, device: str, budget: Budget, results: Results) -> None:
    """Measures every corpus with every model that is on this machine; none is downloaded."""
    directories = {name: d for name in options.models if (d := local_directory(name))}
    for name in [n for n in options.models if n not in directories]:
        results.skip(f"transcription with {name}: it is not on this machine")
    corpora = sorted(path.parent for path in options.data.glob("*/manifest.jsonl"))
    if not corpora:
        results.skip(f"transcription: there is no corpus in {options.data}")
    if not directories:
        return
    engines = make_engines(directories, device)
    for folder in corpora:
        if budget.is_over:
            results.skip(f"transcription of {folder.name}: no time")
            continue
        spoken = read_examples(folder, options.examples)
        if not spoken:
            results.skip(f"transcription of {folder.name}: no test examples of {MIN_S:g} to {MAX_S:g} s")
            continue
        usable = {name: engine for name, engine in engines.items() if can_transcribe(name, spoken)}
        scored = score_engines(usable, spoken)
        put_scores(folder.name, scored, results)
        if not budget.is_over:
            measure_throughput(folder.name, usable, spoken, device, results)


def make_engines(directories: dict[str, Path], device: str) -> dict[str, SpeechEngine]:
    """Loads each model for adaptive context, if its weights can, for 30 s, and for plain faster-whisper."""
    engines: dict[str, SpeechEngine] = {}
    for name, directory in directories.items():
        engine = Engine(directory, device=device)  # pyright: ignore[reportArgumentType]
        if engine.ability.adaptive:
            engines[f"{name}_adaptive"] = engine
        engines[f"{name}_30s_context"] = Engine(directory, device=device, context="full")  # pyright: ignore[reportArgumentType]
        engines[f"{name}_faster_whisper"] = FasterWhisperEngine(directory, engine.device, engine.compute_type)
    return engines


def read_examples(folder: Path, n: int) -> list[SpokenReference]:
    corpus = read_corpus(folder)
    rows = [r for r in corpus.select("test") if MIN_S <= r.duration_s < MAX_S and r.text]
    return load_references(corpus, evenly_spaced(rows, n))


def can_transcribe(engine_name: str, spoken: Sequence[SpokenReference]) -> bool:
    """True unless the model is English-only and the speech is not."""
    return ENGLISH_ONLY not in engine_name or all(reference.language == "en" for reference in spoken)


def put_scores(corpus: str, scored: dict[str, Scored], results: Results) -> None:
    """Adds error rates and RTF; adaptive context is the figure and everything else the reference."""
    figures, reference = {}, {}
    for name, result in scored.items():
        values = {"wer": round(result.score.wer, 4), "rtf": round(result.score.rtf, 5)}
        into = figures if name.endswith("_adaptive") else reference
        into |= {f"transcribe_{corpus}_{name}_{key}": value for key, value in values.items()}
    ours, stock = scored.get(f"{DEFAULT_MODEL}_adaptive"), scored.get(f"{STOCK}_30s_context")
    if ours and stock:
        paired = paired_difference(ours.counts, stock.counts, np.random.default_rng(SEED))
        times = round(stock.score.rtf / ours.score.rtf, 2)
        what = f"transcribe_{corpus}_{DEFAULT_MODEL}_adaptive"
        figures |= {
            f"{what}_wer_difference": round(paired.difference, 4),
            f"{what}_wer_difference_low": round(paired.low, 4),
            f"{what}_wer_difference_high": round(paired.high, 4),
            f"{what}_times_faster": times,
        }
        results.bar_at_most(f"{what}_wer_difference", round(paired.difference, 4), MAX_WER_LOSS)
        results.bar_at_least(f"{what}_times_faster", times, MIN_TIMES_FASTER)
        if plain := scored.get(f"{STOCK}_faster_whisper"):
            figures[f"{what}_times_faster_than_faster_whisper"] = round(plain.score.rtf / ours.score.rtf, 2)
    results.put(figures, reference)


def measure_throughput(
    corpus: str, engines: dict[str, SpeechEngine], spoken: Sequence[SpokenReference], device: str, results: Results
) -> None:
    """Measures batches of utterances of similar length, which faster-whisper does not have."""
    unordered = [Utterance(reference.samples, reference.language) for reference in spoken]  # decodes the audio
    utterances = sorted(unordered, key=lambda utterance: len(utterance.samples))
    batches = [utterances[i : i + THROUGHPUT_BATCH] for i in range(0, len(utterances), THROUGHPUT_BATCH)]
    audio_s = sum(seconds(utterance.samples) for utterance in utterances)
    for name, engine in engines.items():
        if isinstance(engine, Engine):
            took_s = median_s(lambda engine=engine: [engine.transcribe(batch) for batch in batches], device)
            values = {f"transcribe_{corpus}_{name}_batch{THROUGHPUT_BATCH}_audio_s_per_s": round(audio_s / took_s, 1)}
            results.put(*((values,) if name.endswith("_adaptive") else ({}, values)))
