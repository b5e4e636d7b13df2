"""CTranslate2's model.bin: what it holds and where, without reading the weights.

Layout, little endian: u32 version, str spec, u32 revision, u32 count, then per variable str name, u8 rank, u32
dimensions, u8 type, u32 bytes, data; then u32 count and pairs of alias and name. Strings are u16 length (NUL included)
and bytes. Source: ctranslate2/specs/model_spec.py. The file may be anybody's: whatever it says is bounded."""

import math
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from qal.engine.stock_models import LANGUAGES, LANGUAGES_V3, MODEL_OF_SHAPE, Dimensions
from qal.errors import ModelError

MAX_VARIABLES, MAX_RANK, MAX_LAYERS, MAX_HEADS = 20_000, 4, 200, 200
ENGLISH_VOCABULARY, VOCABULARY, VOCABULARY_V3 = 51_864, 51_865, 51_866  # tokens, as the Whispers were published
LANGUAGES_OF = {ENGLISH_VOCABULARY: 1, VOCABULARY: LANGUAGES, VOCABULARY_V3: LANGUAGES_V3}
NO_WEIGHTS = ("_scale", "num_heads", "position_encodings/encodings", "alignment_heads")  # what learns nothing


@dataclass(frozen=True)
class Variable:
    """Where a variable lies in the file."""

    shape: tuple[int, ...]
    type: int  # 0 float32, 1 int8, 2 int16, 3 int32, 4 float16
    offset: int
    size: int  # bytes


@dataclass(frozen=True)
class Contents:
    variables: dict[str, Variable]
    aliases: dict[str, str]  # of variables of equal value, which are stored once


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Whatever reading a broken model.bin raises becomes a ModelError that names it."""
    try:
        yield
    except (OSError, struct.error, UnicodeDecodeError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"{path}: broken or not a Whisper model of CTranslate2; fetch or export it again") from error


def read_contents(file: BinaryIO) -> Contents:
    """Raises struct.error, UnicodeDecodeError or ValueError where it is not a whole Whisper."""
    size = os.fstat(file.fileno()).st_size

    def number(code: str) -> int:
        return struct.unpack("<" + code, file.read(struct.calcsize(code)))[0]

    def count() -> int:
        if (found := number("I")) > MAX_VARIABLES:
            raise ValueError(f"{found} variables")
        return found

    def string() -> str:
        return file.read(number("H")).rstrip(b"\0").decode()

    def variable() -> Variable:
        if (rank := number("B")) > MAX_RANK:
            raise ValueError(f"rank {rank}")
        shape = tuple(number("I") for _ in range(rank))
        found = Variable(shape, number("B"), size=number("I"), offset=file.tell())
        if file.seek(found.size, os.SEEK_CUR) > size:
            raise ValueError("the file ends too early")
        return found

    number("I")
    if string() != "WhisperSpec":
        raise ValueError("not Whisper")
    number("I")
    return Contents({string(): variable() for _ in range(count())}, {string(): string() for _ in range(count())})


def read_dimensions(directory: Path) -> Dimensions:
    """How large a model directory's Whisper is. Raises ModelError where its model.bin is not a whole one."""
    path = directory / "model.bin"
    with told(path):
        status = path.stat()
        return _dimensions(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _dimensions(path: Path, changed_ns: int, size: int) -> Dimensions:
    with path.open("rb") as file:
        variables = read_contents(file).variables
        file.seek(variables["encoder/num_heads"].offset)
        heads = int.from_bytes(file.read(variables["encoder/num_heads"].size), "little")
    if not 0 < heads <= MAX_HEADS:
        raise ValueError(f"{heads} heads")
    vocabulary, width = variables["decoder/embeddings/weight"].shape
    found = Dimensions(
        encoder_layers=layers(variables, "encoder"),
        decoder_layers=layers(variables, "decoder"),
        width=width,
        heads=heads,
        parameters=sum(math.prod(v.shape) for name, v in variables.items() if not name.endswith(NO_WEIGHTS)),
        languages=LANGUAGES_OF.get(vocabulary, LANGUAGES),
    )
    stock = MODEL_OF_SHAPE.get(found.shape)
    return replace(found, parameters=stock.parameters) if stock else found  # the number that people know


def layers(names: Iterable[str], side: str) -> int:
    """Of the "encoder" or the "decoder", by the names of the variables."""
    found = {name.split("/")[1] for name in names if name.startswith(f"{side}/layer_")} - {"layer_norm"}
    if not 0 < len(found) <= MAX_LAYERS:
        raise ValueError(f"{len(found)} layers")
    return len(found)
