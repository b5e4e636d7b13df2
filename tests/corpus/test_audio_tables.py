"""Data sets of the Hugging Face hub: Parquet files, saved and cached data sets, and streams with slices."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qal.corpus.importers.hugging_face import audio_tables
from qal.corpus.importers.hugging_face.audio_tables import DATASETS
from qal.corpus.importers.hugging_face.hub_stream import HubRequest, SplitSlice, hub_format, list_stream
from qal.corpus.importers.hugging_face.waxal import WAXAL
from qal.corpus.importers.listing import AudioBytes, AudioPiece, Candidate, ListingOptions, Problem
from qal.errors import CorpusError
from tests.dataset_layouts import add_recordings, entries_of, write_json_lines, write_text
from tests.sounds import sine, write_audio

datasets = pytest.importorskip("datasets")


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    return write_audio(tmp_path / "tone.wav", sine(440, 0.2)).read_bytes()


def rows(wav: bytes, count: int, **values: Any) -> dict[str, list[Any]]:
    audio = [{"bytes": wav, "path": f"a/clip{i}.wav"} for i in range(count)]
    columns = {name: [value] * count for name, value in values.items()}
    return {"audio": audio, "transcription": [f"text {i}" for i in range(count)], **columns}


def audio_dataset(wav: bytes, count: int, **values: Any) -> Any:
    """Makes a data set as `datasets` does, with an Audio feature that is not decoded."""
    dataset = datasets.Dataset.from_dict(rows(wav, count, **values))
    return dataset.cast_column("audio", datasets.Audio(decode=False))


def test_parquet_files_give_bytes_texts_splits_and_speakers(wav: bytes, tmp_path: Path):
    folder = tmp_path / "repo"
    for split, count in (("train", 3), ("validation", 1)):
        path = folder / f"data/{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        audio_dataset(wav, count, speaker_id=7, language="am_et").to_parquet(path)
    assert DATASETS.recognises(folder)
    candidates, problems = entries_of(DATASETS, folder)
    assert [(c.text, c.split_name, c.speaker, c.language) for c in candidates][2:] == [
        ("text 2", "train", "7", "am"),
        ("text 0", "validation", "7", "am"),
    ]
    assert all(isinstance(c.audio, AudioBytes) and c.audio.data == wav for c in candidates)
    assert candidates[0].place == "data/train-00000-of-00001.parquet, row 1"
    assert not problems


def test_number_of_a_class_becomes_its_name(wav: bytes, tmp_path: Path):
    labels = datasets.ClassLabel(names=["cs-CZ", "pt-PT"])
    audio_dataset(wav, 1, lang_id=1).cast_column("lang_id", labels).to_parquet(tmp_path / "train.parquet")
    assert entries_of(DATASETS, tmp_path / "train.parquet")[0][0].language == "pt"


def test_text_column_is_chosen_by_the_user_or_named_in_the_error(wav: bytes, tmp_path: Path):
    table = audio_dataset(wav, 1, words="chosen").remove_columns(["transcription"])
    table.to_parquet(tmp_path / "train.parquet")
    with pytest.raises(CorpusError, match="there are audio, words"):
        entries_of(DATASETS, tmp_path)
    with pytest.raises(CorpusError, match="no column 'nothing'"):
        entries_of(DATASETS, tmp_path, ListingOptions(columns={"text": "nothing"}))
    candidates, _ = entries_of(DATASETS, tmp_path, ListingOptions(columns={"text": "words"}))
    assert candidates[0].text == "chosen"
    assert entries_of(DATASETS, tmp_path, ListingOptions(no_text=True))[0][0].text == ""


def test_saved_data_set_is_read_with_its_splits(wav: bytes, tmp_path: Path):
    splits = {"train": audio_dataset(wav, 2), "test": audio_dataset(wav, 1)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    assert [c.split_name for c in entries_of(DATASETS, tmp_path / "saved")[0]] == ["train", "train", "test"]
    assert len(entries_of(DATASETS, tmp_path / "saved/train")[0]) == 2


def test_saved_state_that_names_files_elsewhere_is_not_followed(wav: bytes, tmp_path: Path):
    audio_dataset(wav, 1).save_to_disk(tmp_path / "other")
    audio_dataset(wav, 1).save_to_disk(tmp_path / "saved")
    state = json.loads((tmp_path / "saved/state.json").read_text())
    state["_data_files"] = [{"filename": "../other/data-00000-of-00001.arrow"}, {"filename": 3}, 4]
    (tmp_path / "saved/state.json").write_text(json.dumps(state))
    assert not DATASETS.recognises(tmp_path / "saved")


def test_data_set_in_the_local_cache_is_read(wav: bytes, tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    audio_dataset(wav, 2).to_parquet(source / "train.parquet")
    datasets.load_dataset("parquet", data_dir=str(source), cache_dir=str(tmp_path / "cache"))
    folder = next((tmp_path / "cache").rglob("dataset_info.json")).parent
    assert [c.split_name for c in entries_of(DATASETS, folder)[0]] == ["train", "train"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside.wav", "https://example.org/a.wav", None, ""])
def test_row_without_bytes_names_only_files_of_the_folder(tmp_path: Path, path: str | None):
    add_recordings(tmp_path, "outside.wav", "repo/inside.wav")
    audio = [{"bytes": None, "path": path}, {"bytes": None, "path": "inside.wav"}, {"bytes": b"", "path": "x"}]
    pq.write_table(pa.table({"audio": audio, "text": ["a", "b", "c"]}), tmp_path / "repo/train.parquet")
    candidates, problems = entries_of(DATASETS, tmp_path / "repo")
    assert [c.audio.path.name for c in candidates if isinstance(c.audio, AudioPiece)] == ["inside.wav"]
    assert [p.place for p in problems] == ["train.parquet, row 1", "train.parquet, row 3"]


def test_damaged_parquet_file_is_no_data_set_or_a_problem(wav: bytes, tmp_path: Path):
    audio_dataset(wav, 5).to_parquet(tmp_path / "train-00000-of-00002.parquet")
    content = (tmp_path / "train-00000-of-00002.parquet").read_bytes()
    damaged = tmp_path / "train-00001-of-00002.parquet"
    damaged.write_bytes(content[:4] + b"\0" * (len(content) - 5000) + content[4 + len(content) - 5000 :])
    candidates, problems = entries_of(DATASETS, tmp_path)
    assert len(candidates) == 5
    assert ["get the file again" in p.reason for p in problems] == [True]
    write_text(tmp_path / "none/train.parquet", "no Parquet")
    assert not DATASETS.recognises(tmp_path / "none")


def test_parquet_table_without_recordings_is_left_to_the_tables(tmp_path: Path):
    pq.write_table(pa.table({"file": ["a.wav"], "text": ["words"]}), tmp_path / "train.parquet")
    assert not DATASETS.recognises(tmp_path)


def test_waxal_leaves_recordings_without_transcripts_out(wav: bytes, tmp_path: Path):
    folder = tmp_path / "WaxalNLP/data/ASR/aka"
    folder.mkdir(parents=True)
    for split in ("train", "test", "unlabeled"):
        table = audio_dataset(wav, 1, speaker_id="s1", language="aka", gender="Female")
        table.to_parquet(folder / f"aka-{split}-00000-of-00001.parquet")
    assert WAXAL.recognises(tmp_path / "WaxalNLP")
    candidates, problems = entries_of(WAXAL, tmp_path / "WaxalNLP")
    assert [(c.split_name, c.language, c.speaker) for c in candidates] == [("test", "ak", "s1"), ("train", "ak", "s1")]
    assert not problems
    assert len(entries_of(WAXAL, tmp_path / "WaxalNLP", ListingOptions(no_text=True))[0]) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train", SplitSlice("train")),
        ("train[:500]", SplitSlice("train", 0, 500)),
        ("dev.clean[10:]", SplitSlice("dev.clean", 10)),
        ("test[3:7]", SplitSlice("test", 3, 7)),
    ],
)
def test_split_may_be_a_range_of_rows(text: str, expected: SplitSlice):
    assert SplitSlice.parse(text) == expected


@pytest.mark.parametrize("text", ["", "train[", "train[5:5]", "train[:10%]", "train[-5:]", "[:5]", "train+test"])
def test_split_that_is_no_range_is_refused(text: str):
    with pytest.raises(CorpusError, match=r"is no split|has no rows"):
        SplitSlice.parse(text)


def stream(folder: Path, split: str | None, **options: Any) -> list[Candidate | Problem]:
    request = HubRequest("owner/name", split=split)
    return list(list_stream(str(folder), request, None, ListingOptions(**options)).entries)


@pytest.fixture
def repository(wav: bytes, tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "data").mkdir(parents=True)
    audio_dataset(wav, 6).to_parquet(folder / "data/train-00000-of-00001.parquet")
    audio_dataset(wav, 2).to_parquet(folder / "data/test-00000-of-00001.parquet")
    return folder


def test_slice_of_a_stream_has_the_rows_of_the_slice_as_bytes(repository: Path, wav: bytes):
    entries = stream(repository, "train[2:4]")
    assert [e.text for e in entries if isinstance(e, Candidate)] == ["text 2", "text 3"]
    assert all(isinstance(e, Candidate) and isinstance(e.audio, AudioBytes) and e.audio.data == wav for e in entries)
    assert [e.place for e in entries] == ["owner/name, train, row 3", "owner/name, train, row 4"]
    assert [e.split_name for e in stream(repository, None) if isinstance(e, Candidate)] == ["train"] * 6 + ["test"] * 2


def test_slice_of_a_stream_opens_no_file_that_it_does_not_need(repository: Path):
    (repository / "data/train-00000-of-00001.parquet").rename(repository / "data/train-00000-of-00002.parquet")
    (repository / "data/train-00001-of-00002.parquet").write_bytes(b"no Parquet, and not read")
    assert len(stream(repository, "train[:3]")) == 3


def test_audio_folder_streams_its_files(tmp_path: Path):
    add_recordings(tmp_path, "repo/train/a.wav", "repo/train/b.wav")
    lines = [{"file_name": "a.wav", "text": "first"}, {"file_name": "b.wav", "text": "second"}]
    write_json_lines(tmp_path / "repo/train/metadata.jsonl", lines)
    entries = stream(tmp_path / "repo", "train[:1]")
    assert [
        (e.text, e.audio.name) for e in entries if isinstance(e, Candidate) and isinstance(e.audio, AudioBytes)
    ] == [("first", "a.wav")]


def test_stream_never_reads_files_outside_of_its_repository(repository: Path, wav: bytes):
    audio = [{"bytes": None, "path": "/etc/passwd"}, {"bytes": wav, "path": None}]
    table = datasets.Dataset.from_dict({"audio": audio, "transcription": ["secret", "good"]})
    table = table.cast_column("audio", datasets.Audio(decode=False))
    table.to_parquet(repository / "data/validation-00000-of-00001.parquet")
    entries = stream(repository, "validation")
    assert [type(entry) for entry in entries] == [Problem, Candidate]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (HubRequest("owner/name", split="nothing"), "nothing"),
        (HubRequest("owner/name", config="no-such"), "no-such"),
    ],
)
def test_unknown_split_or_configuration_is_one_sentence(repository: Path, request_: HubRequest, message: str):
    with pytest.raises(CorpusError, match=message) as raised:
        list_stream(str(repository), request_, None, ListingOptions())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["../x", "owner/name/more", "", "a b/c", "/etc"])
def test_name_of_a_data_set_cannot_be_a_path(name: str, tmp_path: Path):
    with pytest.raises(CorpusError, match="give it as OWNER/NAME"):
        hub_format(HubRequest(name)).list(tmp_path, ListingOptions())


def test_hub_that_cannot_be_reached_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CorpusError, match="owner/name: no connection to the hub; check the network"):
        hub_format(HubRequest("owner/name")).list(tmp_path, ListingOptions())


def test_formats_load_neither_torch_nor_datasets_nor_pyarrow():
    code = (
        "import sys, qal.corpus.importers.formats, qal.corpus.importers.hugging_face.hub_stream; "
        "print({'torch', 'datasets', 'pyarrow', 'torchcodec', 'lhotse'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_small_batches_give_the_same_rows(wav: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    audio_dataset(wav, 7).to_parquet(tmp_path / "train.parquet")
    whole = [c.text for c in entries_of(DATASETS, tmp_path)[0]]
    monkeypatch.setattr(audio_tables, "BATCH_ROWS", 2)
    assert [c.text for c in entries_of(DATASETS, tmp_path)[0]] == whole
