"""Pieces of a pack are joined only if every one of them is whole."""

import shutil
from pathlib import Path

import pytest

from benchmarks.gpu.pieces import INDEX_FILE, PieceError, collect, cut, join, read_index

CONTENT = bytes(range(256)) * 10


@pytest.fixture
def pieces(tmp_path: Path) -> Path:
    """A folder with the pieces of a file."""
    whole = tmp_path / "pack.tar"
    whole.write_bytes(CONTENT)
    cut(whole, tmp_path / "pieces", 1000)
    return tmp_path / "pieces"


@pytest.mark.parametrize("piece_bytes", [1, 700, 1280, 2559, 2560, 10_000])
def test_joined_pieces_equal_the_file_for_every_piece_size(tmp_path: Path, piece_bytes: int):
    whole = tmp_path / "pack.tar"
    whole.write_bytes(CONTENT)
    index = cut(whole, tmp_path / "pieces", piece_bytes)
    assert all(piece.n_bytes <= piece_bytes for piece in index.pieces)
    assert len(index.pieces) == -(-len(CONTENT) // piece_bytes)
    assert collect(tmp_path / "pieces", tmp_path / "store") == []
    assert join(tmp_path / "store", tmp_path / "joined").read_bytes() == CONTENT


def test_pieces_that_arrive_one_by_one_are_collected(pieces: Path, tmp_path: Path):
    names = [piece.name for piece in read_index(pieces).pieces]
    for i, name in enumerate(names):
        arrived = tmp_path / f"call-{i}"
        arrived.mkdir()
        shutil.copy(pieces / INDEX_FILE, arrived)
        shutil.copy(pieces / name, arrived)
        assert collect(arrived, tmp_path / "store") == names[i + 1 :]
    assert join(tmp_path / "store", tmp_path / "joined").read_bytes() == CONTENT


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b"x" + data[1:]])
def test_corrupt_piece_is_refused_when_it_is_collected(pieces: Path, tmp_path: Path, damage):
    piece = pieces / "pack.tar.001"
    piece.write_bytes(damage(piece.read_bytes()))
    with pytest.raises(PieceError, match=r"pack\.tar\.001 is damaged"):
        collect(pieces, tmp_path / "store")
    assert not (tmp_path / "store" / piece.name).exists()


def test_corrupt_or_missing_piece_is_refused_when_pieces_are_joined(pieces: Path, tmp_path: Path):
    collect(pieces, tmp_path / "store")
    piece = tmp_path / "store" / "pack.tar.002"
    piece.write_bytes(b"x" * piece.stat().st_size)
    with pytest.raises(PieceError, match="damaged"):
        join(tmp_path / "store", tmp_path / "joined")
    piece.unlink()
    with pytest.raises(PieceError, match="missing"):
        join(tmp_path / "store", tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def test_joined_file_with_another_sha256_is_refused(pieces: Path, tmp_path: Path):
    index = pieces / INDEX_FILE
    whole_sha256 = read_index(pieces).whole.sha256
    index.write_text(index.read_text().replace(whole_sha256, "0" * 64))
    collect(pieces, tmp_path / "store")
    with pytest.raises(PieceError, match="sha256"):
        join(tmp_path / "store", tmp_path / "joined")


def test_pieces_of_another_file_are_refused(pieces: Path, tmp_path: Path):
    collect(pieces, tmp_path / "store")
    other = tmp_path / "other.tar"
    other.write_bytes(b"other")
    cut(other, tmp_path / "other", 1000)
    with pytest.raises(PieceError, match="another file"):
        collect(tmp_path / "other", tmp_path / "store")


@pytest.mark.parametrize("text", [None, "{", "[]", '{"whole": {"name": "x"}, "pieces": []}'])
def test_missing_or_damaged_index_is_one_sentence(tmp_path: Path, text: str | None):
    if text is not None:
        (tmp_path / INDEX_FILE).write_text(text)
    with pytest.raises(PieceError, match="copy it"):
        collect(tmp_path, tmp_path / "store")
