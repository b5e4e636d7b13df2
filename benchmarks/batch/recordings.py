"""The recordings of the benchmark: short utterances, a long recording of them with pauses, and a folder of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.corpus.manifest import read_corpus
from qal.corpus.split import evenly_spaced

MIN_S, MAX_S = 0.8, 25.0  # of the utterances
MIN_PAUSE_S, MAX_PAUSE_S = 0.4, 1.6  # between the utterances of the long recording
NOISE_FLOOR = 3e-4  # -70 dB: recordings are never digitally silent
MIXED_LONG_FILES, MIXED_UTTERANCES = 4, 12  # of the folder: recordings of as many utterances each, beside single ones


@dataclass(frozen=True)
class Recording:
    """A recording and the utterances that it holds, in order."""

    samples: Samples
    texts: tuple[str, ...]
    language: str

    @property
    def duration_s(self) -> float:
        return seconds(self.samples)


def short_recordings(folder: Path, count: int) -> list[Recording]:
    """Returns utterances of a corpus, spread over all of its splits, each as a recording of its own."""
    corpus = read_corpus(folder)
    rows = evenly_spaced([r for r in corpus.rows if MIN_S <= r.duration_s <= MAX_S and r.text.strip()], count)
    return [Recording(decode(corpus.audio_path(row)), (row.text,), row.language) for row in rows]


def joined(recordings: Sequence[Recording], seed: int = 0) -> Recording:
    """Joins recordings of one language to a long one, with pauses of different lengths and a little noise."""
    rng = np.random.default_rng(seed)
    parts: list[Samples] = []
    for recording in recordings:
        pause_s = rng.uniform(MIN_PAUSE_S, MAX_PAUSE_S)
        parts += [np.zeros(int(pause_s * SAMPLE_RATE), np.float32), recording.samples]
    whole = np.concatenate(parts)
    noise = rng.normal(0, NOISE_FLOOR, len(whole)).astype(np.float32)
    texts = tuple(text for recording in recordings for text in recording.texts)
    return Recording(whole + noise, texts, recordings[0].language)


def long_recording(utterances: Sequence[Recording], minutes: float) -> Recording:
    """Joins utterances until the recording has a duration; begins anew with the first where they do not suffice."""
    chosen: list[Recording] = []
    duration_s = 0.0
    while duration_s < 60 * minutes:
        recording = utterances[len(chosen) % len(utterances)]
        chosen.append(recording)
        duration_s += recording.duration_s + (MIN_PAUSE_S + MAX_PAUSE_S) / 2
    return joined(chosen)


def mixed_recordings(utterances: Sequence[Recording]) -> list[Recording]:
    """Returns a few recordings of a minute or so, and each remaining utterance as a recording of its own."""
    first = MIXED_LONG_FILES * MIXED_UTTERANCES
    longer = [
        joined(utterances[i : i + MIXED_UTTERANCES], seed=i)
        for i in range(0, min(first, len(utterances)), MIXED_UTTERANCES)
    ]
    return longer + list(utterances[first:])
