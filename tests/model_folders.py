"""Model directories small enough to be written by a test. Their headers are real; no engine can load them."""

import struct
from pathlib import Path

from qal.engine.model_directory import ModelCard, write_card

FLOAT16, INT16 = 4, 2  # CTranslate2's numbers of types


def model_directory(
    folder: Path,
    layers: tuple[int, int] = (2, 2),
    width: int = 8,
    heads: int = 2,
    vocabulary: int = 51_865,
    card: ModelCard | None = None,
) -> Path:
    folder.mkdir(parents=True)
    sides = dict(zip(("encoder", "decoder"), layers, strict=True))
    names = [f"{side}/layer_{i}/norm/gamma" for side, count in sides.items() for i in range(count)]
    variables = [
        variable("decoder/embeddings/weight", (vocabulary, width), FLOAT16, b""),
        variable("encoder/num_heads", (), INT16, heads.to_bytes(2, "little")),
        *(variable(name, (width,), FLOAT16, bytes(2 * width)) for name in names),
        variable("encoder/layer_norm/gamma", (width,), FLOAT16, bytes(2 * width)),
    ]
    header = struct.pack("<I", 6) + string("WhisperSpec") + struct.pack("<II", 3, len(variables))
    (folder / "model.bin").write_bytes(header + b"".join(variables) + struct.pack("<I", 0))
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (folder / name).write_text("{}")
    if card:
        write_card(folder, card)
    return folder


def variable(name: str, shape: tuple[int, ...], kind: int, data: bytes) -> bytes:
    sizes = struct.pack(f"<{len(shape)}I", *shape)
    return string(name) + struct.pack("<B", len(shape)) + sizes + struct.pack("<BI", kind, len(data)) + data


def string(text: str) -> bytes:
    data = text.encode() + b"\0"
    return struct.pack("<H", len(data)) + data
