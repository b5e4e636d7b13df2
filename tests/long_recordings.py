"""A long recording that is joined from the utterances of a corpus, with the true times of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.manifest import Corpus, Row

QUIET_DB = 35.0  # below the loudest frame of an utterance, which is its silence
FRAME = SAMPLE_RATE // 100


@dataclass(frozen=True)
class Spoken:
    """An utterance of the recording, without the silence at its ends."""

    text: str
    start_s: float
    end_s: float


def join_utterances(
    corpus: Corpus,
    rows: Sequence[Row],
    rng: np.random.Generator,
    pauses_s: tuple[float, float] = (0.3, 1.5),
    noise_db: float = -55.0,
) -> tuple[Samples, list[Spoken]]:
    """Joins utterances with pauses of random lengths, in room noise.

    Args:
        corpus: the corpus of the rows.
        rows: the utterances in order.
        rng: source of the pauses and of the noise.
        pauses_s: the shortest and the longest pause.
        noise_db: level of the noise."""
    parts, spoken, n = [], [], 0
    for row in rows:
        pause = np.zeros(round(rng.uniform(*pauses_s) * SAMPLE_RATE), np.float32)
        samples = decode(corpus.audio_path(row))
        first, last = speech_range(samples)
        start = n + len(pause)
        spoken.append(Spoken(row.text, (start + first) / SAMPLE_RATE, (start + last) / SAMPLE_RATE))
        parts += [pause, samples]
        n = start + len(samples)
    joined = np.concatenate([*parts, np.zeros(SAMPLE_RATE, np.float32)])
    noise = np.convolve(rng.normal(0, 1, len(joined)), np.ones(4) / 4, mode="same")  # darker than white noise
    return (joined + noise / noise.std() * 10 ** (noise_db / 20)).astype(np.float32), spoken


def speech_range(samples: Samples) -> tuple[int, int]:
    """Returns [first, last) of the samples between the silences at both ends."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    level_db = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level_db > level_db.max() - QUIET_DB)
    return int(loud[0]) * FRAME, int(loud[-1] + 1) * FRAME


def srt(cues: Sequence[tuple[float, float, str]]) -> str:
    """Formats (start, end, text) with times in seconds as SubRip."""
    blocks = [f"{i}\n{_clock(start)} --> {_clock(end)}\n{text}\n" for i, (start, end, text) in enumerate(cues, 1)]
    return "\n".join(blocks)


def _clock(time_s: float) -> str:
    ms = max(0, round(time_s * 1000))
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"
