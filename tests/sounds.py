"""Sounds with known answers, as files and as corpora."""

import shutil
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import to_pcm16
from qal.corpus.manifest import Corpus, Origin, Row, write_corpus
from qal.corpus.split import SPLITS


def sine(hz: float, duration_s: float, rate_hz: int = 16_000, amplitude: float = 1.0) -> NDArray[np.float32]:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(duration_s * rate_hz)) / rate_hz)).astype(np.float32)


def write(path: Path, native: NDArray[np.float32], rate_hz: int = 16_000) -> Path:
    """(n,) or (channels, n) -> a WAV file"""
    channels = np.atleast_2d(native)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(to_pcm16(channels.T).tobytes())
    return path


def tones_corpus(folder: Path, rows: int, text: str = "tone number {i}") -> Corpus:
    """Half a second each, in all splits by turns."""
    path = write(folder / "audio" / "0.wav", sine(440, 0.5))
    for i in range(1, rows):
        shutil.copy(path, folder / "audio" / f"{i}.wav")
    made = [
        Row(
            audio=f"audio/{i}.wav",
            text=text.format(i=i),
            language="en",
            speaker=f"speaker {i % 2}",
            duration_s=0.5,
            split=SPLITS[i % 3],
            sha256="0" * 64,
        )
        for i in range(rows)
    ]
    return write_corpus(folder, Origin(name=folder.name), made)


def spoken_corpus(folder: Path, corpus: Corpus, count: int) -> Corpus:
    """The first rows of a corpus that last some seconds, copied."""
    rows = [row for row in corpus.rows if 3 < row.duration_s < 8][:count]
    for row in rows:
        (folder / row.audio).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(corpus.audio_path(row), folder / row.audio)
    return write_corpus(folder, Origin(name=folder.name, licence="CC0-1.0", source="a test"), rows)
