"""Reads the names and shapes of a model.bin, never its weights: how large a model directory's Whisper is.

The layout is told in export/from_ctranslate2.py. The file may be anybody's: whatever it says is bounded."""

import math
import os
import struct
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from engine.published import LANGUAGES, LANGUAGES_V3, MODEL_OF_SHAPE, Dimensions
from errors import ModelError

MAX_VARIABLES, MAX_RANK, MAX_LAYERS, MAX_HEADS = 20_000, 4, 200, 200
ENGLISH_VOCABULARY, VOCABULARY, VOCABULARY_V3 = 51_864, 51_865, 51_866  # tokens, as the Whispers were published
LANGUAGES_OF = {ENGLISH_VOCABULARY: 1, VOCABULARY: LANGUAGES, VOCABULARY_V3: LANGUAGES_V3}
NO_WEIGHTS = ("_scale", "num_heads", "position_encodings/encodings", "alignment_heads")  # what learns nothing
Shapes = dict[str, tuple[int, ...]]


def read_dimensions(directory: Path) -> Dimensions:
    """Of a model directory. Raises ModelError where its model.bin is not a whole Whisper of CTranslate2."""
    path = directory / "model.bin"
    try:
        status = path.stat()
        return _dimensions(path, status.st_mtime_ns, status.st_size)
    except (OSError, struct.error, UnicodeDecodeError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"{path}: broken or not a Whisper model of CTranslate2; fetch or export it again") from error


@lru_cache(maxsize=256)
def _dimensions(path: Path, changed_ns: int, size: int) -> Dimensions:
    with path.open("rb") as file:
        shapes, heads = _read(file, size)
    vocabulary, width = shapes["decoder/embeddings/weight"]
    found = Dimensions(
        encoder_layers=_layers(shapes, "encoder"),
        decoder_layers=_layers(shapes, "decoder"),
        width=width,
        heads=heads,
        parameters=sum(math.prod(shape) for name, shape in shapes.items() if not name.endswith(NO_WEIGHTS)),
        languages=LANGUAGES_OF.get(vocabulary, LANGUAGES),
    )
    stock = MODEL_OF_SHAPE.get(found.shape)
    return replace(found, parameters=stock.parameters) if stock else found  # the number that people know


def _read(file: BinaryIO, size: int) -> tuple[Shapes, int]:
    """-> (the shape of each variable that is stored, attention heads)"""

    def number(code: str) -> int:
        return struct.unpack("<" + code, file.read(struct.calcsize(code)))[0]

    def string() -> str:
        return file.read(number("H")).rstrip(b"\0").decode()

    number("I")
    if string() != "WhisperSpec":
        raise ValueError("not Whisper")
    number("I")
    count, heads, shapes = number("I"), 0, {}
    if count > MAX_VARIABLES:
        raise ValueError(f"{count} variables")
    for _ in range(count):
        name, rank = string(), number("B")
        if rank > MAX_RANK:
            raise ValueError(f"{name}: rank {rank}")
        shapes[name] = tuple(number("I") for _ in range(rank))
        number("B")
        stored = number("I")
        if file.tell() + stored > size:
            raise ValueError("the file ends too early")
        if name == "encoder/num_heads":
            heads = int.from_bytes(file.read(stored), "little")
        else:
            file.seek(stored, os.SEEK_CUR)
    if not 0 < heads <= MAX_HEADS:
        raise ValueError(f"{heads} heads")
    return shapes, heads


def _layers(shapes: Shapes, side: str) -> int:
    found = {name.split("/")[1] for name in shapes if name.startswith(f"{side}/layer_")} - {"layer_norm"}
    if not 0 < len(found) <= MAX_LAYERS:
        raise ValueError(f"{len(found)} layers")
    return len(found)
