import errno
import wave
from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.corpus.importers import hub
from qal.corpus.importers.folder import import_folder
from qal.corpus.importers.hub import import_hub
from qal.corpus.manifest import read_corpus
from qal.errors import CorpusError, StorageError


def write_tone(path: Path, hz: float, seconds: float = 0.5, rate: int = 48_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((tone * 32767).astype("<i2").tobytes())


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    for i in range(3):
        write_tone(folder / f"sub/{i}.wav", 200 + 50 * i)
        (folder / f"sub/{i}.txt").write_text(f"\ufeff Sentence\n number {i}. ", encoding="utf-8")
    return folder


def listed(folder: Path, name: str, content: str) -> Path:
    for i in range(3):
        write_tone(folder / f"clips/{i}.wav", 200 + 50 * i)
    (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_pairs_become_rows_of_16_khz(pairs: Path, tmp_path: Path):
    corpus = import_folder(pairs, "am", tmp_path / "out", licence="CC0-1.0", attribution="me")
    assert [r.text for r in corpus.rows] == [f"Sentence number {i}." for i in range(3)]
    assert {r.language for r in corpus.rows} == {"am"}
    assert (corpus.info.name, corpus.info.licence, corpus.info.attribution) == ("out", "CC0-1.0", "me")
    with wave.open(str(corpus.audio_path(corpus.rows[0]))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        assert file.getnframes() / 16_000 == pytest.approx(corpus.rows[0].duration_s, abs=0.001)
    assert corpus == read_corpus(tmp_path / "out")


def test_audio_survives_the_copy(pairs: Path, tmp_path: Path):
    corpus = import_folder(pairs, "en", tmp_path / "out")
    before, after = decode(pairs / "sub/0.wav"), decode(corpus.audio_path(corpus.rows[0]))
    assert np.abs(before - after).max() <= 0.5 / 32768 + 1e-7


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.csv", 'file_name,transcription,Speaker\nclips/0.wav,"One, two",anna\nclips/1.wav,Two,ben\n'),
        ("metadata.tsv", "client_id\tpath\tsentence\nanna\tclips/0.wav\tOne, two\nben\tclips/1.wav\tTwo\n"),
        (
            "metadata.jsonl",
            '{"audio": "clips/0.wav", "text": "One, two", "speaker": "anna"}\n\n'
            '{"file": "clips/1.wav", "sentence": "Two", "speaker": "ben"}\n',
        ),
    ],
)
def test_a_table_says_file_text_and_speaker(tmp_path: Path, name: str, content: str):
    corpus = import_folder(listed(tmp_path / "in", name, content), "en", tmp_path / "out")
    assert [(r.audio, r.text, r.speaker) for r in corpus.rows] == [
        ("audio/clips/0.wav", "One, two", "anna"),
        ("audio/clips/1.wav", "Two", "ben"),
    ]


def test_a_translation_is_kept_and_is_enough(tmp_path: Path):
    table = "file,text,translation\nclips/0.wav,Raz dva,One  two\nclips/1.wav,,Three\n"
    corpus = import_folder(listed(tmp_path / "in", "metadata.csv", table), "ru", tmp_path / "out")
    assert [(r.text, r.translation) for r in corpus.rows] == [("Raz dva", "One two"), ("", "Three")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("metadata.csv", "name,words\na,b\n", "row 1 lacks a column"),
        ("metadata.jsonl", '{"file": "clips/0.wav"', "cannot be read"),
        ("metadata.jsonl", "[1]\n", "cannot be read"),
        ("metadata.csv", "file,text\n", "holds no recordings"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: str, reason: str):
    with pytest.raises(CorpusError, match=reason):
        import_folder(listed(tmp_path / "in", name, content), "en", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unusable_files_are_left_out_and_named(pairs: Path, tmp_path: Path):
    (pairs / "broken.wav").write_bytes(b"this is no audio")
    (pairs / "broken.txt").write_text("words")
    write_tone(pairs / "silent.wav", 100)
    (pairs / "silent.txt").write_text(" ... ")
    write_tone(pairs / "alone.wav", 100)
    skipped: list[str] = []
    corpus = import_folder(pairs, "en", tmp_path / "out", on_skip=skipped.append)
    assert len(corpus.rows) == 3
    assert sorted(clause.split(":")[0] for clause in skipped) == ["alone.wav", "broken.wav", "silent.wav"]


def test_odd_names_and_foreign_encodings_are_left_out_and_named(pairs: Path, tmp_path: Path):
    for name in ("x" * 249 + ".wav", "caf\udce9.wav"):
        write_tone(pairs / name, 100)
    write_tone(pairs / "latin.wav", 100)
    (pairs / "latin.txt").write_bytes("café".encode("latin-1"))
    (pairs / "metadata.csv").mkdir()
    skipped: list[str] = []
    corpus = import_folder(pairs, "en", tmp_path / "out", on_skip=skipped.append)
    assert len(corpus.rows) == 3
    reasons = ("not one a disk can hold", "latin.txt is not UTF-8", "name is not UTF-8")
    assert all(any(reason in clause for clause in skipped) for reason in reasons)


def test_a_table_reads_no_file_outside_its_folder(tmp_path: Path):
    write_tone(tmp_path / "private.wav", 100)
    table = f"file,text\n../private.wav,One\n{tmp_path}/private.wav,Two\nclips/0.wav,Three\nclips/0.wav,Four\n"
    skipped: list[str] = []
    corpus = import_folder(
        listed(tmp_path / "in", "metadata.csv", table), "en", tmp_path / "out", on_skip=skipped.append
    )
    assert [r.text for r in corpus.rows] == ["Three"]
    assert len(skipped) == 3


def test_nothing_usable_is_one_sentence_and_no_folder(tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").write_bytes(b"no audio")
    (tmp_path / "in/a.txt").write_text("words")
    with pytest.raises(CorpusError, match="none of the 1 recordings"):
        import_folder(tmp_path / "in", "en", tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


def test_importing_twice_gives_the_same_version(pairs: Path, tmp_path: Path):
    versions = {import_folder(pairs, "en", tmp_path / out).info.version for out in ("one", "two")}
    assert len(versions) == 1


def test_without_text_rows_are_split_by_their_audio(tmp_path: Path):
    for i in range(40):
        write_tone(tmp_path / f"in/{i}.wav", 200 + 10 * i, seconds=0.1)
    corpus = import_folder(tmp_path / "in", "en", tmp_path / "out", no_text=True)
    assert {r.text for r in corpus.rows} == {""}
    assert all(corpus.info.utterances.values())


def test_a_folder_in_use_is_replaced_only_by_force_and_only_a_corpus(pairs: Path, tmp_path: Path):
    out = tmp_path / "out"
    import_folder(pairs, "en", out)
    with pytest.raises(CorpusError, match="--force"):
        import_folder(pairs, "am", out)
    assert read_corpus(out).info.languages == ("en",)
    assert import_folder(pairs, "am", out, force=True).info.languages == ("am",)
    with pytest.raises(CorpusError, match="which no import made"):
        import_folder(out, "en", pairs, force=True)
    with pytest.raises(CorpusError, match="folder of the recordings"):
        import_folder(out / "audio", "en", out, force=True)
    with pytest.raises(CorpusError, match="folder of the recordings"):
        import_folder(pairs, "en", pairs / "corpus")
    (out / "my-thesis.txt").write_text("the only copy")
    with pytest.raises(CorpusError, match=r"holds 'my-thesis\.txt'"):
        import_folder(pairs, "en", out, force=True)
    assert (out / "my-thesis.txt").exists()
    with pytest.raises(CorpusError, match="is a file"):
        import_folder(pairs, "en", out / "corpus.json" / "out")
    assert len(list(pairs.rglob("*.wav"))) == 3


@pytest.mark.parametrize("code", ["", "EN", "english", "e1", "../x"])
def test_a_language_is_two_or_three_letters(pairs: Path, tmp_path: Path, code: str):
    with pytest.raises(CorpusError, match="not a language code"):
        import_folder(pairs, code, tmp_path / "out")


@pytest.mark.parametrize("force", [False, True])
def test_a_full_disk_leaves_nothing_half_written(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
):
    before = import_folder(pairs, "en", tmp_path / "out") if force else None

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(wave.Wave_write, "writeframes", full)
    with pytest.raises(StorageError, match="no space left"):
        import_folder(pairs, "am", tmp_path / "out", force=force)
    assert sorted(p.name for p in tmp_path.iterdir()) == (["out", "recordings"] if force else ["recordings"])
    assert before is None or read_corpus(tmp_path / "out") == before


def snapshot(tmp_path: Path, card: str) -> Path:
    """As the hub's cache lays a data set out: links to blobs, a table in each sub-folder."""
    folder = tmp_path / "cache/snapshots/c0ffee"
    for side in ("train", "test"):
        write_tone(tmp_path / f"cache/blobs/{side}", 300 if side == "train" else 400)
        (folder / side).mkdir(parents=True)
        (folder / side / "a.wav").symlink_to(tmp_path / f"cache/blobs/{side}")
        (folder / side / "metadata.csv").write_text(f"file_name,transcription\na.wav,The {side} one\n")
    (folder / "README.md").write_text(card)
    return folder


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-4.0\n---\n# Speech\n", "cc-by-4.0"),
        ("# Speech\n", "unknown"),
        ("---\n: [\n---\n", "unknown"),
    ],
)
def test_a_data_set_of_the_hub_is_a_folder_with_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: str, licence: str
):
    folder = snapshot(tmp_path, card)
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: str(folder))
    corpus = import_hub("owner/speech", "en", tmp_path / "out")
    assert sorted(r.text for r in corpus.rows) == ["The test one", "The train one"]
    assert corpus.info.licence == licence
    assert corpus.info.source == "Hugging Face data set owner/speech, revision c0ffee"


def test_a_name_the_hub_cannot_have_is_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match="OWNER/NAME"):
        import_hub("not/a/name", "en", tmp_path / "out")
