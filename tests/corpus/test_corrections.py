"""Corrected captions as rows: nothing is doubled, lost or written where it does not belong."""

import errno
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.corpus import manifest
from qal.corpus.corrections import MAX_LETTERS, Correction, add_correction
from qal.corpus.manifest import Corpus, Origin, read_corpus, write_corpus
from qal.corpus.split import split_of
from qal.errors import CorpusError, StorageError
from tests.fakes import noise

HEARD: Samples = from_pcm16(to_pcm16(noise(SAMPLE_RATE)))


def correction(name: str = "ab12-00001", text: str = "Hello there.", samples: Samples = HEARD) -> Correction:
    return Correction(name, samples, text, "en")


def test_a_correction_is_a_row_with_its_sound(tmp_path: Path):
    written, row = add_correction(tmp_path, "mine", correction(text="  Hello\n there. "))
    corpus = read_corpus(tmp_path / "mine")
    assert corpus == written
    assert corpus.rows == (row,)
    assert (row.text, row.language, row.duration_s, row.source) == ("Hello there.", "en", 1.0, "captions")
    assert row.split == split_of("Hello there.", "en", row.sha256)
    assert (decode(corpus.audio_path(row)) == HEARD).all()
    assert (corpus.info.source, corpus.info.languages) == ("captions", ("en",))
    assert "consent" in corpus.info.licence
    assert sorted(p.name for p in (tmp_path / "mine").rglob("*") if p.is_file()) == [
        "ab12-00001.wav",
        "corpus.json",
        "manifest.jsonl",
    ]


def test_a_caption_that_comes_again_replaces_its_row(tmp_path: Path):
    add_correction(tmp_path, "mine", correction("ab12-00002"))
    add_correction(tmp_path, "mine", correction())
    add_correction(tmp_path, "mine", correction(text="Goodbye.", samples=HEARD[:8000]))
    corpus = read_corpus(tmp_path / "mine")
    assert [(row.text, row.duration_s) for row in corpus.rows] == [("Goodbye.", 0.5), ("Hello there.", 1.0)]
    assert len(decode(corpus.audio_path(corpus.rows[0]))) == 8000


def add_many(data: Path, writer: int) -> None:
    for i in range(5):
        add_correction(data, "mine", correction(f"{writer:04}-{i:05}", samples=HEARD[:1600]))


def test_writers_at_once_lose_no_row(tmp_path: Path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda writer: add_many(tmp_path, writer), range(4)))
    others = [multiprocessing.get_context("fork").Process(target=add_many, args=(tmp_path, w)) for w in (4, 5)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert len(read_corpus(tmp_path / "mine").rows) == 30


@pytest.mark.parametrize("name", ["", "../x", "a/b", "..", ".hidden", "a b", "x" * 65, "ቃል", "a\0", "a\n"])
def test_a_corpus_cannot_be_named_out_of_the_data_folder(tmp_path: Path, name: str):
    with pytest.raises(CorpusError, match="letters, digits"):
        add_correction(tmp_path / "data", name, correction())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "no words"), (" \n", "no words"), ("…!", "no words"), ("a" * 501, "501 letters")]
)
def test_a_line_without_words_or_without_end_is_refused(tmp_path: Path, text: str, sentence: str):
    assert MAX_LETTERS == 500
    with pytest.raises(CorpusError, match=sentence):
        add_correction(tmp_path, "mine", correction(text=text))
    assert not list(tmp_path.iterdir())


def imported(folder: Path) -> Corpus:
    _, row = add_correction(folder.parent, folder.name, correction())
    return write_corpus(folder, Origin(name="x", source="somebody", licence="CC0"), [row])


def test_an_imported_corpus_is_never_touched(tmp_path: Path):
    before = imported(tmp_path / "theirs")
    with pytest.raises(CorpusError, match="not made of captions"):
        add_correction(tmp_path, "theirs", correction("new"))
    assert read_corpus(tmp_path / "theirs") == before
    assert len(list((tmp_path / "theirs/audio").iterdir())) == 1


@pytest.mark.parametrize("what", ["file", "folder/notes.txt", "folder/audio/../corpus.json"])
def test_what_is_no_corpus_is_left_alone(tmp_path: Path, what: str):
    path = tmp_path / what
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "folder/audio").mkdir(parents=True, exist_ok=True)
    path.write_text("precious")
    with pytest.raises(CorpusError, match="in use"):
        add_correction(tmp_path, what.split("/")[0], correction())
    assert path.read_text() == "precious"


def test_what_a_kill_left_of_the_first_row_is_gone_over(tmp_path: Path):
    (tmp_path / "mine/audio").mkdir(parents=True)
    (tmp_path / "mine/audio/.ab12-00001.new").write_bytes(b"RIFF")
    add_correction(tmp_path, "mine", correction())
    assert [p.name for p in (tmp_path / "mine/audio").iterdir()] == ["ab12-00001.wav"]


def test_what_the_owner_wrote_about_the_corpus_stays(tmp_path: Path):
    corpus, _ = add_correction(tmp_path, "mine", correction())
    write_corpus(corpus.folder, Origin(name="Ours", source="captions", licence="CC0-1.0"), corpus.rows)
    info = add_correction(tmp_path, "mine", correction("new"))[0].info
    assert (info.name, info.licence) == ("Ours", "CC0-1.0")


def test_a_full_disk_leaves_the_corpus_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before, _ = add_correction(tmp_path, "mine", correction())

    def full(_contents):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest, "_replace_files", full)
    for name in ("ab12-00001", "ab12-00002"):
        with pytest.raises(StorageError, match="no space left"):
            add_correction(tmp_path, "mine", correction(name))
    assert read_corpus(tmp_path / "mine") == before
    assert [p.name for p in (tmp_path / "mine/audio").iterdir()] == ["ab12-00001.wav"]
