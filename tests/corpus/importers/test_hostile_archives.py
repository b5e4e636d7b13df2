"""Damaged and harmful archives: what is left out is named, and nothing outside the target is written."""

import io
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qal.corpus.importers.conversion import archives
from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.errors import CorpusError
from tests.corpus.importers.sources import clips_folder, run_import, texts, tree

TABLE = "file,text\nclips/0.wav,One\nclips/1.wav,Two\nclips/2.wav,Three\n"
LEFT_OUT_NAMES = {  # name of an entry: why it is left out
    "../outside.wav": "leads out",
    "../../outside.wav": "leads out",
    "clips/../../outside.wav": "leads out",
    "a/../../../outside.wav": "leads out",
    "..\\outside.wav": "leads out",
    "clips\\..\\..\\outside.wav": "leads out",
    "..": "leads out",
    "/tmp/qal-outside.wav": "absolute path",
    "//server/share/outside.wav": "absolute path",
    "C:\\Users\\outside.wav": "absolute path",
    "c:outside.wav": "absolute path",
    "\\\\server\\outside.wav": "absolute path",
    "clips/line\nbreak.wav": "control characters",
    "clips/carriage\rreturn.wav": "control characters",
    "clips/tab\tulator.wav": "control characters",
    "clips/escape\x1b[31m.wav": "control characters",
    "clips/next\u2028line.wav": "control characters",
    f"clips/{'x' * 300}.wav": "too long",
    f"clips/{'ä' * 140}.wav": "too long",
    "/".join(["d" * 100] * 30) + ".wav": "too long",
    "/".join(["d"] * 60) + ".wav": "too many folders",
    "clips/0.wav": "name of another entry",
    "CLIPS/0.WAV": "name of another entry",
    "clips//0.wav": "name of another entry",
    "./clips/0.wav": "name of another entry",
    "clips": "name of a folder or file",
    "clips/0.wav/inner.wav": "name of a folder or file",
}
TAR_TYPES = {
    "symbolic link": (tarfile.SYMTYPE, "/etc/passwd"),
    "relative link": (tarfile.SYMTYPE, "../../outside.wav"),
    "link to itself": (tarfile.SYMTYPE, "extra.wav"),
    "hard link": (tarfile.LNKTYPE, "/etc/passwd"),
    "hard link inside": (tarfile.LNKTYPE, "clips/0.wav"),
    "character device": (tarfile.CHRTYPE, ""),
    "block device": (tarfile.BLKTYPE, ""),
    "pipe": (tarfile.FIFOTYPE, ""),
}
ZIP_MODES = {
    "symbolic link": stat.S_IFLNK | 0o777,
    "character device": stat.S_IFCHR | 0o666,
    "block device": stat.S_IFBLK | 0o666,
    "pipe": stat.S_IFIFO | 0o666,
    "socket": stat.S_IFSOCK | 0o666,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = clips_folder(tmp_path / "in")
    (folder / "table.csv").write_text(TABLE)
    return folder


def write_zip(path: Path, source: Path, extra: Callable[[zipfile.ZipFile], object] = lambda _: None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for inner in sorted(source.rglob("*")):
            if inner.is_file():
                file.write(inner, inner.relative_to(source).as_posix())
        extra(file)
    return path


def write_tar(path: Path, source: Path, extra: Callable[[tarfile.TarFile], object] = lambda _: None) -> Path:
    compression: Any = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(path.suffix, "w")
    with tarfile.open(path, compression, encoding="utf-8", errors="surrogateescape") as file:
        for inner in sorted(source.rglob("*")):
            if inner.is_file():
                file.add(inner, inner.relative_to(source).as_posix())
        extra(file)
    return path


def tar_entry(name: str, content: bytes = b"RIFF", kind: bytes = tarfile.REGTYPE, target: str = "") -> Callable:
    def add(file: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, target, len(content) if kind == tarfile.REGTYPE else 0
        file.addfile(info, io.BytesIO(content))

    return add


def import_and_compare(archive: Path, tmp_path: Path):
    """Imports an archive; what is outside of `out` must stay as it was. Returns the result."""
    before = tree(tmp_path)
    result = run_import(archive, tmp_path / "out")
    assert tree(tmp_path, "out") == before
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
    assert texts(result) == ["One", "Two", "Three"]
    return result


@pytest.mark.parametrize("name", LEFT_OUT_NAMES, ids=lambda name: ascii(name)[:40])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_archive_entry_with_a_hostile_name_is_left_out_and_named(source: Path, tmp_path: Path, kind: str, name: str):
    if kind == "zip":
        archive = write_zip(tmp_path / "a.zip", source, lambda file: file.writestr(zipfile.ZipInfo(name), b"RIFF"))
    else:
        archive = write_tar(tmp_path / "a.tar", source, tar_entry(name))
    result = import_and_compare(archive, tmp_path)
    (problem,) = result.problems
    assert LEFT_OUT_NAMES[name] in problem.reason
    assert problem.place.startswith(archive.name)
    assert problem.place.isprintable()
    assert not Path("/tmp/qal-outside.wav").exists()


@pytest.mark.parametrize("kind", TAR_TYPES)
def test_tar_entry_that_is_no_regular_file_is_left_out(source: Path, tmp_path: Path, kind: str):
    entry, target = TAR_TYPES[kind]
    archive = write_tar(tmp_path / "a.tar.gz", source, tar_entry("extra.wav", b"", entry, target))
    (problem,) = import_and_compare(archive, tmp_path).problems
    assert "link or a device" in problem.reason


def test_file_that_would_be_written_through_a_link_stays_in_the_folder(source: Path, tmp_path: Path):
    def add(file: tarfile.TarFile) -> None:
        tar_entry("door", b"", tarfile.SYMTYPE, str(tmp_path))(file)
        tar_entry("door/outside.wav")(file)

    result = import_and_compare(write_tar(tmp_path / "a.tar", source, add), tmp_path)
    assert [problem.reason for problem in result.problems] == ["is a link or a device, not a file"]
    assert not (tmp_path / "outside.wav").exists()


@pytest.mark.parametrize("kind", ZIP_MODES)
def test_zip_entry_that_is_no_regular_file_is_left_out(source: Path, tmp_path: Path, kind: str):
    def add(file: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("extra.wav")
        info.external_attr = ZIP_MODES[kind] << 16
        file.writestr(info, "/etc/passwd")

    (problem,) = import_and_compare(write_zip(tmp_path / "a.zip", source, add), tmp_path).problems
    assert "link or a device" in problem.reason


def test_name_that_is_not_utf8_is_left_out_of_a_tar(source: Path, tmp_path: Path):
    archive = write_tar(tmp_path / "a.tar", source, tar_entry("clips/caf\udce9.wav"))
    (problem,) = import_and_compare(archive, tmp_path).problems
    assert "not UTF-8" in problem.reason


def test_zip_entry_that_unpacks_to_zeros_is_left_out(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 1_000_000)
    archive = write_zip(tmp_path / "a.zip", source, lambda file: file.writestr("zeros.wav", bytes(5_000_000)))
    (problem,) = import_and_compare(archive, tmp_path).problems
    assert "more than 50 times its size" in problem.reason


@pytest.mark.parametrize("suffix", [".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"])
def test_tar_that_unpacks_to_zeros_is_refused_and_nothing_is_left(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
):
    monkeypatch.setattr(archives, "RATIO_FREE_BYTES", 1_000_000)
    archive = write_tar(tmp_path / f"a{suffix}", source, tar_entry("zeros.wav", bytes(20_000_000)))
    with pytest.raises(CorpusError, match="more than 50 times its size"):
        run_import(archive, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [archive.name, "in"]


def test_archive_larger_than_the_disk_is_refused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "KEPT_FREE_BYTES", 1 << 60)
    with pytest.raises(CorpusError, match="may be used on the disk"):
        run_import(write_zip(tmp_path / "a.zip", source), tmp_path / "out")


def test_archive_with_too_many_entries_is_refused(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "MAX_FILES", 3)
    with pytest.raises(CorpusError, match="more than 3 entries"):
        run_import(write_zip(tmp_path / "a.zip", source), tmp_path / "out")


def test_sparse_file_of_ten_gigabytes_is_left_out(source: Path, tmp_path: Path):
    def add(file: tarfile.TarFile) -> None:
        info = tarfile.TarInfo("sparse.wav")
        info.pax_headers = {
            "GNU.sparse.major": "0",
            "GNU.sparse.minor": "1",
            "GNU.sparse.name": "sparse.wav",
            "GNU.sparse.size": str(10**10),
            "GNU.sparse.map": f"0,4,{10**10},0",
        }
        info.size = 4
        file.addfile(info, io.BytesIO(b"RIFF"))

    (problem,) = import_and_compare(write_tar(tmp_path / "a.tar", source, add), tmp_path).problems
    assert problem.reason == "is a sparse file"


def damaged(archive: Path, change: Callable[[bytearray], object]) -> Path:
    content = bytearray(archive.read_bytes())
    change(content)
    archive.write_bytes(content)
    return archive


def cut_in_half(content: bytearray) -> None:
    del content[len(content) // 2 :]


def overwrite_start(content: bytearray) -> None:
    content[:40] = bytes(40)


@pytest.mark.parametrize("change", [cut_in_half, overwrite_start, bytearray.clear])
@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz", "a.txz", "a.tbz2"])
def test_damaged_archive_is_refused_in_one_sentence(source: Path, tmp_path: Path, name: str, change: Callable):
    write = write_zip if name.endswith(".zip") else write_tar
    archive = damaged(write(tmp_path / name, source), change)
    if name == "a.zip" and change is overwrite_start:
        pytest.skip("a zip file is read from its end, and only its first entry is damaged")
    with pytest.raises(CorpusError, match="cannot be unpacked") as error:
        run_import(archive, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "in"])


def test_zip_entry_with_a_wrong_checksum_is_left_out(source: Path, tmp_path: Path):
    def change(content: bytearray) -> None:
        at = content.index(b"stored words")
        content[at] ^= 0xFF

    archive = write_zip(
        tmp_path / "a.zip", source, lambda file: file.writestr("extra.txt", "stored words", zipfile.ZIP_STORED)
    )
    (problem,) = import_and_compare(damaged(archive, change), tmp_path).problems
    assert "checksum" in problem.reason


def test_encrypted_zip_is_refused(source: Path, tmp_path: Path):
    def encrypt(content: bytearray) -> None:
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = content.find(signature)
            while at >= 0:
                (flags,) = struct.unpack_from("<H", content, at + offset)
                struct.pack_into("<H", content, at + offset, flags | 1)
                at = content.find(signature, at + 1)

    with pytest.raises(CorpusError, match="is encrypted"):
        run_import(damaged(write_zip(tmp_path / "a.zip", source), encrypt), tmp_path / "out")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tar.xz"])
def test_archive_of_any_kind_gives_the_rows_of_its_folder(source: Path, tmp_path: Path, name: str):
    write = write_zip if name.endswith(".zip") else write_tar
    archive = write(tmp_path / name, source)
    result = import_and_compare(archive, tmp_path)
    assert not result.problems
    assert result.corpus.info.source == f"the file '{name}'"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "in", "out"])


def test_only_folder_of_an_archive_is_entered_and_files_of_systems_are_ignored(source: Path, tmp_path: Path):
    wrapped = tmp_path / "wrapped"
    (wrapped / "__MACOSX/data").mkdir(parents=True)
    source.rename(wrapped / "data")
    (wrapped / "__MACOSX/data/._table.csv").write_text("file,text\nx,y\n")
    (wrapped / "data/.DS_Store").write_bytes(bytes(10))
    result = run_import(write_zip(tmp_path / "a.zip", wrapped), tmp_path / "out")
    assert texts(result) == ["One", "Two", "Three"]
    assert not result.problems


def test_table_of_an_archive_cannot_name_files_outside_of_it(source: Path, tmp_path: Path):
    private = clips_folder(tmp_path / "private") / "clips/0.wav"
    (source / "table.csv").write_text(f"{TABLE}{private},Four\n../../in/clips/0.wav,Five\n")
    result = import_and_compare(write_tar(tmp_path / "a.tar", source), tmp_path)
    assert [problem.place.split(" (")[0] for problem in result.problems] == ["table.csv, line 5", "table.csv, line 6"]


def test_preview_of_an_archive_leaves_nothing_behind(source: Path, tmp_path: Path):
    archive = write_zip(tmp_path / "a.zip", source)
    before = tree(tmp_path)
    found = preview(archive, ListingOptions("en"), work_folder=tmp_path)
    assert [row.text for row in found.rows] == ["One", "Two", "Three"]
    assert tree(tmp_path) == before
