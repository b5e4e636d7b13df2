"""Writes the audio of an example: 16 kHz mono FLAC, or a copy of a recording that already has the right form."""

import hashlib
import io
import os
import wave
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, from_pcm16, seconds, to_pcm16
from qal.audio.sound_check import require_sound

FLAC_FRAME = 4096  # samples
MAX_COPIED_BYTES = 64_000_000  # of a WAV file that is read whole to be copied: half an hour
WAV_HEADER = b"RIFF"
NOTED_PEAK = 1.01  # a smaller excess comes from the filter of the resampler
SCALED = "scaled down by {:.1f} dB, because its peak was above full scale"
WAV_SUFFIX, FLAC_SUFFIX = ".wav", ".flac"


@dataclass(frozen=True)
class WrittenAudio:
    """The audio file of an example."""

    suffix: str
    duration_s: float
    sha256: str
    size: int  # bytes
    notes: tuple[str, ...] = ()


def within_full_scale(samples: Samples) -> tuple[Samples, tuple[str, ...]]:
    """Scales samples above full scale down as a whole. Returns them with a note if that is audible."""
    peak = float(np.abs(samples).max(initial=0))
    if not peak > 1:  # also samples that are not numbers, which are refused later
        return samples, ()
    note = (SCALED.format(20 * np.log10(peak)),) if peak >= NOTED_PEAK and np.isfinite(peak) else ()
    return samples / np.float32(peak), note


def write_flac(path: Path, samples: Samples, name: str) -> WrittenAudio:
    """Writes samples, (n,) at 16 kHz, as 16-bit FLAC. The suffix is added to the path.

    Raises AudioDecodeError, which starts with `name`, if they are empty, silent or not finite."""
    require_sound(samples, name)
    samples, notes = within_full_scale(samples)
    return _write(path, FLAC_SUFFIX, flac_bytes(samples), seconds(samples), notes)


def flac_bytes(samples: Samples) -> bytes:
    """Encodes samples, (n,) at 16 kHz, as 16-bit FLAC. The same samples always give the same bytes."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", options={"flags": "+bitexact"})
        pcm = to_pcm16(samples)
        for start in range(0, len(pcm), FLAC_FRAME):
            frame = av.AudioFrame.from_ndarray(pcm[None, start : start + FLAC_FRAME], "s16", "mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def copy_wav(source: Path, target: Path, name: str) -> WrittenAudio | None:
    """Copies a WAV file that is 16-bit mono at 16 kHz; returns None for any other file. The suffix is added.

    Raises AudioDecodeError, which starts with `name`, if it is empty or silent."""
    if source.suffix.lower() != WAV_SUFFIX:
        return None
    with source.open("rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_COPIED_BYTES:
            return None
        content = file.read()
    pcm = _wav_samples(content)
    if pcm is None:
        return None
    require_sound(pcm, name)
    return _write(target, WAV_SUFFIX, content, seconds(pcm))


def _wav_samples(content: bytes) -> Samples | None:
    """Returns the samples of a 16-bit mono WAV file at 16 kHz that is not cut off; None for any other content."""
    if not content.startswith(WAV_HEADER):
        return None
    try:
        with wave.open(io.BytesIO(content)) as file:
            if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, PCM_BYTES, SAMPLE_RATE):
                return None
            data = file.readframes(file.getnframes())
            is_whole = len(data) == file.getnframes() * PCM_BYTES
    except (wave.Error, EOFError):
        return None
    return from_pcm16(np.frombuffer(data, "<i2")) if is_whole else None


def _write(stem: Path, suffix: str, content: bytes, duration_s: float, notes: tuple[str, ...] = ()) -> WrittenAudio:
    """Writes a file under a temporary name and renames it, so that no file of its name is incomplete."""
    path = stem.with_name(f"{stem.name}{suffix}")
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
    temporary.replace(path)
    return WrittenAudio(suffix, round(duration_s, 3), hashlib.sha256(content).hexdigest(), len(content), notes)
