"""Cuts a large file into pieces with their sha256, and joins them again elsewhere. Needs only Python itself."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from qal.errors import QalError

INDEX_FILE = "pieces.json"
BLOCK_BYTES = 1 << 20


class PieceError(QalError):
    """A piece is missing, damaged, or belongs to another file."""


@dataclass(frozen=True)
class Piece:
    """A file with its size and its sha256."""

    name: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """The whole file and its pieces, in order."""

    whole: Piece
    pieces: tuple[Piece, ...]


def cut(path: Path, folder: Path, piece_bytes: int) -> Index:
    """Writes the pieces of a file, of at most piece_bytes each, and their index to a folder."""
    if piece_bytes < 1:
        raise PieceError(f"a piece of {piece_bytes} bytes is too small; use at least one")
    folder.mkdir(parents=True, exist_ok=True)
    pieces = []
    n_bytes = path.stat().st_size
    with path.open("rb") as source:
        for number, start in enumerate(range(0, n_bytes, piece_bytes)):
            piece = folder / f"{path.name}.{number:03d}"
            with piece.open("wb") as out:
                _copy(source, out, min(piece_bytes, n_bytes - start))
            pieces.append(describe(piece))
    index = Index(describe(path), tuple(pieces))
    (folder / INDEX_FILE).write_text(json.dumps(asdict(index), indent=1), encoding="utf-8")
    return index


def read_index(folder: Path) -> Index:
    """Reads the index of a folder. Raises PieceError where there is none or it is damaged."""
    try:
        stored = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))
        return Index(Piece(**stored["whole"]), tuple(Piece(**piece) for piece in stored["pieces"]))
    except FileNotFoundError as error:
        raise PieceError(f"{folder}: there is no {INDEX_FILE}; copy it together with the pieces") from error
    except (ValueError, KeyError, TypeError) as error:
        raise PieceError(f"{folder / INDEX_FILE} is damaged; copy it again") from error


def collect(source: Path, store: Path) -> list[str]:
    """Copies the pieces of a folder to a store, to which earlier calls may have copied others.

    Args:
        source: folder with the index and some of the pieces.
        store: folder for all pieces.

    Returns:
        names of the pieces that are still missing in the store.

    Raises:
        PieceError: a piece is damaged, or the store holds pieces of another file."""
    index = read_index(source)
    store.mkdir(parents=True, exist_ok=True)
    if (store / INDEX_FILE).exists() and read_index(store) != index:
        raise PieceError(f"{store} holds the pieces of another file; use an empty folder")
    shutil.copyfile(source / INDEX_FILE, store / INDEX_FILE)
    for piece in index.pieces:
        if (source / piece.name).exists() and not (store / piece.name).exists():
            check(source / piece.name, piece)
            partial = store / f"{piece.name}.new"
            shutil.copyfile(source / piece.name, partial)
            partial.rename(store / piece.name)
    return [piece.name for piece in index.pieces if not (store / piece.name).exists()]


def join(store: Path, target: Path) -> Path:
    """Joins all pieces of a store and returns `target`.

    Raises PieceError if a piece is missing or damaged, or if the whole has another sha256."""
    index = read_index(store)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".new")
    with partial.open("wb") as out:
        for piece in index.pieces:
            check(store / piece.name, piece)
            with (store / piece.name).open("rb") as source:
                shutil.copyfileobj(source, out, BLOCK_BYTES)
    check(partial, index.whole)
    partial.rename(target)
    return target


def describe(path: Path) -> Piece:
    with path.open("rb") as file:
        return Piece(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def check(path: Path, piece: Piece) -> None:
    """Raises PieceError unless the file has the piece's size and sha256."""
    if not path.exists():
        raise PieceError(f"{path} is missing; copy it")
    found = describe(path)
    if (found.n_bytes, found.sha256) != (piece.n_bytes, piece.sha256):
        raise PieceError(f"{path} is damaged: its sha256 differs from {INDEX_FILE}; copy it again")


def _copy(source: BinaryIO, out: BinaryIO, n_bytes: int) -> None:
    """Copies n_bytes from one open file to another, in blocks."""
    for start in range(0, n_bytes, BLOCK_BYTES):
        out.write(source.read(min(BLOCK_BYTES, n_bytes - start)))
