"""Transcribes held-out utterances with an engine and scores them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, WINDOW_SAMPLES, Samples, seconds
from qal.corpus.manifest import Corpus, Row
from qal.engine.engine import Utterance
from qal.engine.screening import SpeechEngine, without_loops
from qal.errors import CorpusError
from qal.evaluation.bootstrap import wer_interval
from qal.evaluation.error_rates import ErrorCounts, count_errors

Progress = Callable[[int, int], object]  # (done, of)
SEED = 0  # of the bootstrap; a score must not change when it is computed again


@dataclass(frozen=True)
class SpokenReference:
    """One held-out utterance."""

    samples: Samples
    text: str
    language: str


@dataclass(frozen=True)
class Score:
    """Shares, not percents; rtf is seconds of work a second of audio."""

    wer: float
    wer_low: float
    wer_high: float
    cer: float
    rtf: float

    def as_dict(self) -> dict[str, float]:
        return {name: round(value, 5) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Scored:
    score: Score
    counts: ErrorCounts
    hypotheses: tuple[str, ...]


def load_references(corpus: Corpus, rows: Sequence[Row], language: str | None = None) -> list[SpokenReference]:
    return [SpokenReference(_heard(corpus.audio_path(r)), r.text, language or r.language) for r in rows]


def _heard(path: Path) -> Samples:
    samples = decode(path)
    if len(samples) > WINDOW_SAMPLES:
        raise CorpusError(f"{path}: lasts longer than {WINDOW_S} s, whatever its row says; cut it into utterances")
    return samples


def score_engines(
    engines: Mapping[str, SpeechEngine],
    references: Sequence[SpokenReference],
    progress: Progress = lambda done, of: None,
) -> dict[str, Scored]:
    """One utterance at a time, as a live caption would be made; a loop is read again, and that time counts.

    Every utterance is heard by all engines in turn, so that a slow minute of the machine slows each of them."""
    if not references:
        raise ValueError("nothing to score")
    hypotheses: dict[str, list[str]] = {name: [] for name in engines}
    elapsed = dict.fromkeys(engines, 0.0)
    for engine in engines.values():
        engine.transcribe([_utterance(references[0])])  # warms up
    for i, reference in enumerate(references):
        for name, engine in engines.items():
            started = time.perf_counter()
            hypotheses[name].append(without_loops(engine, [_utterance(reference)])[0][0].text)
            elapsed[name] += time.perf_counter() - started
        progress(i + 1, len(references))
    duration = sum(seconds(r.samples) for r in references)
    return {name: _scored(references, hypotheses[name], elapsed[name] / duration) for name in engines}


def _scored(references: Sequence[SpokenReference], hypotheses: list[str], rtf: float) -> Scored:
    counts = count_errors([r.text for r in references], hypotheses)
    return Scored(make_score(counts, rtf), counts, tuple(hypotheses))


def transcribe_each(
    engine: SpeechEngine, references: Sequence[SpokenReference], progress: Progress = lambda done, of: None
) -> list[str]:
    """The engine's first reading of each utterance, loops and all."""
    found = []
    for i, reference in enumerate(references):
        found.append(engine.transcribe([_utterance(reference)])[0].text)
        progress(i + 1, len(references))
    return found


def make_score(counts: ErrorCounts, rtf: float) -> Score:
    interval = wer_interval(counts, np.random.default_rng(SEED))
    return Score(counts.wer, interval.low, interval.high, counts.cer, rtf)


def _utterance(reference: SpokenReference) -> Utterance:
    return Utterance(reference.samples, reference.language)
