import random
import struct
from pathlib import Path

import pytest

from qal.engine.catalogue import HUB
from qal.engine.model_bin import read_dimensions
from qal.engine.stock_models import PUBLISHED, licence_of
from qal.errors import ModelError
from tests.model_folders import FLOAT16, model_directory, string, variable


def test_every_model_of_the_hub_has_published_dimensions_and_a_licence():
    assert set(PUBLISHED) == set(HUB)
    assert all(licence_of(name) for name in HUB)
    assert licence_of("mine") is None


def test_the_header_of_real_weights_says_what_was_published(base_directory):
    assert read_dimensions(base_directory) == PUBLISHED["base"]


def test_a_model_of_no_published_shape_is_counted(tmp_path):
    found = read_dimensions(model_directory(tmp_path / "m", layers=(3, 1), width=8, heads=2, vocabulary=51_864))
    assert (found.encoder_layers, found.decoder_layers, found.width, found.heads, found.languages) == (3, 1, 8, 2, 1)
    assert found.parameters == 8 * (51_864 + 3 + 1 + 1)


def test_weights_that_were_replaced_are_read_anew(tmp_path):
    folder = model_directory(tmp_path / "m", width=8)
    assert read_dimensions(folder).width == 8
    (folder / "model.bin").write_bytes((model_directory(tmp_path / "n", width=160) / "model.bin").read_bytes())
    assert read_dimensions(folder).width == 160


def hostile() -> dict[str, bytes]:
    begin = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<I", 3)
    embedding = variable("decoder/embeddings/weight", (51_865, 8), FLOAT16, b"")
    return {
        "empty": b"",
        "text": b"not weights at all" * 100,
        "another model": struct.pack("<I", 6) + string("TransformerSpec") + bytes(100),
        "four billion variables": begin + struct.pack("<I", 2**32 - 1) + embedding * 10,
        "a name without an end": begin + struct.pack("<IH", 1, 65_535) + b"x",
        "rank 255": begin + struct.pack("<I", 1) + string("x") + b"\xff" + bytes(2000),
        "data beyond the end": begin + struct.pack("<I", 1) + string("x") + struct.pack("<BBI", 0, 4, 2**32 - 1),
        "no decoder": begin + struct.pack("<I", 1) + variable("encoder/num_heads", (), 2, b"\2\0"),
        "a flat embedding": begin + struct.pack("<I", 1) + variable("decoder/embeddings/weight", (8,), 4, b""),
        "heads of a megabyte": begin
        + struct.pack("<I", 2)
        + embedding
        + variable("encoder/num_heads", (), 2, b"\xff" * 1_000_000),
        "a name that is no text": begin + struct.pack("<IH", 1, 3) + b"\xff\xfe\0",
    }


@pytest.mark.parametrize("content", hostile().values(), ids=hostile())
def test_a_hostile_file_is_a_sentence(tmp_path: Path, content: bytes):
    folder = model_directory(tmp_path / "m")
    (folder / "model.bin").write_bytes(content)
    with pytest.raises(ModelError, match="broken or not a Whisper"):
        read_dimensions(folder)


def test_no_torn_or_flipped_file_does_worse(tmp_path: Path):
    folder, rng = model_directory(tmp_path / "m"), random.Random(0)
    whole = (folder / "model.bin").read_bytes()
    for _ in range(300):
        torn = bytearray(whole[: rng.randrange(len(whole))] if rng.random() < 0.3 else whole)
        for _ in range(rng.randrange(1, 8)):
            if torn:
                torn[rng.randrange(len(torn))] = rng.randrange(256)
        (folder / "model.bin").write_bytes(torn)
        try:
            read_dimensions(folder)
        except ModelError:
            continue
