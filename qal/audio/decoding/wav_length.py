"""Compares the length that the header of a WAV file states with the size of the file."""

import os
import struct
from pathlib import Path

RIFF_HEADER_BYTES = 12
CHUNK_HEADER = struct.Struct("<4sI")
UNKNOWN_LENGTH = 0x7FFF0000  # in the header of a WAV file that was written as a stream


def missing_wav_share(path: Path) -> float:
    """Returns the share of its samples, 0 to 1, that a WAV file lacks; 0 for any other file, and for a stream.

    Raises OSError if the file cannot be opened."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(RIFF_HEADER_BYTES)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return 0.0
        while len(header := file.read(CHUNK_HEADER.size)) == CHUNK_HEADER.size:
            kind, length = CHUNK_HEADER.unpack(header)
            if kind == b"data":
                missing = length - (size - file.tell())
                return missing / length if missing > 0 and length < UNKNOWN_LENGTH else 0.0
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0.0
