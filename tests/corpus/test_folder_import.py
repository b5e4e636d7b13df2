"""Import of a folder of recordings, and of a dataset of the hub with the same layout."""

import errno
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError

from qal.audio.blocks import read_audio_format
from qal.audio.decode import decode
from qal.corpus.importers import hub
from qal.corpus.importers.conversion import writing
from qal.corpus.importers.hub import import_hub, report_problems
from qal.corpus.importers.import_source import import_source
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.staging import OnSkip, ignore_skipped
from qal.corpus.manifest import Corpus, read_corpus
from qal.corpus.speakers import speaker_key
from qal.errors import CorpusError, StorageError
from tests.sounds import sine, write_audio, write_float_audio


def write_tone(path: Path, hz: float, seconds: float = 0.5, rate: int = 48_000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((tone * 32767).astype("<i2").tobytes())


def import_folder(
    folder: Path,
    language: str,
    out: Path,
    *,
    no_text: bool = False,
    force: bool = False,
    on_skip: OnSkip = ignore_skipped,
    max_problem_share: float = 1.0,
    licence: str = "",
    attribution: str = "",
) -> Corpus:
    options = ListingOptions(language, no_text=no_text)
    result = import_source(
        folder,
        out,
        options,
        licence=licence,
        attribution=attribution,
        force=force,
        max_problem_share=max_problem_share,
    )
    report_problems(result.problems, on_skip)
    return result.corpus


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    for i in range(3):
        write_tone(folder / f"sub/{i}.wav", 200 + 50 * i)
        (folder / f"sub/{i}.txt").write_text(f"\ufeff Sentence\n number {i}. ", encoding="utf-8")
    return folder


def folder_with_table(folder: Path, name: str, content: str) -> Path:
    for i in range(3):
        write_tone(folder / f"clips/{i}.wav", 200 + 50 * i)
    (folder / name).write_text(content, encoding="utf-8")
    return folder


def test_audio_and_text_files_become_rows_with_16_khz_audio(recordings: Path, tmp_path: Path):
    corpus = import_folder(recordings, "am", tmp_path / "out", licence="CC0-1.0", attribution="me")
    assert [r.text for r in corpus.rows] == [f"Sentence number {i}." for i in range(3)]
    assert {r.language for r in corpus.rows} == {"am"}
    assert (corpus.info.name, corpus.info.licence, corpus.info.attribution) == ("out", "CC0-1.0", "me")
    audio = read_audio_format(corpus.audio_path(corpus.rows[0]))
    assert (audio.container, audio.rate_hz, audio.channels) == ("flac", 16_000, 1)
    assert audio.declared_duration_s == pytest.approx(corpus.rows[0].duration_s, abs=0.001)
    assert corpus == read_corpus(tmp_path / "out")


def test_imported_audio_equals_the_decoded_source(recordings: Path, tmp_path: Path):
    corpus = import_folder(recordings, "en", tmp_path / "out")
    before, after = decode(recordings / "sub/0.wav"), decode(corpus.audio_path(corpus.rows[0]))
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
def test_metadata_table_gives_file_text_and_speaker(tmp_path: Path, name: str, content: str):
    corpus = import_folder(folder_with_table(tmp_path / "in", name, content), "en", tmp_path / "out")
    assert [(r.audio, r.text, r.speaker) for r in corpus.rows] == [
        ("audio/clips/0.flac", "One, two", "anna"),
        ("audio/clips/1.flac", "Two", "ben"),
    ]


def test_translation_is_imported_and_may_replace_the_transcript(tmp_path: Path):
    table = "file,text,translation\nclips/0.wav,Raz dva,One  two\nclips/1.wav,,Three\n"
    corpus = import_folder(folder_with_table(tmp_path / "in", "metadata.csv", table), "ru", tmp_path / "out")
    assert [(r.text, r.translation) for r in corpus.rows] == [("Raz dva", "One two"), ("", "Three")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "metadata.csv",
            "name,words\na,b\n",
            r"no column for the text \(text, sentence.*its columns are 'name', 'words'.*--columns text=COLUMN",
        ),
        ("metadata.jsonl", '{"file": "clips/0.wav"', "cannot be read"),
        ("metadata.jsonl", "[1]\n", "cannot be read"),
        ("metadata.csv", "file;text\na.wav;One\n", "line 2: there is no file 'a.wav'"),
        ("metadata.csv", "file,text\n", "contains no recordings"),
        ("metadata.csv", "", "is empty"),
    ],
)
def test_unreadable_metadata_table_error_names_table_and_row(tmp_path: Path, name: str, content: str, reason: str):
    with pytest.raises(CorpusError, match=reason):
        import_folder(folder_with_table(tmp_path / "in", name, content), "en", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unusable_recordings_are_skipped_with_a_reason(recordings: Path, tmp_path: Path):
    (recordings / "broken.wav").write_bytes(b"this is no audio")
    (recordings / "broken.txt").write_text("words")
    write_tone(recordings / "silent.wav", 100)
    (recordings / "silent.txt").write_text(" ... ")
    write_tone(recordings / "alone.wav", 100)
    skipped: list[str] = []
    corpus = import_folder(recordings, "en", tmp_path / "out", on_skip=skipped.append)
    assert len(corpus.rows) == 3
    assert sorted(clause.split(":")[0] for clause in skipped) == ["alone.wav", "broken.wav", "silent.wav"]


def test_invalid_file_names_and_encodings_are_skipped_with_a_reason(recordings: Path, tmp_path: Path):
    for name in ("x" * 249 + ".wav", "caf\udce9.wav"):
        write_tone(recordings / name, 100)
        (recordings / name).with_suffix(".txt").write_text("words")
    write_tone(recordings / "latin.wav", 100)
    (recordings / "latin.txt").write_bytes("café".encode("latin-1"))
    (recordings / "metadata.csv").mkdir()
    skipped: list[str] = []
    corpus = import_folder(recordings, "en", tmp_path / "out", on_skip=skipped.append)
    assert sorted(row.text for row in corpus.rows) == [*(f"Sentence number {i}." for i in range(3)), "café"]
    reasons = ("file name is too long", "name is not UTF-8")
    assert all(any(reason in clause for clause in skipped) for reason in reasons)


def test_metadata_table_cannot_import_files_outside_its_folder(tmp_path: Path):
    write_tone(tmp_path / "private.wav", 100)
    table = f"file,text\n../private.wav,One\n{tmp_path}/private.wav,Two\nclips/0.wav,Three\nclips/0.wav,Four\n"
    skipped: list[str] = []
    corpus = import_folder(
        folder_with_table(tmp_path / "in", "metadata.csv", table), "en", tmp_path / "out", on_skip=skipped.append
    )
    assert [r.text for r in corpus.rows] == ["Three"]
    assert len(skipped) == 3


def test_no_usable_recordings_is_an_error_and_leaves_no_folder(tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.wav").write_bytes(b"no audio")
    (tmp_path / "in/a.txt").write_text("words")
    with pytest.raises(CorpusError, match=r"none of the 1 entries can be used: a\.wav: not readable as audio"):
        import_folder(tmp_path / "in", "en", tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


def test_repeated_folder_import_gives_the_same_version(recordings: Path, tmp_path: Path):
    versions = {import_folder(recordings, "en", tmp_path / out).info.version for out in ("one", "two")}
    assert len(versions) == 1


def test_import_without_text_splits_rows_by_their_audio(tmp_path: Path):
    for i in range(40):
        write_tone(tmp_path / f"in/{i}.wav", 200 + 10 * i, seconds=0.1)
    corpus = import_folder(tmp_path / "in", "en", tmp_path / "out", no_text=True)
    assert {r.text for r in corpus.rows} == {""}
    assert all(corpus.info.utterances.values())


def test_force_replaces_only_an_imported_corpus(recordings: Path, tmp_path: Path):
    out = tmp_path / "out"
    import_folder(recordings, "en", out)
    with pytest.raises(CorpusError, match="--force"):
        import_folder(recordings, "am", out)
    assert read_corpus(out).info.languages == ("en",)
    assert import_folder(recordings, "am", out, force=True).info.languages == ("am",)
    with pytest.raises(CorpusError, match="which is not from an import"):
        import_folder(out, "en", recordings, force=True)
    with pytest.raises(CorpusError, match="overlaps with the folder of the recordings"):
        import_folder(out / "audio", "en", out, force=True)
    with pytest.raises(CorpusError, match="overlaps with the folder of the recordings"):
        import_folder(recordings, "en", recordings / "corpus")
    (out / "my-thesis.txt").write_text("the only copy")
    with pytest.raises(CorpusError, match=r"contains 'my-thesis\.txt'"):
        import_folder(recordings, "en", out, force=True)
    assert (out / "my-thesis.txt").exists()
    with pytest.raises(CorpusError, match="is a file"):
        import_folder(recordings, "en", out / "corpus.json" / "out")
    assert len(list(recordings.rglob("*.wav"))) == 3


@pytest.mark.parametrize("code", ["speech", "e1", "../x"])
def test_word_that_is_no_language_is_refused(recordings: Path, tmp_path: Path, code: str):
    with pytest.raises(CorpusError, match="is not a language"):
        import_folder(recordings, code, tmp_path / "out")


@pytest.mark.parametrize("force", [False, True])
def test_full_disk_leaves_no_incomplete_corpus_and_the_import_can_be_continued(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool
):
    before = import_folder(recordings, "en", tmp_path / "out") if force else None

    def raise_disk_full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "flac_bytes", raise_disk_full)
        with pytest.raises(StorageError, match="no space left"):
            import_folder(recordings, "am", tmp_path / "out", force=force)
    visible = sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("."))
    assert visible == (["out", "recordings"] if force else ["recordings"])
    assert before is None or read_corpus(tmp_path / "out") == before
    assert len(import_folder(recordings, "am", tmp_path / "out", force=force).rows) == 3
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".lock") == ["out", "recordings"]


def write_hub_snapshot(tmp_path: Path, card: str) -> Path:
    """Writes a dataset in the layout of the hub's cache: links to blobs, a table in each subfolder."""
    folder = tmp_path / "cache/snapshots/c0ffee"
    for split in ("train", "test"):
        write_tone(tmp_path / f"cache/blobs/{split}", 300 if split == "train" else 400)
        (folder / split).mkdir(parents=True)
        (folder / split / "a.wav").symlink_to(tmp_path / f"cache/blobs/{split}")
        (folder / split / "metadata.csv").write_text(f"file_name,transcription\na.wav,The {split} one\n")
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
def test_hub_dataset_is_imported_with_the_licence_of_its_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: str, licence: str
):
    folder = write_hub_snapshot(tmp_path, card)
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: str(folder))
    monkeypatch.setattr(hub, "require_hub", lambda *_: None)
    corpus = import_hub("owner/speech", "en", tmp_path / "out")
    assert sorted(r.text for r in corpus.rows) == ["The test one", "The train one"]
    assert corpus.info.licence == licence
    assert corpus.info.source == "Hugging Face dataset owner/speech, revision c0ffee"


@pytest.mark.parametrize("is_cached", [True, False])
def test_hub_dataset_at_a_revision_is_not_requested_again_without_a_network(tmp_path: Path, monkeypatch, is_cached):
    folder = write_hub_snapshot(tmp_path, "# Speech\n")

    def unreachable(*_: Any, **__: Any) -> None:
        raise HTTPError("Name or service not known")

    def snapshot_download(*_: Any, local_files_only: bool = False, **__: Any) -> str:
        assert local_files_only, "the download repeats its requests for half a minute"
        if not is_cached:
            raise LocalEntryNotFoundError("not cached")
        return str(folder)

    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", unreachable)
    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    if is_cached:
        assert len(import_hub("owner/speech", "en", tmp_path / "out", revision="c" * 40).rows) == 2
    else:
        with pytest.raises(CorpusError, match="no connection to the hub"):
            import_hub("owner/speech", "en", tmp_path / "out", revision="c" * 40)


def test_invalid_hub_dataset_name_is_rejected(tmp_path: Path):
    with pytest.raises(CorpusError, match="OWNER/NAME"):
        import_hub("not/a/name", "en", tmp_path / "out")


@pytest.mark.parametrize("column", ["split", "Subset", "partition", "set"])
def test_split_column_of_a_table_is_kept_in_any_usual_spelling(tmp_path: Path, column: str):
    table = f"file,text,{column}\nclips/0.wav,One,Training\nclips/1.wav,Two,dev\nclips/2.wav,Three,TEST\n"
    corpus = import_folder(folder_with_table(tmp_path / "in", "metadata.csv", table), "en", tmp_path / "out")
    assert [r.split for r in corpus.rows] == ["train", "validation", "test"]
    assert corpus.info.split_by == "given"
    assert json.loads((tmp_path / "out/corpus.json").read_text())["split_by"] == "given"


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (("train", "dev", "test"), ["validation", "test", "train"]),
        (("training", "valid", "eval"), ["test", "train", "validation"]),
        (("train", "test", "eval"), ["validation", "test", "train"]),
        (("train-clean-100", "dev-other", "test-clean"), ["validation", "test", "train"]),
        (("train_set", "Validation Set", "testset"), ["validation", "test", "train"]),
        (("01_train_data", "02-dev-data", "03.test"), ["train", "validation", "test"]),
    ],
)
@pytest.mark.parametrize("layout", ["text", "table", "audio"])
def test_folders_named_like_splits_are_kept(tmp_path: Path, folders, expected, layout: str):
    for i, folder in enumerate(folders):
        write_tone(tmp_path / f"in/{folder}/clips/{i}.wav", 200 + 50 * i)
        if layout == "text":
            (tmp_path / f"in/{folder}/clips/{i}.txt").write_text("The same text")
        if layout == "table":
            (tmp_path / f"in/{folder}/metadata.csv").write_text(f"file,text\nclips/{i}.wav,The same text\n")
    corpus = import_folder(tmp_path / "in", "en", tmp_path / "out", no_text=layout == "audio")
    assert [r.split for r in corpus.rows] == expected
    assert corpus.info.split_by == "given"


def test_unknown_value_of_a_split_column_is_an_error_that_names_its_row(tmp_path: Path):
    table = "file,text,split\nclips/0.wav,One,train\nclips/1.wav,Two,fold 7\n"
    folder = folder_with_table(tmp_path / "in", "metadata.csv", table)
    with pytest.raises(CorpusError, match="line 3 has 'fold 7' in its column 'split', which is no split; write train"):
        import_folder(folder, "en", tmp_path / "out")


@pytest.mark.parametrize("column", ["fold", "Data Split", "usage", "type"])
def test_column_of_any_name_that_holds_only_names_of_splits_is_the_split(tmp_path: Path, column: str):
    table = f"file,text,{column}\nclips/0.wav,One,train\nclips/1.wav,Two,dev\nclips/2.wav,Three,\n"
    corpus = import_folder(folder_with_table(tmp_path / "in", "metadata.csv", table), "en", tmp_path / "out")
    assert [r.split for r in corpus.rows][:2] == ["train", "validation"]
    assert corpus.info.split_by == "given"


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("file,text,kind", ["test", "test", "test"]),  # one kind of recordings
        ("file,text,kind", ["train", "test", "boat"]),
        ("file,sentence,text", ["train", "test", "test"]),  # words that were said
        ("file,text,speaker", ["train", "dev", "test"]),
    ],
)
def test_other_columns_are_no_split_because_of_some_of_their_values(tmp_path: Path, header: str, values: list[str]):
    rows = "".join(f"clips/{i}.wav,words {i},{value}\n" for i, value in enumerate(values))
    folder = folder_with_table(tmp_path / "in", "metadata.csv", f"{header}\n{rows}")
    assert import_folder(folder, "en", tmp_path / "out").info.split_by != "given"


@pytest.mark.parametrize("name", ["nan", "None", " null ", "unknown", "<unk>", "N/A"])
def test_placeholder_for_an_unknown_speaker_is_no_speaker(tmp_path: Path, name: str):
    rows = "".join(f"clips/{i}.wav,words {i},{name}\n" for i in range(3))
    folder = folder_with_table(tmp_path / "in", "metadata.csv", f"file,text,speaker\n{rows}")
    corpus = import_folder(folder, "en", tmp_path / "out")
    assert {row.speaker for row in corpus.rows} == {""}
    assert corpus.info.split_by == "text"


def test_speaker_who_is_written_in_several_ways_is_never_in_train_and_test(tmp_path: Path):
    for i in range(60):
        write_tone(tmp_path / f"in/{i}.wav", 200 + 10 * i, seconds=0.1)
    spellings = ("Anna", "anna ", "ANNA", "Ben", "ben", "Beń", "Beń", "Chris  P", "chris p", "dora")
    rows = "".join(f"{i}.wav,words {i},{spellings[i % 10]}\n" for i in range(60))
    (tmp_path / "in/metadata.csv").write_text(f"file,text,speaker\n{rows}", encoding="utf-8")
    corpus = import_folder(tmp_path / "in", "en", tmp_path / "out")
    assert corpus.info.split_by == "speaker"
    people = [{speaker_key(row.speaker) for row in corpus.select(split)} for split in ("train", "test")]
    assert not people[0] & people[1]
    assert {speaker_key(row.speaker) for row in corpus.rows} == {"anna", "ben", "beń", "chris p", "dora"}


def test_column_named_subset_with_other_values_is_no_split(tmp_path: Path):
    table = "file,text,subset\nclips/0.wav,One,clean\nclips/1.wav,Two,other\n"
    corpus = import_folder(folder_with_table(tmp_path / "in", "metadata.csv", table), "en", tmp_path / "out")
    assert corpus.info.split_by == "text"


def test_corrected_text_file_keeps_its_split_when_the_folder_is_imported_again(tmp_path: Path):
    for i in range(30):
        write_tone(tmp_path / f"in/{i}.wav", 200 + 10 * i, seconds=0.1)
        (tmp_path / f"in/{i}.txt").write_text(f"sentence {i}")
    before = import_folder(tmp_path / "in", "en", tmp_path / "out")
    for i in range(30):
        (tmp_path / f"in/{i}.txt").write_text(f"another sentence {i}")
    after = import_folder(tmp_path / "in", "en", tmp_path / "out", force=True)
    assert [r.split for r in after.rows] == [r.split for r in before.rows]
    assert after.rows != before.rows


def test_unreadable_dataset_can_be_replaced_and_it_is_said(recordings: Path, tmp_path: Path):
    import_folder(recordings, "en", tmp_path / "out")
    (tmp_path / "out/manifest.jsonl").write_text("{")
    corpus = import_folder(recordings, "en", tmp_path / "out", force=True)
    assert "could not be read, so its examples were split anew" in corpus.info.split_note


def test_silent_recordings_and_those_without_numbers_are_never_written(recordings: Path, tmp_path: Path):
    write_audio(recordings / "silent.wav", np.zeros(8000, np.float32))
    write_audio(recordings / "constant.wav", np.full(8000, 0.25, np.float32))
    write_audio(recordings / "rounding.wav", np.resize(np.array([0, 2 / 32768], np.float32), 8000))
    write_float_audio(recordings / "nan.wav", np.full(8000, np.nan, np.float32))
    for path in recordings.glob("*.wav"):
        path.with_suffix(".txt").write_text("words")
    skipped: list[str] = []
    corpus = import_folder(recordings, "en", tmp_path / "out", on_skip=skipped.append)
    assert len(corpus.rows) == 3
    reasons = dict(line.split(": ", 1) for line in skipped)
    assert set(reasons) == {"silent.wav", "constant.wav", "rounding.wav", "nan.wav"}
    assert "100 % of its samples are not numbers" in reasons["nan.wav"]
    assert all("is silent" in reason for name, reason in reasons.items() if name != "nan.wav")
    assert sorted(p.name for p in (tmp_path / "out/audio").rglob("*.*")) == ["0.flac", "1.flac", "2.flac"]


def test_inverted_channels_are_imported_as_the_loudest_one(tmp_path: Path):
    wave_ = sine(440, 1, amplitude=0.5)
    write_audio(tmp_path / "in/a.wav", np.stack([wave_, -wave_]))
    (tmp_path / "in/a.txt").write_text("words")
    corpus = import_folder(tmp_path / "in", "en", tmp_path / "out")
    assert np.abs(decode(corpus.audio_path(corpus.rows[0]))).max() == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(("stated", "code"), [("Amharic", "am"), ("pt_BR", "pt"), ("nb", "no"), ("ti", "ti")])
def test_language_of_an_import_may_be_a_name_or_another_code(recordings: Path, tmp_path: Path, stated: str, code: str):
    assert import_folder(recordings, stated, tmp_path / "out").info.languages == (code,)
