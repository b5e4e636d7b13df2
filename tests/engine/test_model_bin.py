"""Dimensions from the header of model.bin, and hostile files."""

import random
import struct
from pathlib import Path

import pytest

from qal.engine.catalogue import HUB_MODELS
from qal.engine.model_bin import read_dimensions
from qal.engine.weights.stock_models import STOCK_MODELS, stock_licence
from qal.errors import ModelError
from tests.model_folders import FLOAT16, encode_string, encode_variable, model_directory


def test_every_hub_model_has_dimensions_and_a_licence():
    assert set(STOCK_MODELS) == set(HUB_MODELS)
    assert all(stock_licence(name) for name in HUB_MODELS)
    assert stock_licence("mine") is None


def test_header_of_real_weights_gives_the_published_dimensions(base_directory):
    assert read_dimensions(base_directory) == STOCK_MODELS["base"]


def test_parameters_of_an_unknown_shape_are_counted(tmp_path):
    folder = model_directory(tmp_path / "m", layers=(3, 1), width=8, heads=2, vocabulary=51_864)
    dimensions = read_dimensions(folder)
    assert dimensions.shape == (3, 1, 8, 2)
    assert dimensions.languages == 1
    assert dimensions.parameters == 8 * (51_864 + 3 + 1 + 1)


def test_replaced_weights_are_read_again(tmp_path):
    folder = model_directory(tmp_path / "m", width=8)
    assert read_dimensions(folder).width == 8
    (folder / "model.bin").write_bytes((model_directory(tmp_path / "n", width=160) / "model.bin").read_bytes())
    assert read_dimensions(folder).width == 160


def hostile_files() -> dict[str, bytes]:
    header = struct.pack("<I", 6) + encode_string("WhisperSpec") + struct.pack("<I", 3)
    embedding = encode_variable("decoder/embeddings/weight", (51_865, 8), FLOAT16, b"")
    return {
        "empty": b"",
        "text": b"not weights at all" * 100,
        "another model": struct.pack("<I", 6) + encode_string("TransformerSpec") + bytes(100),
        "four billion variables": header + struct.pack("<I", 2**32 - 1) + embedding * 10,
        "a name without an end": header + struct.pack("<IH", 1, 65_535) + b"x",
        "rank 255": header + struct.pack("<I", 1) + encode_string("x") + b"\xff" + bytes(2000),
        "data beyond the end": header
        + struct.pack("<I", 1)
        + encode_string("x")
        + struct.pack("<BBI", 0, 4, 2**32 - 1),
        "no decoder": header + struct.pack("<I", 1) + encode_variable("encoder/num_heads", (), 2, b"\2\0"),
        "a flat embedding": header + struct.pack("<I", 1) + encode_variable("decoder/embeddings/weight", (8,), 4, b""),
        "heads of a megabyte": header
        + struct.pack("<I", 2)
        + embedding
        + encode_variable("encoder/num_heads", (), 2, b"\xff" * 1_000_000),
        "a name that is no text": header + struct.pack("<IH", 1, 3) + b"\xff\xfe\0",
    }


@pytest.mark.parametrize("content", hostile_files().values(), ids=hostile_files())
def test_hostile_model_bin_is_a_model_error(tmp_path: Path, content: bytes):
    folder = model_directory(tmp_path / "m")
    (folder / "model.bin").write_bytes(content)
    with pytest.raises(ModelError, match="broken or not a Whisper"):
        read_dimensions(folder)


def test_truncated_or_corrupted_model_bin_is_a_model_error_at_worst(tmp_path: Path):
    folder, rng = model_directory(tmp_path / "m"), random.Random(0)
    original = (folder / "model.bin").read_bytes()
    for _ in range(300):
        corrupted = bytearray(original[: rng.randrange(len(original))] if rng.random() < 0.3 else original)
        for _ in range(rng.randrange(1, 8)):
            if corrupted:
                corrupted[rng.randrange(len(corrupted))] = rng.randrange(256)
        (folder / "model.bin").write_bytes(corrupted)
        try:
            read_dimensions(folder)
        except ModelError:
            continue
