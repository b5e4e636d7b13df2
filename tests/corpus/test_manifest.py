"""Reading and writing a corpus: versions, checks and errors of manifest.jsonl and corpus.json."""

import errno
import json
from pathlib import Path

import pytest

from qal.corpus.left_out import count_marked
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.query import find_page
from qal.corpus.statistics import corpus_statistics
from qal.errors import CorpusError, StorageError

ORIGIN = Origin(name="tiny", source="a test", licence="CC0-1.0", attribution="the author")


def row(audio: str = "audio/a.wav", text: str = "Hello.", **fields) -> Row:
    return Row(audio=audio, text=text, language="en", duration_s=1.5, split="train", sha256="0" * 64, **fields)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    folder = tmp_path / "tiny"
    (folder / "audio").mkdir(parents=True)
    for name in "ab":
        (folder / f"audio/{name}.wav").write_bytes(b"RIFF")
    return write_corpus(folder, ORIGIN, [row(), row("audio/b.wav", "ቃል")])


def manifest_path(corpus: Corpus) -> Path:
    return corpus.folder / "manifest.jsonl"


def test_written_corpus_is_read_unchanged(corpus: Corpus):
    assert read_corpus(corpus.folder) == corpus
    assert read_corpus(manifest_path(corpus)) == corpus
    assert corpus.info.utterances == {"train": 2, "validation": 0, "test": 0}
    assert corpus.info.languages == ("en",)


def test_version_does_not_depend_on_the_order_of_rows(corpus: Corpus):
    assert write_corpus(corpus.folder, ORIGIN, reversed(corpus.rows)).info.version == corpus.info.version


def test_imported_row_format_and_version_are_stable(corpus: Corpus):
    lines = manifest_path(corpus).read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        '{"audio":"audio/a.wav","text":"Hello.","language":"en","speaker":"","duration_s":1.5,"split":"train",'
        f'"sha256":"{"0" * 64}"}}'
    )
    assert corpus.info.version == "ff010e502833a1dc916bf91fdf77e1e2fc3df82894eac1c80488eafdde07e61e"
    sourced = write_corpus(corpus.folder, ORIGIN, [row(source="captions"), corpus.rows[1]])
    assert [r.source for r in read_corpus(corpus.folder).rows] == ["captions", ""]
    assert sourced.info.version != corpus.info.version


def test_corrected_transcript_changes_the_version(corpus: Corpus):
    manifest_path(corpus).write_text(manifest_path(corpus).read_text().replace("Hello.", "Hallo."))
    assert read_corpus(corpus.folder).info.version != corpus.info.version


def test_missing_corpus_json_gives_the_folder_name(corpus: Corpus):
    (corpus.folder / "corpus.json").unlink()
    assert read_corpus(corpus.folder).info.name == "tiny"


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_empty_manifest_is_an_error(corpus: Corpus, content: str):
    manifest_path(corpus).write_text(content)
    with pytest.raises(CorpusError, match="has no examples"):
        read_corpus(corpus.folder)


def test_folder_without_manifest_is_an_error(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(CorpusError, match="not a dataset"):
            read_corpus(folder)


@pytest.mark.parametrize(
    "invalid_line",
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
def test_invalid_manifest_line_error_gives_its_number(corpus: Corpus, invalid_line: bytes):
    lines = manifest_path(corpus).read_bytes().splitlines()
    manifest_path(corpus).write_bytes(b"\n".join([lines[0], b"", invalid_line, lines[1]]))
    with pytest.raises(CorpusError, match="line 3 is invalid") as raised:
        read_corpus(corpus.folder)
    assert "\n" not in str(raised.value)


def test_invalid_corpus_json_error_names_the_file(corpus: Corpus):
    (corpus.folder / "corpus.json").write_text("{")
    with pytest.raises(CorpusError, match=r"corpus\.json: invalid"):
        read_corpus(corpus.folder)


def test_folder_in_place_of_corpus_json_error_names_it(corpus: Corpus):
    (corpus.folder / "corpus.json").unlink()
    (corpus.folder / "corpus.json").mkdir()
    with pytest.raises(StorageError, match=r"corpus\.json could not be used: it is a folder"):
        read_corpus(corpus.folder)


def test_audio_name_too_long_for_the_disk_counts_as_missing(corpus: Corpus):
    write_corpus(corpus.folder, ORIGIN, [row("x" * 5000)])
    with pytest.raises(CorpusError, match="is missing"):
        read_corpus(corpus.folder)


def test_missing_audio_error_names_the_file(corpus: Corpus):
    (corpus.folder / "audio/b.wav").unlink()
    with pytest.raises(CorpusError, match=r"'audio/b\.wav' is missing"):
        read_corpus(corpus.folder)


@pytest.mark.parametrize("path", ["../a.wav", "audio/../../a.wav", "/etc/hostname", "link/a.wav", "file.wav", "a\0b"])
def test_audio_path_outside_the_corpus_folder_is_rejected(corpus: Corpus, path: str):
    (corpus.folder.parent / "a.wav").write_bytes(b"RIFF")
    (corpus.folder / "link").symlink_to(corpus.folder.parent)
    (corpus.folder / "file.wav").symlink_to(corpus.folder.parent / "a.wav")
    with pytest.raises(CorpusError, match="points outside"):
        write_corpus(corpus.folder, ORIGIN, [row(path)])
    values = json.loads(manifest_path(corpus).read_text().splitlines()[0]) | {"audio": path}
    manifest_path(corpus).write_text(json.dumps(values))
    with pytest.raises(CorpusError, match="points outside"):
        read_corpus(corpus.folder)


def test_corpus_folder_may_be_a_symbolic_link(corpus: Corpus, tmp_path: Path):
    (tmp_path / "link").symlink_to(corpus.folder)
    assert read_corpus(tmp_path / "link").rows == corpus.rows


def test_corpus_without_rows_is_not_written(tmp_path: Path):
    with pytest.raises(CorpusError, match="at least one"):
        write_corpus(tmp_path / "new", ORIGIN, [])
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("file", [".manifest.jsonl.new", ".corpus.json.new"])
def test_full_disk_leaves_the_old_corpus_unchanged(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, file: str):
    write_bytes = Path.write_bytes

    def write_until_full(path: Path, content: bytes) -> int:
        if path.name == file:
            write_bytes(path, content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", write_until_full)
    with pytest.raises(StorageError, match="no space left"):
        write_corpus(corpus.folder, ORIGIN, [row(text="Other.")])
    assert read_corpus(corpus.folder) == corpus
    assert sorted(p.name for p in corpus.folder.iterdir()) == ["audio", "corpus.json", "manifest.jsonl"]


def test_select_returns_exactly_the_rows_of_a_split(corpus: Corpus):
    rows = [row(), row("audio/b.wav").model_copy(update={"split": "test"})]
    written = write_corpus(corpus.folder, ORIGIN, rows)
    assert written.select("test") == [rows[1]]
    assert written.select("train") == [rows[0]]
    assert written.select("validation") == []


def test_way_of_splitting_is_kept_and_missing_in_older_datasets(corpus: Corpus):
    assert read_corpus(corpus.folder).info.split_by is None
    write_corpus(corpus.folder, ORIGIN.model_copy(update={"split_by": "speaker", "split_note": "x."}), corpus.rows)
    info = read_corpus(corpus.folder).info
    assert (info.split_by, info.split_note) == ("speaker", "x.")
    assert info.version == corpus.info.version


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_manifest_with_byte_order_mark_is_read(corpus: Corpus, encoding: str):
    text = manifest_path(corpus).read_text(encoding="utf-8")
    manifest_path(corpus).write_text(text, encoding=encoding)
    assert read_corpus(corpus.folder).rows == corpus.rows
    assert [example.row for example in find_page(corpus.folder).examples] == list(corpus.rows)


def test_link_to_a_file_inside_of_the_corpus_is_accepted(corpus: Corpus):
    (corpus.folder / "audio/c.wav").symlink_to(corpus.folder / "audio/a.wav")
    assert len(write_corpus(corpus.folder, ORIGIN, [*corpus.rows, row("audio/c.wav")]).rows) == 3
    assert read_corpus(corpus.folder).rows[-1].audio == "audio/c.wav"


def test_audio_in_several_folders_and_at_the_top_is_found(corpus: Corpus):
    (corpus.folder / "more").mkdir()
    for name in ("top.wav", "more/d.wav"):
        (corpus.folder / name).write_bytes(b"RIFF")
    rows = [*corpus.rows, row("top.wav"), row("more/d.wav"), row("audio/./a.wav")]
    write_corpus(corpus.folder, ORIGIN, rows)
    assert len(read_corpus(corpus.folder).rows) == 5
    (corpus.folder / "more/d.wav").unlink()
    with pytest.raises(CorpusError, match=r"'more/d\.wav' is missing"):
        read_corpus(corpus.folder)


def test_marked_examples_are_counted_apart_in_statistics(corpus: Corpus):
    marked = [row.model_copy(update={"marks": ("noisy", "cut")}) for row in corpus.rows]
    assert corpus_statistics(Corpus(corpus.folder, corpus.info, (corpus.rows[0], marked[1])))[-1].utterances == 1
    assert corpus_statistics(Corpus(corpus.folder, corpus.info, tuple(marked)))[-1].utterances == 0
    assert count_marked(marked) == {'marked "noisy"': 2}
