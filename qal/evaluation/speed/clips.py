"""Clips of exact durations, cut or joined from the examples of a dataset or from one recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, WINDOW_S, Samples
from qal.audio.sound_check import require_sound
from qal.corpus.manifest import Corpus, Row
from qal.corpus.words import has_words
from qal.errors import AudioDecodeError, CorpusError, OptionError

DURATIONS_S = (2.0, 5.0, 10.0, 15.0, 20.0, 30.0)
PAUSE_S = 0.3  # of silence between joined examples
MAX_FAILURES = 50  # examples in a row that cannot be used; then the dataset is given up


@dataclass(frozen=True)
class Clip:
    """Speech of an exact duration."""

    samples: Samples
    language: str | None = None  # None: it is detected, and that time counts
    duration_s: float = 0.0


def clips_of_corpus(
    corpus: Corpus, durations_s: Sequence[float], count: int, rng: np.random.Generator, language: str | None = None
) -> list[Clip]:
    """Joins examples in a random order, and cuts the last one, until each clip has its duration.

    Args:
        corpus: the dataset; examples of all splits are used, because nothing is scored.
        durations_s: durations, at most 30 s.
        count: clips of each duration.
        rng: draws the examples.
        language: replaces the language of the examples.

    Raises:
        CorpusError: no example can be used."""
    by_language: dict[str, list[Row]] = {}
    for row in corpus.rows:
        if not row.marks and has_words(row.text):
            by_language.setdefault(row.language, []).append(row)
    if not by_language:
        raise CorpusError(f"{corpus.folder}: no example with text; choose another dataset")
    spoken = max(by_language, key=lambda code: len(by_language[code]))  # one language: a joined clip has no other
    reader = _RandomExamples(corpus, by_language[spoken], rng)
    return [
        Clip(_joined(reader, samples_of(duration_s)), language or spoken, duration_s)
        for duration_s in durations_s
        for _ in range(count)
    ]


def clips_of_sound(
    samples: Samples, durations_s: Sequence[float], count: int, rng: np.random.Generator, language: str | None = None
) -> list[Clip]:
    """Cuts clips at random places of a recording; one that is shorter than a clip is repeated."""
    clips = []
    for duration_s in durations_s:
        n = samples_of(duration_s)
        for _ in range(count):
            start = int(rng.integers(0, max(1, len(samples) - n + 1)))
            cut = samples[start : start + n] if len(samples) >= n else np.resize(samples, n)
            clips.append(Clip(cut.astype(np.float32), language, duration_s))
    return clips


def samples_of(duration_s: float) -> int:
    """Returns the samples of a clip. Raises OptionError if no Whisper could decode it at once."""
    n = round(duration_s * SAMPLE_RATE)
    if not 0 < n <= WINDOW_S * SAMPLE_RATE:
        raise OptionError(f"{duration_s:g} s is no duration of a clip; give durations up to {WINDOW_S} s")
    return n


def write_clips(path: Path, clips: Sequence[Clip]) -> None:
    """Writes clips to one file for the processes that measure."""
    np.savez(
        path,
        samples=np.concatenate([clip.samples for clip in clips]),
        lengths=np.array([len(clip.samples) for clip in clips]),
        languages=np.array([clip.language or "" for clip in clips]),
        durations_s=np.array([clip.duration_s for clip in clips]),
    )


def read_clips(path: Path) -> list[Clip]:
    with np.load(path, allow_pickle=False) as file:
        pieces = np.split(file["samples"], np.cumsum(file["lengths"])[:-1])
        languages, durations_s = file["languages"].tolist(), file["durations_s"].tolist()
    return [
        Clip(piece, language or None, duration_s)
        for piece, language, duration_s in zip(pieces, languages, durations_s, strict=True)
    ]


class _RandomExamples:
    """Yields the samples of random examples; those that cannot be used are passed over."""

    def __init__(self, corpus: Corpus, rows: Sequence[Row], rng: np.random.Generator):
        self._corpus, self._rows, self._rng = corpus, rows, rng

    def next(self) -> Samples:
        for _ in range(MAX_FAILURES):
            row = self._rows[int(self._rng.integers(len(self._rows)))]
            try:
                return require_sound(decode(self._corpus.audio_path(row)), row.audio)
            except AudioDecodeError:
                continue
        raise CorpusError(f"{self._corpus.folder}: {MAX_FAILURES} examples could not be decoded; import it again")


def _joined(examples: _RandomExamples, n: int) -> Samples:
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
    pieces = [examples.next()]
    while sum(map(len, pieces)) < n:
        pieces += [pause, examples.next()]
    return np.concatenate(pieces)[:n].astype(np.float32)
