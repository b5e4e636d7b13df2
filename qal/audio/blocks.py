"""An audio file block by block: as it is, and as the model hears it. One pass, little memory."""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from qal.audio.decode import (
    MAX_DURATION_S,
    SILENT_FILE,
    decode_errors,
    frames_of,
    mixed_to_one,
    mono_resampler,
    open_audio,
    too_long,
)
from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, to_pcm16
from qal.errors import AudioDecodeError
from qal.storage import storage_errors

BLOCK_S = 5
MAX_CHANNELS, MAX_RATE_HZ = 64, 768_000
EXACT_CONTAINERS, EXACT_CODECS = ("wav", "flac"), ("pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_u8", "flac")

Native = NDArray[np.float32]  # (channels, n) at the file's own rate


@dataclass(frozen=True)
class SoundFormat:
    """What a file says about its sound."""

    container: str
    codec: str
    rate_hz: int
    channels: int
    said_s: float  # how long it says it is; 0 where it does not, and not always the truth

    @property
    def is_exact(self) -> bool:
        """True where every browser plays it, and seeks in it to the sample."""
        return self.container in EXACT_CONTAINERS and self.codec in EXACT_CODECS


@dataclass(frozen=True)
class Block:
    """About BLOCK_S. `heard` lags a little behind `native`: the resampler holds some samples back."""

    native: Native
    heard: Samples


def sound_format(path: Path) -> SoundFormat:
    """Raises AudioDecodeError: no such file, not audio."""
    with decode_errors(path), open_audio(path) as container:
        stream = container.streams.audio[0]
        rate_hz, channels = stream.rate or 0, stream.layout.nb_channels
        if not 0 < rate_hz <= MAX_RATE_HZ or not 0 < channels <= MAX_CHANNELS:
            raise AudioDecodeError(
                f"{path.name}: has {channels} channels at {rate_hz} Hz, which cannot be used; save it again as WAV"
            )
        codec, said_s = stream.codec_context.codec.canonical_name, (container.duration or 0) / av.time_base
        return SoundFormat(container.format.name, codec, rate_hz, channels, said_s)


def read_blocks(path: Path, max_duration_s: float) -> Iterator[Block]:
    """Raises AudioDecodeError when the file is missing, holds no audio, is empty or is too long."""
    total_s, anything = 0.0, False
    for block in _joined(_decoded(path), BLOCK_S * sound_format(path).rate_hz):
        total_s += len(block.heard) / SAMPLE_RATE
        if total_s > max_duration_s:
            raise too_long(path, max_duration_s)
        anything = anything or block.native.size > 0
        yield block
    if not anything:
        raise AudioDecodeError(f"{path.name}: {SILENT_FILE}")


def heard_part(path: Path, start_s: float, end_s: float) -> Samples:
    """What the model hears of [start_s, end_s) of a file; what comes later is not read.

    Raises AudioDecodeError as read_blocks, and when the file ends before start_s."""
    first, last, at = round(start_s * SAMPLE_RATE), round(min(end_s, MAX_DURATION_S) * SAMPLE_RATE), 0
    parts = []
    for block in read_blocks(path, MAX_DURATION_S):
        parts.append(block.heard[max(0, first - at) : max(0, last - at)])
        at += len(block.heard)
        if at >= last:
            break
    if at <= first:
        raise AudioDecodeError(f"{path.name}: {_ends(at / SAMPLE_RATE)}")
    return np.concatenate(parts)


def write_wav(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        _begin(file, 1, SAMPLE_RATE)
        file.writeframes(to_pcm16(samples).tobytes())


def write_heard(path: Path, wav: Path, max_duration_s: float) -> None:
    """What the model hears of a file, as a WAV file that every browser plays."""
    with storage_errors(str(wav)), wave.open(str(wav), "wb") as file:
        _begin(file, 1, SAMPLE_RATE)
        for block in read_blocks(path, max_duration_s):
            file.writeframes(to_pcm16(block.heard).tobytes())


def cut_wav(path: Path, wav: Path, start_s: float, end_s: float) -> int:
    """Writes [start_s, end_s) of a file at its own rate, with its channels -> how many samples that are.

    Raises AudioDecodeError when the file ends before."""
    form, at = sound_format(path), 0
    first, last = round(start_s * form.rate_hz), round(end_s * form.rate_hz)
    with storage_errors(str(wav)), wave.open(str(wav), "wb") as file:
        _begin(file, form.channels, form.rate_hz)
        for native, _ in _decoded(path):
            part = native[:, max(0, first - at) : max(0, last - at)]
            file.writeframes(to_pcm16(part.T).tobytes())
            at += native.shape[1]
            if at >= last:
                return last - first
    raise AudioDecodeError(f"{path.name}: {_ends(at / form.rate_hz)}")


def _ends(end_s: float) -> str:
    return f"ends at {end_s:.2f} s; choose a part of it"


def _begin(file: wave.Wave_write, channels: int, rate_hz: int) -> None:
    file.setnchannels(channels)
    file.setsampwidth(PCM_BYTES)
    file.setframerate(rate_hz)


def _joined(parts: Iterator[tuple[Native, Samples]], size: int) -> Iterator[Block]:
    """Frames as blocks of at least `size` of their samples, the last one shorter."""
    waiting, n = [], 0
    for native, heard in parts:
        waiting.append((native, heard))
        n += native.shape[1]
        if n >= size:
            yield _block(waiting)
            waiting, n = [], 0
    if waiting:
        yield _block(waiting)


def _block(parts: list[tuple[Native, Samples]]) -> Block:
    natives, heards = zip(*parts, strict=True)
    return Block(np.concatenate(natives, axis=1), np.concatenate(heards))


def _decoded(path: Path) -> Iterator[tuple[Native, Samples]]:
    """A frame each: its own samples, and what the resampler gave for it."""
    with decode_errors(path), open_audio(path) as container:
        stream, to_heard = container.streams.audio[0], mono_resampler()
        to_native = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        empty = np.zeros((stream.layout.nb_channels, 0), np.float32)
        for frame in frames_of(container):
            native = [f.to_ndarray().astype(np.float32, copy=False) for f in to_native.resample(frame)]
            heard = [mixed_to_one(f) for f in to_heard.resample(frame)]
            yield np.concatenate([empty, *native], axis=1), np.concatenate([empty[0, :0], *heard])
