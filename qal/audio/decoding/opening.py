"""Opens files with FFmpeg (PyAV) and translates its errors.

A file is opened only if it is a regular file in one of FORMATS, so that a file cannot make FFmpeg read other files,
addresses or devices."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import av
from av.container import InputContainer

from qal.errors import AudioDecodeError

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
MIN_RATE_HZ, MAX_RATE_HZ = 4000, 768_000
MAX_CHANNELS = 64
OTHER_FORMAT = "is a playlist or another format that Qal does not read; give the audio itself as WAV, FLAC, MP3 or OGG"
NOT_READABLE = "not readable as audio; give a WAV, FLAC, MP3, OGG or similar file"
NO_INDEX = "has no index, because it was cut off while it was recorded or copied; copy it again or repair it"
MP4_TYPE = slice(4, 8)  # of a file's first bytes

Check = Callable[[], object]  # called while a file is decoded; may raise to stop


def no_check() -> None:
    """Lets the decoding continue."""


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
        raise AudioDecodeError(f"{path.name}: {NOT_READABLE}") from error


@contextmanager
def open_audio(path: Path, content: bytes | None = None, offset: int = 0) -> Iterator[InputContainer]:
    """Opens a container and checks that it has an audio track.

    Args:
        path: the file; only its name is used if `content` is given.
        content: the bytes of the file, if it is not on the disk.
        offset: bytes before the container, which are not read.

    Raises:
        AudioDecodeError: it has no audio track, or its format is not one of FORMATS."""
    url = f"file:{os.path.abspath(path)}"  # a name such as `concat:a|b` is not taken for a protocol
    with _bytes_of(path, content) as file:
        source = url if content is None and not offset else _FileFrom(file, offset)
        try:
            opened = av.open(source, "r", metadata_errors="ignore", options=OPEN_OPTIONS)
        except av.ArgumentError as error:  # FFmpeg's answer for a format that is not in format_whitelist
            raise AudioDecodeError(f"{path.name}: {OTHER_FORMAT}") from error
        except av.InvalidDataError as error:
            file.seek(offset)
            if file.read(MP4_TYPE.stop)[MP4_TYPE] != b"ftyp":
                raise
            raise AudioDecodeError(f"{path.name}: {NO_INDEX}") from error
        with opened as container:
            if not container.streams.audio:
                raise AudioDecodeError(f"{path.name}: holds no audio track; give a file with sound in it")
            yield container


def _bytes_of(path: Path, content: bytes | None) -> IO[bytes]:
    return path.open("rb") if content is None else io.BytesIO(content)


class _FileFrom:
    """The part of a file after an offset, for PyAV."""

    def __init__(self, file: IO[bytes], offset: int):
        self._file, self._offset = file, offset
        file.seek(offset)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            position += self._offset
        return self._file.seek(position, whence) - self._offset

    def tell(self) -> int:
        return self._file.tell() - self._offset

    def seekable(self) -> bool:
        return True


def require_usable_rate(rate_hz: int, channels: int, path: Path) -> None:
    """Raises AudioDecodeError for a rate or a number of channels that no recording has."""
    if not is_usable_rate(rate_hz, channels):
        raise AudioDecodeError(
            f"{path.name}: has {channels} channels at {rate_hz} Hz, which cannot be used; save it again as WAV"
        )


def is_usable_rate(rate_hz: int, channels: int) -> bool:
    """True for a rate and a number of channels that recordings have."""
    return MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ and 0 < channels <= MAX_CHANNELS
