"""Reads an audio file block by block, both at its own rate and as the model's input, in one pass and little memory."""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from qal.audio.decode import MAX_DURATION_S, too_long_error
from qal.audio.decoding.opening import Check, decode_errors, no_check, open_audio, require_usable_rate
from qal.audio.decoding.sound_stream import NativeSamples, Piece, SoundStream
from qal.audio.decoding.tracks import AUTO, choose_track, list_tracks
from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, to_pcm16
from qal.errors import AudioDecodeError
from qal.storage import format_bytes, storage_errors

BLOCK_S = 5
MAX_WAV_BYTES = 1 << 31  # of a range that is cut out; a WAV file cannot be much larger
BROWSER_CONTAINERS = ("wav", "flac")  # FFmpeg's names
BROWSER_CODECS = ("pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_u8", "flac")


@dataclass(frozen=True)
class AudioFormat:
    """The format of an audio file, as its header declares it."""

    container: str
    codec: str
    rate_hz: int
    channels: int
    declared_duration_s: float  # 0 if not declared; may be wrong

    @property
    def is_browser_playable(self) -> bool:
        """True if every browser plays the file and seeks in it to the exact sample."""
        return self.container in BROWSER_CONTAINERS and self.codec in BROWSER_CODECS


class Block(NamedTuple):
    """About BLOCK_S seconds of a file. `samples` lags up to a second behind `native`, until the last block."""

    native: NativeSamples
    samples: Samples
    notes: tuple[str, ...] = ()  # what was left out, chosen or changed up to here, in sentences without a full stop


def read_audio_format(path: Path) -> AudioFormat:
    """Reads the format of a file.

    Raises AudioDecodeError if the file is missing, is not audio or has an unusable rate or number of channels."""
    with decode_errors(path), open_audio(path) as container:
        track = choose_track(list_tracks(container), AUTO, None, path)
        require_usable_rate(track.rate_hz, track.channels, path)
        return AudioFormat(
            container=container.format.name,
            codec=track.codec,
            rate_hz=track.rate_hz,
            channels=track.channels,
            declared_duration_s=(container.duration or 0) / av.time_base,
        )


def read_blocks(path: Path, max_duration_s: float, check: Check = no_check) -> Iterator[Block]:
    """Decodes the default track of a file block by block; what is damaged is left out and noted.

    `check` is called for each piece; an error that it raises stops the decoding. Raises AudioDecodeError if the file is
    missing, holds no audio, is empty or is too long."""
    total_s = 0.0
    for block in _blocks(path, check):
        total_s += len(block.samples) / SAMPLE_RATE
        if total_s > max_duration_s:
            raise too_long_error(path, max_duration_s)
        yield block


def read_time_range(path: Path, start_s: float, end_s: float, check: Check = no_check) -> Samples:
    """Decodes [start_s, end_s) of a file to the model's input; audio after it is not read. `check`: see `read_blocks`.

    Raises AudioDecodeError as `read_blocks` does, and if the file ends before start_s."""
    first, last = round(start_s * SAMPLE_RATE), round(min(end_s, MAX_DURATION_S) * SAMPLE_RATE)
    position = 0
    pieces = []
    for block in read_blocks(path, MAX_DURATION_S, check):
        pieces.append(block.samples[max(0, first - position) : max(0, last - position)])
        position += len(block.samples)
        if position >= last:
            break
    if position <= first:
        raise AudioDecodeError(f"{path.name}: {_ends_at(position / SAMPLE_RATE)}")
    return np.concatenate(pieces)


def write_wav(path: Path, samples: Samples) -> None:
    """Writes samples to a 16-bit WAV file."""
    with wave.open(str(path), "wb") as file:
        _set_format(file, 1, SAMPLE_RATE)
        file.writeframes(to_pcm16(samples).tobytes())


def convert_to_wav(path: Path, wav: Path, max_duration_s: float, check: Check = no_check) -> None:
    """Writes the model's input for a file (mono, 16 kHz) to a WAV file, which every browser plays.

    `check`: see `read_blocks`. Raises AudioDecodeError as `read_blocks` does, and StorageError."""
    with storage_errors(str(wav)), wave.open(str(wav), "wb") as file:
        _set_format(file, 1, SAMPLE_RATE)
        for block in read_blocks(path, max_duration_s, check):
            file.writeframes(to_pcm16(block.samples).tobytes())


def trim_to_wav(path: Path, wav: Path, start_s: float, end_s: float, check: Check = no_check) -> int:
    """Writes [start_s, end_s) of a file to a WAV file, with the file's own rate and channels.

    Returns the number of samples per channel. `check` is called for each piece; an error that it raises stops the
    decoding. Raises AudioDecodeError if the file ends before end_s or the range is too long, and StorageError."""
    audio_format, position = read_audio_format(path), 0
    first, last = round(start_s * audio_format.rate_hz), round(end_s * audio_format.rate_hz)
    size_bytes = (last - first) * audio_format.channels * PCM_BYTES
    if size_bytes > MAX_WAV_BYTES:  # a small compressed file may hold days of silence in many channels
        raise AudioDecodeError(f"{path.name}: the selection has {format_bytes(size_bytes)}; choose a shorter one")
    with storage_errors(str(wav)), wave.open(str(wav), "wb") as file:
        _set_format(file, audio_format.channels, audio_format.rate_hz)
        for block in _blocks(path, check):
            piece = block.native[:, max(0, first - position) : max(0, last - position)]
            file.writeframes(to_pcm16(piece.T).tobytes())
            position += block.native.shape[1]
            if position >= last:
                return last - first
    raise AudioDecodeError(f"{path.name}: {_ends_at(position / audio_format.rate_hz)}")


def _ends_at(end_s: float) -> str:
    return f"ends at {end_s:.2f} s; choose a range inside it"


def _set_format(file: wave.Wave_write, channels: int, rate_hz: int) -> None:
    file.setnchannels(channels)
    file.setsampwidth(PCM_BYTES)
    file.setframerate(rate_hz)


def _blocks(path: Path, check: Check) -> Iterator[Block]:
    """Yields blocks of at least BLOCK_S native seconds; the last one may be shorter."""
    size = BLOCK_S * read_audio_format(path).rate_hz
    stream = SoundStream(path, has_native=True, check=check)
    pending: list[Piece] = []
    n = 0
    for piece in stream.pieces():
        pending.append(piece)
        n += _native(piece).shape[1]
        if n >= size:
            yield _block(pending, stream.notes)
            pending, n = [], 0
    yield _block(pending, stream.notes)


def _block(pieces: list[Piece], notes: list[str]) -> Block:
    native = np.concatenate([_native(piece) for piece in pieces], axis=1)
    return Block(native, np.concatenate([piece.samples[0] for piece in pieces]), tuple(notes))


def _native(piece: Piece) -> NativeSamples:
    if piece.native is None:
        raise ValueError("the stream was opened without its native samples")
    return piece.native
