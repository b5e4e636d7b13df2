"""Reads the structure of CTranslate2's model.bin without reading the weights.

Layout, little endian: u32 version, str spec, u32 revision, u32 count, then per variable str name, u8 rank, u32
dimensions, u8 type, u32 bytes, data; then u32 count and pairs of alias and name. Strings are u16 length (NUL included)
and bytes. Source: ctranslate2/specs/model_spec.py. The file is untrusted: all of its numbers are bounded."""

import math
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from qal.engine.weights.stock_models import LANGUAGE_COUNT, LANGUAGE_COUNT_V3, STOCK_MODEL_BY_SHAPE, ModelDimensions
from qal.errors import ModelError

MAX_VARIABLES, MAX_RANK, MAX_LAYERS, MAX_HEADS = 20_000, 4, 200, 200
ENGLISH_VOCABULARY, VOCABULARY, VOCABULARY_V3 = 51_864, 51_865, 51_866  # tokens of the stock models
LANGUAGES_BY_VOCABULARY = {ENGLISH_VOCABULARY: 1, VOCABULARY: LANGUAGE_COUNT, VOCABULARY_V3: LANGUAGE_COUNT_V3}
CONSTANT_SUFFIXES = ("_scale", "num_heads", "position_encodings/encodings", "alignment_heads")  # no parameters


@dataclass(frozen=True)
class Variable:
    """Position of a variable in the file."""

    shape: tuple[int, ...]
    type: int  # 0 float32, 1 int8, 2 int16, 3 int32, 4 float16
    offset: int
    size: int  # bytes


@dataclass(frozen=True)
class Contents:
    """Variables of a model.bin."""

    variables: dict[str, Variable]
    aliases: dict[str, str]  # of variables with equal values, which are stored once


@contextmanager
def model_bin_errors(path: Path) -> Iterator[None]:
    """Translates the errors of reading a broken model.bin into a ModelError that names the file."""
    try:
        yield
    except (OSError, struct.error, UnicodeDecodeError, ValueError, KeyError, IndexError) as error:
        raise ModelError(
            f"{path}: broken or not a Whisper model of CTranslate2; download or export it again"
        ) from error


def read_contents(file: BinaryIO) -> Contents:
    """Reads the structure. Raises struct.error, UnicodeDecodeError or ValueError if it is not a complete Whisper."""
    file_size = os.fstat(file.fileno()).st_size

    def read_number(code: str) -> int:
        return struct.unpack("<" + code, file.read(struct.calcsize(code)))[0]

    def read_count() -> int:
        count = read_number("I")
        if count > MAX_VARIABLES:
            raise ValueError(f"{count} variables")
        return count

    def read_string() -> str:
        return file.read(read_number("H")).rstrip(b"\0").decode()

    def read_variable() -> Variable:
        rank = read_number("B")
        if rank > MAX_RANK:
            raise ValueError(f"rank {rank}")
        shape = tuple(read_number("I") for _ in range(rank))
        variable = Variable(shape, read_number("B"), size=read_number("I"), offset=file.tell())
        if file.seek(variable.size, os.SEEK_CUR) > file_size:
            raise ValueError("the file ends too early")
        return variable

    read_number("I")
    if read_string() != "WhisperSpec":
        raise ValueError("not Whisper")
    read_number("I")
    variables = {read_string(): read_variable() for _ in range(read_count())}
    aliases = {read_string(): read_string() for _ in range(read_count())}
    return Contents(variables, aliases)


def read_dimensions(directory: Path) -> ModelDimensions:
    """Reads the dimensions of a model directory. Raises ModelError if its model.bin is not a complete Whisper."""
    path = directory / "model.bin"
    with model_bin_errors(path):
        status = path.stat()
        return _read_dimensions(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _read_dimensions(path: Path, changed_ns: int, size: int) -> ModelDimensions:
    """Reads the dimensions; the modification time and size are part of the cache's key."""
    with path.open("rb") as file:
        variables = read_contents(file).variables
        file.seek(variables["encoder/num_heads"].offset)
        heads = int.from_bytes(file.read(variables["encoder/num_heads"].size), "little")
    if not 0 < heads <= MAX_HEADS:
        raise ValueError(f"{heads} heads")
    vocabulary, width = variables["decoder/embeddings/weight"].shape
    dimensions = ModelDimensions(
        encoder_layers=count_layers(variables, "encoder"),
        decoder_layers=count_layers(variables, "decoder"),
        width=width,
        heads=heads,
        parameters=sum(math.prod(v.shape) for name, v in variables.items() if not name.endswith(CONSTANT_SUFFIXES)),
        languages=LANGUAGES_BY_VOCABULARY.get(vocabulary, LANGUAGE_COUNT),
    )
    stock = STOCK_MODEL_BY_SHAPE.get(dimensions.shape)
    return replace(dimensions, parameters=stock.parameters) if stock else dimensions  # the published number


def count_layers(names: Iterable[str], side: str) -> int:
    """Counts the layers of the "encoder" or the "decoder" from the names of the variables."""
    layers = {name.split("/")[1] for name in names if name.startswith(f"{side}/layer_")} - {"layer_norm"}
    if not 0 < len(layers) <= MAX_LAYERS:
        raise ValueError(f"{len(layers)} layers")
    return len(layers)
