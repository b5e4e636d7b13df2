import errno
import json
from pathlib import Path

import pytest

from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.errors import CorpusError, StorageError

ORIGIN = Origin(name="tiny", source="a test", licence="CC0-1.0", attribution="nobody")


def row(audio: str = "audio/a.wav", text: str = "Hello.", **others) -> Row:
    return Row(audio=audio, text=text, language="en", duration_s=1.5, split="train", sha256="0" * 64, **others)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    folder = tmp_path / "tiny"
    (folder / "audio").mkdir(parents=True)
    for name in "ab":
        (folder / f"audio/{name}.wav").write_bytes(b"RIFF")
    return write_corpus(folder, ORIGIN, [row(), row("audio/b.wav", "ቃል")])


def manifest(corpus: Corpus) -> Path:
    return corpus.folder / "manifest.jsonl"


def test_what_is_written_is_read_again(corpus: Corpus):
    assert read_corpus(corpus.folder) == corpus
    assert read_corpus(manifest(corpus)) == corpus
    assert corpus.info.utterances == {"train": 2, "validation": 0, "test": 0}
    assert corpus.info.languages == ("en",)


def test_the_version_does_not_depend_on_the_order_of_rows(corpus: Corpus):
    assert write_corpus(corpus.folder, ORIGIN, reversed(corpus.rows)).info.version == corpus.info.version


def test_a_row_that_was_imported_is_written_as_ever_so_that_versions_stay(corpus: Corpus):
    lines = manifest(corpus).read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        '{"audio":"audio/a.wav","text":"Hello.","language":"en","speaker":"","duration_s":1.5,"split":"train",'
        f'"sha256":"{"0" * 64}"}}'
    )
    assert corpus.info.version == "ff010e502833a1dc916bf91fdf77e1e2fc3df82894eac1c80488eafdde07e61e"
    sourced = write_corpus(corpus.folder, ORIGIN, [row(source="captions"), corpus.rows[1]])
    assert [r.source for r in read_corpus(corpus.folder).rows] == ["captions", ""]
    assert sourced.info.version != corpus.info.version


def test_a_corrected_transcript_is_a_new_version_even_by_hand(corpus: Corpus):
    manifest(corpus).write_text(manifest(corpus).read_text().replace("Hello.", "Hallo."))
    assert read_corpus(corpus.folder).info.version != corpus.info.version


def test_a_manifest_written_by_hand_needs_no_corpus_json(corpus: Corpus):
    (corpus.folder / "corpus.json").unlink()
    assert read_corpus(corpus.folder).info.name == "tiny"


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_manifest_is_said_to_be_empty(corpus: Corpus, content: str):
    manifest(corpus).write_text(content)
    with pytest.raises(CorpusError, match="holds no rows"):
        read_corpus(corpus.folder)


def test_a_folder_without_manifest_is_no_corpus(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(CorpusError, match="not a corpus"):
            read_corpus(folder)


@pytest.mark.parametrize(
    "broken",
    [
        b'{"audio": "audio/a.wav", "te',
        b"[]",
        b'{"audio": "audio/a.wav"}',
        b"\xff\xfe",
        b'{"audio":"","text":"","language":"en","duration_s":1,"split":"train","sha256":""}',
        b'{"audio":"audio/a.wav","text":"","language":"en","duration_s":-1,"split":"train","sha256":""}',
        b'{"audio":"audio/a.wav","text":"","language":"en","duration_s":NaN,"split":"train","sha256":""}',
        b'{"audio":"audio/a.wav","text":"","language":"en","duration_s":1e300,"split":"train","sha256":""}',
        b'{"audio":"audio/a.wav","text":"","language":"en","duration_s":1,"split":"dev","sha256":""}',
    ],
)
def test_a_broken_line_is_named_by_its_number(corpus: Corpus, broken: bytes):
    lines = manifest(corpus).read_bytes().splitlines()
    manifest(corpus).write_bytes(b"\n".join([lines[0], b"", broken, lines[1]]))
    with pytest.raises(CorpusError, match="line 3 is broken") as raised:
        read_corpus(corpus.folder)
    assert "\n" not in str(raised.value)


def test_a_broken_corpus_json_is_named(corpus: Corpus):
    (corpus.folder / "corpus.json").write_text("{")
    with pytest.raises(CorpusError, match=r"corpus\.json: is broken"):
        read_corpus(corpus.folder)


def test_a_folder_in_place_of_a_file_is_named(corpus: Corpus):
    (corpus.folder / "corpus.json").unlink()
    (corpus.folder / "corpus.json").mkdir()
    with pytest.raises(StorageError, match=r"corpus\.json could not be used: it is a folder"):
        read_corpus(corpus.folder)


def test_a_name_too_long_for_any_disk_is_gone_too(corpus: Corpus):
    write_corpus(corpus.folder, ORIGIN, [row("x" * 5000)])
    with pytest.raises(CorpusError, match="is gone"):
        read_corpus(corpus.folder)


def test_a_row_whose_audio_is_gone_is_named(corpus: Corpus):
    (corpus.folder / "audio/b.wav").unlink()
    with pytest.raises(CorpusError, match=r"'audio/b\.wav' is gone"):
        read_corpus(corpus.folder)


@pytest.mark.parametrize("path", ["../a.wav", "audio/../../a.wav", "/etc/hostname", "link/a.wav", "file.wav", "a\0b"])
def test_no_path_climbs_out_of_the_folder(corpus: Corpus, path: str):
    (corpus.folder.parent / "a.wav").write_bytes(b"RIFF")
    (corpus.folder / "link").symlink_to(corpus.folder.parent)
    (corpus.folder / "file.wav").symlink_to(corpus.folder.parent / "a.wav")
    with pytest.raises(CorpusError, match="points outside"):
        write_corpus(corpus.folder, ORIGIN, [row(path)])
    values = json.loads(manifest(corpus).read_text().splitlines()[0]) | {"audio": path}
    manifest(corpus).write_text(json.dumps(values))
    with pytest.raises(CorpusError, match="points outside"):
        read_corpus(corpus.folder)


def test_a_corpus_may_itself_be_reached_over_a_link(corpus: Corpus, tmp_path: Path):
    (tmp_path / "link").symlink_to(corpus.folder)
    assert read_corpus(tmp_path / "link").rows == corpus.rows


def test_no_rows_make_no_corpus(tmp_path: Path):
    with pytest.raises(CorpusError, match="at least one"):
        write_corpus(tmp_path / "new", ORIGIN, [])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("file", [".manifest.jsonl.new", ".corpus.json.new"])
def test_a_full_disk_leaves_the_old_corpus_whole(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, file: str):
    write_bytes = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == file:
            write_bytes(path, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="no space left"):
        write_corpus(corpus.folder, ORIGIN, [row(text="Other.")])
    assert read_corpus(corpus.folder) == corpus
    assert sorted(p.name for p in corpus.folder.iterdir()) == ["audio", "corpus.json", "manifest.jsonl"]


def test_select_takes_one_side_and_loses_no_row(corpus: Corpus):
    rows = [row(), row("audio/b.wav").model_copy(update={"split": "test"})]
    written = write_corpus(corpus.folder, ORIGIN, rows)
    assert written.select("test") == [rows[1]]
    assert written.select("train") == [rows[0]]
    assert written.select("validation") == []
