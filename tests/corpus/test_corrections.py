"""Corrected captions become rows of a corpus: none is duplicated, lost or added to another corpus."""

import errno
import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.corpus import manifest
from qal.corpus.corrections import MAX_CHARACTERS, Correction, add_correction
from qal.corpus.manifest import Corpus, Origin, read_corpus, write_corpus
from qal.corpus.split import split_of
from qal.errors import AudioDecodeError, CorpusError, StorageError
from tests.fakes import noise

SAMPLES: Samples = from_pcm16(to_pcm16(noise(SAMPLE_RATE)))


def correction(name: str = "ab12-00001", text: str = "Hello there.", samples: Samples = SAMPLES) -> Correction:
    return Correction(name, samples, text, "en")


def test_correction_becomes_a_row_with_its_audio(tmp_path: Path):
    written, row = add_correction(tmp_path, "mine", correction(text="  Hello\n there. "))
    corpus = read_corpus(tmp_path / "mine")
    assert corpus == written
    assert corpus.rows == (row,)
    assert (row.text, row.language, row.duration_s, row.source) == ("Hello there.", "en", 1.0, "captions")
    assert row.split == split_of("Hello there.", "en", row.sha256)
    assert (decode(corpus.audio_path(row)) == SAMPLES).all()
    assert (corpus.info.source, corpus.info.languages) == ("captions", ("en",))
    assert "consent" in corpus.info.licence
    assert sorted(p.name for p in (tmp_path / "mine").rglob("*") if p.is_file()) == [
        "ab12-00001.flac",
        "corpus.json",
        "manifest.jsonl",
    ]


def test_repeated_correction_of_a_caption_replaces_its_row(tmp_path: Path):
    add_correction(tmp_path, "mine", correction("ab12-00002"))
    add_correction(tmp_path, "mine", correction())
    add_correction(tmp_path, "mine", correction(text="Goodbye.", samples=SAMPLES[:8000]))
    corpus = read_corpus(tmp_path / "mine")
    assert [(row.text, row.duration_s) for row in corpus.rows] == [("Goodbye.", 0.5), ("Hello there.", 1.0)]
    assert len(decode(corpus.audio_path(corpus.rows[0]))) == 8000


def add_corrections(data: Path, writer: int) -> None:
    for i in range(5):
        add_correction(data, "mine", correction(f"{writer:04}-{i:05}", samples=SAMPLES[:1600]))


def test_concurrent_writers_lose_no_row(tmp_path: Path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda writer: add_corrections(tmp_path, writer), range(4)))
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=add_corrections, args=(tmp_path, writer)) for writer in (4, 5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(read_corpus(tmp_path / "mine").rows) == 30


@pytest.mark.parametrize("name", ["", "../x", "a/b", "..", ".hidden", "a b", "x" * 65, "ቃል", "a\0", "a\n"])
def test_corpus_name_outside_the_data_folder_is_rejected(tmp_path: Path, name: str):
    with pytest.raises(CorpusError, match="letters, digits"):
        add_correction(tmp_path / "data", name, correction())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "no words"), (" \n", "no words"), ("…!", "no words"), ("a" * 501, "501 characters")]
)
def test_correction_without_words_or_too_long_is_rejected(tmp_path: Path, text: str, sentence: str):
    assert MAX_CHARACTERS == 500
    with pytest.raises(CorpusError, match=sentence):
        add_correction(tmp_path, "mine", correction(text=text))
    assert not list(tmp_path.iterdir())


def write_imported_corpus(folder: Path) -> Corpus:
    _, row = add_correction(folder.parent, folder.name, correction())
    return write_corpus(folder, Origin(name="x", source="a studio", licence="CC0"), [row])


def test_imported_corpus_is_not_changed_by_a_correction(tmp_path: Path):
    before = write_imported_corpus(tmp_path / "imported")
    with pytest.raises(CorpusError, match="not a dataset of corrections"):
        add_correction(tmp_path, "imported", correction("new"))
    assert read_corpus(tmp_path / "imported") == before
    assert len(list((tmp_path / "imported/audio").iterdir())) == 1


@pytest.mark.parametrize("relative_path", ["file", "folder/notes.txt", "folder/audio/../corpus.json"])
def test_folder_or_file_that_is_no_corpus_is_not_changed(tmp_path: Path, relative_path: str):
    path = tmp_path / relative_path
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "folder/audio").mkdir(parents=True, exist_ok=True)
    path.write_text("precious")
    with pytest.raises(CorpusError, match="exists but is not a dataset of corrections"):
        add_correction(tmp_path, relative_path.split("/")[0], correction())
    assert path.read_text() == "precious"


def test_incomplete_audio_of_an_interrupted_first_correction_is_replaced(tmp_path: Path):
    (tmp_path / "mine/audio").mkdir(parents=True)
    (tmp_path / "mine/audio/.ab12-00001.new.flac").write_bytes(b"fLaC")
    add_correction(tmp_path, "mine", correction())
    assert [p.name for p in (tmp_path / "mine/audio").iterdir()] == ["ab12-00001.flac"]


def test_edited_corpus_json_is_kept_by_later_corrections(tmp_path: Path):
    corpus, _ = add_correction(tmp_path, "mine", correction())
    write_corpus(corpus.folder, Origin(name="Ours", source="captions", licence="CC0-1.0"), corpus.rows)
    info = add_correction(tmp_path, "mine", correction("new"))[0].info
    assert (info.name, info.licence) == ("Ours", "CC0-1.0")


def test_full_disk_leaves_the_corrections_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before, _ = add_correction(tmp_path, "mine", correction())

    def raise_disk_full(_contents):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest, "_replace_files", raise_disk_full)
    for name in ("ab12-00001", "ab12-00002"):
        with pytest.raises(StorageError, match="no space left"):
            add_correction(tmp_path, "mine", correction(name))
    assert read_corpus(tmp_path / "mine") == before
    assert [p.name for p in (tmp_path / "mine/audio").iterdir()] == ["ab12-00001.flac"]


def test_corrected_caption_keeps_its_split_and_the_dataset_gets_all_splits(tmp_path: Path):
    for i in range(12):
        add_correction(tmp_path, "mine", correction(f"c{i:02}", f"line number {i}", noise(SAMPLE_RATE, i)))
    before = read_corpus(tmp_path / "mine")
    assert all(before.info.utterances.values())
    for i in range(12):
        add_correction(tmp_path, "mine", correction(f"c{i:02}", f"another line {i}", noise(SAMPLE_RATE, i)))
    after = read_corpus(tmp_path / "mine")
    assert [row.split for row in after.rows] == [row.split for row in before.rows]
    assert (after.info.split_by, after.info.split_note) == ("text", "")


def test_silent_caption_is_not_added(tmp_path: Path):
    with pytest.raises(AudioDecodeError, match="is silent"):
        add_correction(tmp_path, "mine", correction(samples=np.zeros(SAMPLE_RATE, np.float32)))
    assert not (tmp_path / "mine/manifest.jsonl").exists()
