"""Transcribes held-out examples with one or more engines and scores the transcripts."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import WINDOW_S, WINDOW_SAMPLES, Samples, seconds
from qal.corpus.manifest import Corpus, Row
from qal.engine.engine import Utterance
from qal.engine.screening import SpeechEngine, transcribe_without_loops
from qal.errors import CorpusError
from qal.evaluation.bootstrap import error_intervals
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.report import Score

EngineName = TypeVar("EngineName", bound=str)
ProgressCallback = Callable[[int, int], object]  # (examples done, examples in total)
SEED = 0  # of the bootstrap, fixed so that the same data give the same interval


def no_progress(done: int, total: int) -> None:
    """Ignores progress."""


@dataclass(frozen=True)
class SpokenReference:
    """Audio of one held-out example with its reference transcript.

    Audio that is given by its path is decoded each time it is used, so that a large test set needs no memory."""

    audio: Samples | Path
    text: str
    language: str

    @property
    def samples(self) -> Samples:
        """The decoded audio, (n,) at 16 kHz.

        Raises:
            AudioDecodeError: the file cannot be decoded.
            CorpusError: the file is gone, or longer than the model's window."""
        return read_audio(self.audio) if isinstance(self.audio, Path) else self.audio


@dataclass(frozen=True)
class Scored:
    """Score of one engine with the errors and the transcript of each example."""

    score: Score
    counts: ErrorCounts
    hypotheses: tuple[str, ...]


def load_references(corpus: Corpus, rows: Sequence[Row], language: str | None = None) -> list[SpokenReference]:
    """Returns the references of corpus rows, whose audio is decoded when it is used.

    Args:
        corpus: the corpus.
        rows: rows of it.
        language: replaces the language of the rows."""
    return [SpokenReference(corpus.audio_path(r), r.text, language or r.language) for r in rows]


def read_audio(path: Path) -> Samples:
    """Decodes the audio of an example, (n,) at 16 kHz.

    Raises:
        AudioDecodeError: the file cannot be decoded.
        CorpusError: the file is gone, or longer than the model's window."""
    if not path.exists():  # the selection of the examples has found it
        what = path if path.parent.is_dir() else f"the folder {path.parent}"
        raise CorpusError(
            f"the dataset is gone: {what} was deleted or moved while it was used; put it back, then go on"
        )
    samples = decode(path)
    if len(samples) > WINDOW_SAMPLES:
        raise CorpusError(f"{path}: longer than {WINDOW_S} s although the manifest says less; split it into utterances")
    return samples


def score_engines(
    engines: Mapping[EngineName, SpeechEngine],
    references: Sequence[SpokenReference],
    progress: ProgressCallback = no_progress,
) -> dict[EngineName, Scored]:
    """Scores engines on the same examples, one example at a time as in live captioning.

    Repetition loops are decoded again, and that time counts. Each example is transcribed by all engines in turn, so
    that a temporary load of the machine slows all of them."""
    if not references:
        raise ValueError("nothing to score")
    hypotheses: dict[EngineName, list[str]] = {name: [] for name in engines}
    elapsed_s, audio_s = dict.fromkeys(engines, 0.0), 0.0
    for engine in engines.values():
        engine.transcribe([_utterance(references[0])])  # warm-up
    for i, reference in enumerate(references):
        utterance = _utterance(reference)
        audio_s += seconds(utterance.samples)
        for name, engine in engines.items():
            started = time.perf_counter()
            hypotheses[name].append(transcribe_without_loops(engine, [utterance])[0].text)
            elapsed_s[name] += time.perf_counter() - started
        progress(i + 1, len(references))
    return {name: _scored(references, hypotheses[name], elapsed_s[name] / audio_s) for name in engines}


def _scored(references: Sequence[SpokenReference], hypotheses: list[str], rtf: float) -> Scored:
    counts = count_errors([r.text for r in references], hypotheses, [r.language for r in references])
    return Scored(make_score(counts, rtf), counts, tuple(hypotheses))


def transcribe_each(
    engine: SpeechEngine, references: Sequence[SpokenReference], progress: ProgressCallback = no_progress
) -> list[str]:
    """Transcribes each example once; repetition loops are not decoded again."""
    texts = []
    for i, reference in enumerate(references):
        texts.append(engine.transcribe([_utterance(reference)])[0].text)
        progress(i + 1, len(references))
    return texts


def make_score(counts: ErrorCounts, rtf: float) -> Score:
    intervals = error_intervals(counts, np.random.default_rng(SEED))
    return Score(
        wer=counts.wer,
        wer_low=intervals.wer.low,
        wer_high=intervals.wer.high,
        cer=counts.cer,
        cer_low=intervals.cer.low,
        cer_high=intervals.cer.high,
        rtf=rtf,
    )


def _utterance(reference: SpokenReference) -> Utterance:
    return Utterance(reference.samples, reference.language)
