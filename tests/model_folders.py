"""Small CTranslate2 model directories with valid headers, which no engine can load."""

import struct
from pathlib import Path

from qal.engine.model_directory import ModelMetadata, write_metadata

FLOAT16, INT16 = 4, 2  # type numbers of CTranslate2


def model_directory(
    folder: Path,
    layers: tuple[int, int] = (2, 2),
    width: int = 8,
    heads: int = 2,
    vocabulary: int = 51_865,
    metadata: ModelMetadata | None = None,
) -> Path:
    """Writes a model directory and returns its path.

    Args:
        folder: a folder that does not exist.
        layers: number of encoder layers and of decoder layers.
        width: size of the hidden states.
        heads: number of attention heads.
        vocabulary: number of tokens.
        metadata: contents of qal.json; None: no such file."""
    folder.mkdir(parents=True)
    stack_layers = dict(zip(("encoder", "decoder"), layers, strict=True))
    names = [f"{stack}/layer_{i}/norm/gamma" for stack, count in stack_layers.items() for i in range(count)]
    variables = [
        encode_variable("decoder/embeddings/weight", (vocabulary, width), FLOAT16, b""),
        encode_variable("encoder/num_heads", (), INT16, heads.to_bytes(2, "little")),
        *(encode_variable(name, (width,), FLOAT16, bytes(2 * width)) for name in names),
        encode_variable("encoder/layer_norm/gamma", (width,), FLOAT16, bytes(2 * width)),
    ]
    header = struct.pack("<I", 6) + encode_string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    (folder / "model.bin").write_bytes(header + b"".join(variables) + struct.pack("<I", 0))
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (folder / name).write_text("{}")
    if metadata:
        write_metadata(folder, metadata)
    return folder


def encode_variable(name: str, shape: tuple[int, ...], type_number: int, data: bytes) -> bytes:
    """Encodes a variable as in model.bin: name, rank, shape, type, size, data."""
    sizes = struct.pack(f"<{len(shape)}I", *shape)
    return (
        encode_string(name) + struct.pack("<B", len(shape)) + sizes + struct.pack("<BI", type_number, len(data)) + data
    )


def encode_string(text: str) -> bytes:
    """Encodes a string as in model.bin: its length, then a zero-terminated text."""
    data = text.encode() + b"\0"
    return struct.pack("<H", len(data)) + data
