"""Models that are spoiled on purpose, each in one way, made from a model directory."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from qal.engine.model_bin import read_contents


def linked_copy(source: Path, folder: Path) -> Path:
    """Makes a model directory of links, whose files can be replaced one by one."""
    folder.mkdir(parents=True)
    for path in source.iterdir():
        (folder / path.name).symlink_to(path.resolve())
    return folder


def replaced(directory: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """Replaces a file of a linked copy by a changed one."""
    content = change((directory / name).read_bytes())
    (directory / name).unlink()
    (directory / name).write_bytes(content)
    return directory


def with_heads(source: Path, folder: Path, heads: object) -> Path:
    """Returns a copy with other alignment heads."""

    def change(content: bytes) -> bytes:
        return json.dumps(json.loads(content) | {"alignment_heads": heads}).encode()

    return replaced(linked_copy(source, folder), "config.json", change)


def with_shifted_tokenizer(source: Path, folder: Path) -> Path:
    """Returns a copy in which every ordinary token has the id of the one before it."""

    def change(content: bytes) -> bytes:
        file = json.loads(content)
        vocabulary = file["model"]["vocab"]
        size = len(vocabulary)
        file["model"]["vocab"] = {token: (i - 1) % size for token, i in vocabulary.items()}
        return json.dumps(file, ensure_ascii=False).encode()

    return replaced(linked_copy(source, folder), "tokenizer.json", change)


def with_shifted_list(source: Path, folder: Path) -> Path:
    """Returns a copy whose list of tokens is shifted by one."""

    def change(content: bytes) -> bytes:
        tokens = json.loads(content)
        return json.dumps([*tokens[1:], tokens[0]], ensure_ascii=False).encode()

    return replaced(linked_copy(source, folder), "vocabulary.json", change)


def without_token(source: Path, folder: Path, token: str) -> Path:
    """Returns a copy whose tokenizer does not know a special token."""
    return replaced(
        linked_copy(source, folder), "tokenizer.json", lambda content: content.replace(token.encode(), b"<|xx|>")
    )


def with_changed_weights(source: Path, folder: Path, change: Callable[[str, np.ndarray], None]) -> Path:
    """Returns a copy in which `change` has written into the bytes of each variable, given with its name."""

    def changed(content: bytes) -> bytes:
        data = bytearray(content)
        with (source / "model.bin").open("rb") as file:
            variables = read_contents(file).variables
        for name, variable in variables.items():
            change(name, np.frombuffer(data, np.uint8, variable.size, variable.offset))
        return bytes(data)

    return replaced(linked_copy(source, folder), "model.bin", changed)


def with_zeroed_layer(source: Path, folder: Path, layer: str) -> Path:
    """Returns a copy in which the matrices of a layer, such as "decoder/layer_3", are zero."""

    def zero(name: str, data: np.ndarray) -> None:
        if name.startswith(f"{layer}/") and name.endswith("/weight"):
            data[:] = 0

    return with_changed_weights(source, folder, zero)
