"""The types of GGML in which weights are stored: numbers, and blocks of 32 that share a scale.

    q8_0    scale d (float16), 32 int8:                        value = d * q            8.5 bits a weight
    q5_0    scale d (float16), 32 high bits, 32 low halves:    value = d * (q - 16)     5.5 bits a weight

A block of q5_0 stores the weights i and i + 16 in the low and the high half of byte i, and their fifth bits at the
places i and i + 16 of a 32-bit number. The scale takes the weight that is farthest from zero to -16, which is exact."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 32  # weights that share a scale
INT8_LIMIT = 127
Q5_ZERO, Q5_LAST = 16, 31  # the number for zero, and the largest one
VERSION_FACTOR, VERSION = 1000, 2  # of GGML's quantised formats, in the type of a file

Q8_0_BLOCK = np.dtype([("scale", "<f2"), ("weights", "i1", BLOCK)])
Q5_0_BLOCK = np.dtype([("scale", "<f2"), ("high", "<u4"), ("low", "u1", BLOCK // 2)])


def _float32(values: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(values, np.float32).tobytes()


def _float16(values: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(values, np.float16).tobytes()


def q8_0(values: NDArray[np.float32]) -> bytes:
    """Quantises values, whose last dimension is a multiple of BLOCK, to 8 bits."""
    blocks = np.ascontiguousarray(values, np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1) / np.float32(INT8_LIMIT)
    scaled = blocks * _inverse(scale)[:, None]
    stored = np.zeros(len(blocks), Q8_0_BLOCK)
    stored["scale"] = scale
    stored["weights"] = np.trunc(scaled + np.copysign(np.float32(0.5), scaled))  # halves away from zero, as in C
    return stored.tobytes()


def q5_0(values: NDArray[np.float32]) -> bytes:
    """Quantises values, whose last dimension is a multiple of BLOCK, to 5 bits."""
    blocks = np.ascontiguousarray(values, np.float32).reshape(-1, BLOCK)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=1)[:, None], axis=1)[:, 0]
    scale = farthest / np.float32(-Q5_ZERO)
    numbers = np.minimum((blocks * _inverse(scale)[:, None] + np.float32(Q5_ZERO + 0.5)).astype(np.uint32), Q5_LAST)
    stored = np.zeros(len(blocks), Q5_0_BLOCK)
    stored["scale"] = scale
    stored["low"] = (numbers[:, : BLOCK // 2] & 15) | ((numbers[:, BLOCK // 2 :] & 15) << 4)
    stored["high"] = ((numbers >> 4) << np.arange(BLOCK, dtype=np.uint32)).sum(axis=1)
    return stored.tobytes()


def _inverse(scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns 1 / scale, and 0 for blocks of zeros."""
    return np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)


@dataclass(frozen=True)
class WeightType:
    """A type of weights.

    Args:
        tensor_type: its number in the header of a tensor.
        file_type: its number in the header of a file most of whose weights have it.
        encode: returns the bytes of values.
        is_quantised: True if the values are stored in blocks."""

    tensor_type: int
    file_type: int
    encode: Callable[[NDArray[np.float32]], bytes]
    is_quantised: bool = False


FLOAT32 = WeightType(0, 0, _float32)
FLOAT16 = WeightType(1, 1, _float16)
WEIGHT_TYPES: Mapping[str, WeightType] = {  # of the matrices of a file, by the names of --quantization
    "float16": FLOAT16,
    "q8_0": WeightType(8, VERSION * VERSION_FACTOR + 7, q8_0, is_quantised=True),
    "q5_0": WeightType(6, VERSION * VERSION_FACTOR + 8, q5_0, is_quantised=True),
}


def type_of(name: str, values: NDArray[np.float32], matrices: WeightType) -> WeightType:
    """Returns the type of a tensor: vectors and positions are float32; convolutions and odd widths are float16.

    Args:
        name: of the tensor, as whisper.cpp has it.
        values: its values.
        matrices: the type of the file's matrices."""
    if values.ndim < 2 or name.endswith(("positional_embedding", ".bias")):
        return FLOAT32
    if matrices.is_quantised and (values.ndim != 2 or values.shape[-1] % BLOCK):
        return FLOAT16
    return matrices
