"""Audio with known properties, as WAV files and as corpora."""

import shutil
import struct
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import to_pcm16
from qal.corpus.manifest import Corpus, Origin, Row, write_corpus
from qal.corpus.split import SPLITS


def sine(hz: float, duration_s: float, rate_hz: int = 16_000, amplitude: float = 1.0) -> NDArray[np.float32]:
    """A sine wave, (n,)."""
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(duration_s * rate_hz)) / rate_hz)).astype(np.float32)


def write_audio(path: Path, native: NDArray[np.float32], rate_hz: int = 16_000) -> Path:
    """Writes samples, (n,) or (channels, n), to a WAV file and returns its path."""
    channels = np.atleast_2d(native)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(to_pcm16(channels.T).tobytes())
    return path


def write_float_audio(path: Path, native: NDArray[np.float32], rate_hz: int = 16_000) -> Path:
    """Writes samples, (n,) or (channels, n), to a WAV file of 32-bit floats, which may hold any value."""
    channels = np.atleast_2d(native)
    data = np.ascontiguousarray(channels.T).astype("<f4").tobytes()
    block = 4 * len(channels)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, len(channels), rate_hz, rate_hz * block, block, 32)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    return path


def tones_corpus(folder: Path, count: int, text: str = "tone number {i}") -> Corpus:
    """A corpus of `count` tones of half a second, by two speakers, with the splits in turn."""
    path = write_audio(folder / "audio" / "0.wav", sine(440, 0.5))
    for i in range(1, count):
        shutil.copy(path, folder / "audio" / f"{i}.wav")
    rows = [
        Row(
            audio=f"audio/{i}.wav",
            text=text.format(i=i),
            language="en",
            speaker=f"speaker {i % 2}",
            duration_s=0.5,
            split=SPLITS[i % 3],
            sha256="0" * 64,
        )
        for i in range(count)
    ]
    return write_corpus(folder, Origin(name=folder.name), rows)


def spoken_corpus(folder: Path, corpus: Corpus, count: int) -> Corpus:
    """A copy of the first `count` examples of a corpus that last 3 to 8 seconds."""
    rows = [row for row in corpus.rows if 3 < row.duration_s < 8][:count]
    for row in rows:
        (folder / row.audio).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(corpus.audio_path(row), folder / row.audio)
    return write_corpus(folder, Origin(name=folder.name, licence="CC0-1.0", source="a test"), rows)
