"""Decodes any audio file to samples with FFmpeg (PyAV).

A file is decoded only if it is a regular file in one of FORMATS, so that a file cannot make FFmpeg read other files,
addresses or devices."""

import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer

from qal.audio.holes import SilenceFiller, start_of
from qal.audio.mix import CANCELLED, MonoMixer
from qal.audio.planes import channels_of, interleaved
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.sound_check import NumberCheck
from qal.errors import AudioDecodeError

AUDIO_SUFFIXES = {  # of the files that imports and folders of noises read; lower case
    *(".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".aiff", ".aif", ".wma", ".webm", ".mp4"),
    *(".g722", ".gsm"),  # telephone prompts
}
# FFmpeg's names of the containers that are decoded. None of them refers to other files, as playlists (hls, dash),
# concat, sdp and image sequences do, and none is without an end.
FORMATS = (
    *("aac", "ac3", "aiff", "alaw", "amr", "amrnb", "amrwb", "ape", "asf", "au", "avi", "caf", "codec2", "dsf", "dts"),
    *("dtshd", "eac3", "flac", "flv", "g722", "g723_1", "g726", "g729", "gsm", "gxf", "iff", "ilbc", "ircam", "lc3"),
    *("loas", "matroska", "mlp", "mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "mulaw", "mxf", "nistsphere", "nut"),
    *("ogg", "oma", "pvf", "qcp", "qoa", "rm", "sbc", "sln", "sox", "tak", "truehd", "tta", "voc", "w64", "wav", "wsd"),
    *("wtv", "wv", "xwma"),
)
OPEN_OPTIONS = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file"}
# A small file of a lower rate is days of sound; resampling a higher one takes too much memory.
MIN_RATE_HZ, MAX_RATE_HZ = 1000, 768_000
MAX_CHANNELS = 64
MAX_STALL_S = 60.0  # of decoding without a sample; then the file is given up
MAX_DURATION_S = 12 * 3600  # longer files are refused before they fill the memory
LOG = logging.getLogger("qal")
NO_SAMPLES = "holds no audio samples; give a file with sound in it"
OTHER_FORMAT = "is a playlist or another format that Qal does not read; give the audio itself as WAV, FLAC, MP3 or OGG"

Check = Callable[[], object]  # called while a file is decoded; may raise to stop


def no_check() -> None:
    """Lets the decoding continue."""


def decode(path: Path | str, max_duration_s: float = MAX_DURATION_S, check: Check = no_check) -> Samples:
    """Decodes a file to (n,) float32 at 16 kHz; channels are mixed as in `MonoMixer`, which is logged if they cancel.

    A few samples that are not numbers become zero. Holes in the sound become silence, as in `SilenceFiller`.

    Args:
        path: the audio file.
        max_duration_s: longer files are refused.
        check: called for each piece; an error that it raises stops the decoding.

    Raises:
        AudioDecodeError: the file is missing, holds no audio, is empty, is too long or holds too few numbers."""
    return _concatenated(Path(path), lambda file: _decoded_pieces(file, max_duration_s, check))


def decode_start(path: Path | str, limit_s: float) -> Samples:
    """Decodes the first `limit_s` seconds of a file, in the format of `decode`; the rest is not read.

    Raises AudioDecodeError as `decode` does."""
    n = int(limit_s * SAMPLE_RATE)
    return _concatenated(Path(path), lambda file: _limited(_decoded_pieces(file, float("inf")), n))


def _limited(pieces: Iterator[Samples], n: int) -> Iterator[Samples]:
    """Yields pieces up to a total of n samples."""
    for piece in pieces:
        yield piece[:n]
        n -= len(piece)
        if n <= 0:
            return


def _concatenated(path: Path, read: Callable[[Path], Iterator[Samples]]) -> Samples:
    with decode_errors(path):
        pieces = list(read(path))
    if not any(map(len, pieces)):
        raise AudioDecodeError(f"{path.name}: {NO_SAMPLES}")
    return np.concatenate(pieces)


@contextmanager
def decode_errors(path: Path) -> Iterator[None]:
    """Translates a missing file and FFmpeg's errors into AudioDecodeError."""
    if not os.path.isfile(path):  # also false for names that no file system allows
        if os.path.exists(path):  # a pipe or a device may have no end
            raise AudioDecodeError(f"{path}: not a regular file; give an audio file")
        raise AudioDecodeError(f"{path}: there is no such file; check the path")
    with ffmpeg_errors(path):
        yield


@contextmanager
def ffmpeg_errors(path: Path) -> Iterator[None]:
    """Translates FFmpeg's errors into AudioDecodeError."""
    try:
        yield
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise AudioDecodeError(
            f"{path.name}: not readable as audio; give a WAV, FLAC, MP3, OGG or similar file"
        ) from error


@contextmanager
def open_audio(path: Path, content: bytes | None = None) -> Iterator[InputContainer]:
    """Opens a container and checks that it has an audio track.

    Args:
        path: the file; only its name is used if `content` is given.
        content: the bytes of the file, if it is not on the disk.

    Raises:
        AudioDecodeError: it has no audio track, its codec is unknown, or its format is not one of FORMATS."""
    url = f"file:{os.path.abspath(path)}"  # a name such as `concat:a|b` is not taken for a protocol
    file = url if content is None else io.BytesIO(content)
    try:
        opened = av.open(file, "r", metadata_errors="ignore", options=OPEN_OPTIONS)
    except av.ArgumentError as error:  # FFmpeg's answer for a format that is not in format_whitelist
        raise AudioDecodeError(f"{path.name}: {OTHER_FORMAT}") from error
    with opened as container:
        if not container.streams.audio:
            raise AudioDecodeError(f"{path.name}: holds no audio track; give a file with sound in it")
        if container.streams.audio[0].codec_context is None:  # FFmpeg does not know the codec
            raise AudioDecodeError(f"{path.name}: its sound has an unknown codec; save it again as WAV, FLAC or MP3")
        yield container


def resampler_to_16_khz() -> av.AudioResampler:
    """Returns a resampler to 16 kHz that keeps the channels; FFmpeg's own mix to mono is 3 dB too loud."""
    return av.AudioResampler(format="flt", rate=SAMPLE_RATE)


def too_long_error(path: Path, max_duration_s: float) -> AudioDecodeError:
    """Returns the error for a file above the maximum duration."""
    return AudioDecodeError(f"{path.name}: longer than {max_duration_s / 3600:g} hours; cut it into shorter files")


def _decoded_pieces(path: Path, max_duration_s: float, check: Check = no_check) -> Iterator[Samples]:
    total = 0
    resampler, numbers, mixer = resampler_to_16_khz(), NumberCheck(path.name), MonoMixer()
    with open_audio(path) as container:
        for frame in decoded_frames(container, path):
            check()
            for resampled in resampler.resample(numbers.feed(frame)):
                total += resampled.samples
                if total > max_duration_s * SAMPLE_RATE:
                    raise too_long_error(path, max_duration_s)
                yield mixer.feed(channels_of(resampled))
    yield mixer.flush()
    numbers.flush()
    if mixer.has_cancelled:
        LOG.warning("%s: %s", path.name, CANCELLED)


def require_usable_rate(rate_hz: int, channels: int, path: Path) -> None:
    """Raises AudioDecodeError for a rate or a number of channels that no recording has."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ or not 0 < channels <= MAX_CHANNELS:
        raise AudioDecodeError(
            f"{path.name}: has {channels} channels at {rate_hz} Hz, which cannot be used; save it again as WAV"
        )


def decoded_frames(
    container: InputContainer, path: Path, filler: SilenceFiller | None = None
) -> Iterator[av.AudioFrame | None]:
    """Yields the decoded audio frames with silence in their holes, then None, which flushes a resampler.

    Args:
        container: the file.
        path: its name, for messages.
        filler: what fills the holes; None: one that counts from the start of the file, as its subtitles do.

    Raises:
        AudioDecodeError: a frame's rate cannot be used, or there is no sample for MAX_STALL_S; the time that the
            caller takes does not count."""
    last_progress_s = time.monotonic()
    for packet in container.demux(audio=0):
        for frame in packet.decode():
            require_usable_rate(frame.sample_rate, frame.layout.nb_channels, path)
            filler = filler or SilenceFiller(start_of(container))
            for part in filler.feed(interleaved(frame), frame.time):
                part.pts = None  # invalid time stamps would stop the resampler
                started_s = time.monotonic()
                yield part
                resumed_s = time.monotonic()
                last_progress_s = resumed_s if part.samples else last_progress_s + resumed_s - started_s
        if time.monotonic() - last_progress_s > MAX_STALL_S:
            raise AudioDecodeError(f"{path.name}: no sound in {MAX_STALL_S:g} s of decoding; save it again as WAV")
    yield None
