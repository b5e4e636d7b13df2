"""Writes the audio of an example: 16 kHz mono FLAC, or a copy of a recording that already has the right form."""

import hashlib
import io
import os
import struct
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from qal.audio.decoding.wav_length import CHUNK_HEADER, RIFF_HEADER_BYTES, missing_wav_share
from qal.audio.samples import HOP, PCM_BYTES, SAMPLE_RATE, Samples, from_pcm16, seconds, to_pcm16
from qal.audio.sound_check import MIN_SWING, require_sound
from qal.errors import AudioDecodeError

FLAC_FRAME = 4096  # samples
MAX_COPIED_BYTES = 64_000_000  # of a WAV file that is read whole to be copied: half an hour
WAV_PCM = 1
WAV_FORM = struct.Struct("<HHIIHH")
LOUD_ENOUGH = 2 * MIN_SWING * 32768 + 1  # distance from the lowest to the highest 16-bit sample
MAX_MISSING_SHARE = 0.02  # of the samples of a WAV file that is still whole enough for its text
CUT_OFF = "is cut off: {:.0%} of its samples are missing; copy or download it again"
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


def copy_wav(source: Path | bytes, target: Path, name: str) -> WrittenAudio | None:
    """Copies a WAV file that is 16-bit mono at 16 kHz; returns None for any other file. The suffix is added.

    Args:
        source: the file, or its content.
        target: the new file, without suffix.
        name: for the error.

    Raises:
        AudioDecodeError: it is empty or silent."""
    content = source if isinstance(source, bytes) else _wav_content(source)
    pcm = _wav_samples(content) if content else None
    if content is None or pcm is None:
        return None
    if len(pcm) < HOP or int(pcm.max()) - int(pcm.min()) < LOUD_ENOUGH:
        require_sound(from_pcm16(pcm), name)
    return _write(target, WAV_SUFFIX, content, len(pcm) / SAMPLE_RATE)


def _wav_content(path: Path) -> bytes | None:
    """Returns the content of a file that may be copied, by its suffix and size; None for any other file."""
    if path.suffix.lower() != WAV_SUFFIX:
        return None
    with open(path, "rb") as file:
        return None if os.fstat(file.fileno()).st_size > MAX_COPIED_BYTES else file.read()


def require_whole_wav(path: Path) -> None:
    """Raises AudioDecodeError if a WAV file ends before the samples that its header states.

    A file that cannot be opened passes: the decoder says why."""
    try:
        missing_share = missing_wav_share(path)
    except OSError:
        return
    if missing_share > MAX_MISSING_SHARE:
        raise AudioDecodeError(f"{path.name}: {CUT_OFF.format(missing_share)}")


def _wav_samples(content: bytes) -> NDArray[np.int16] | None:
    """Returns the samples of a 16-bit mono WAV file at 16 kHz that is not cut off; None for any other content."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    at, is_right_form = RIFF_HEADER_BYTES, False
    while at + CHUNK_HEADER.size <= len(content):
        kind, size = CHUNK_HEADER.unpack_from(content, at)
        at += CHUNK_HEADER.size
        if kind == b"data":
            is_whole = size % PCM_BYTES == 0 and at + size <= len(content)
            return np.frombuffer(content, "<i2", size // PCM_BYTES, at) if is_right_form and is_whole else None
        if kind == b"fmt " and size >= WAV_FORM.size and at + WAV_FORM.size <= len(content):
            codec, channels, rate_hz, _, _, bits = WAV_FORM.unpack_from(content, at)
            is_right_form = (codec, channels, rate_hz, bits) == (WAV_PCM, 1, SAMPLE_RATE, 8 * PCM_BYTES)
        at += size + size % 2
    return None


def _write(stem: Path, suffix: str, content: bytes, duration_s: float, notes: tuple[str, ...] = ()) -> WrittenAudio:
    """Writes a file. It may be incomplete until the journal names it, which also holds its size."""
    path = f"{os.fspath(stem)}{suffix}"
    try:
        _write_file(path, content)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        _write_file(path, content)
    return WrittenAudio(suffix, round(duration_s, 3), hashlib.sha256(content).hexdigest(), len(content), notes)


def _write_file(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
