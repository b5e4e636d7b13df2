"""Finds the next part of a file that was joined from several ones without its container knowing of it.

Internet radio sends an Ogg stream for each song; `cat a.wav b.wav` joins recordings. FFmpeg ends with the first part if
the second one has other parameters."""

import io
from pathlib import Path
from typing import IO

PAGE, TYPE_OFFSET, FIRST_PAGE = b"OggS", 5, 2  # RFC 3533
RIFF, WAVE = b"RIFF", b"WAVE"
CHUNK_BYTES = 1 << 20


def next_part(path: Path, content: bytes | None, format_name: str, position: int) -> int | None:
    """Returns the offset at which the next part starts; None if there is none.

    Args:
        path: the file; not read if `content` is given.
        content: the bytes of the file.
        format_name: FFmpeg's name of the container of the part before.
        position: where that part was read to, in bytes from the start of the file."""
    if format_name not in ("ogg", "wav"):
        return None
    with path.open("rb") if content is None else io.BytesIO(content) as file:
        file.seek(position)
        return _next_stream(file, position) if format_name == "ogg" else _next_riff(file, position)


def _next_riff(file: IO[bytes], position: int) -> int | None:
    """Returns the position if a WAV file starts there, also after the odd byte that pads a chunk."""
    head = file.read(13)
    for padding in (0, 1):
        if head[padding : padding + 4] == RIFF and head[padding + 8 : padding + 12] == WAVE:
            return position + padding
    return None


def _next_stream(file: IO[bytes], position: int) -> int | None:
    """Returns the offset of the next page that starts a stream."""
    overlap = TYPE_OFFSET + 1
    data = b""
    while chunk := file.read(CHUNK_BYTES):
        data += chunk
        at = data.find(PAGE)
        while 0 <= at < len(data) - TYPE_OFFSET:
            if data[at + TYPE_OFFSET] & FIRST_PAGE:
                return position + at
            at = data.find(PAGE, at + 1)
        position += max(0, len(data) - overlap)
        data = data[-overlap:]
    return None
