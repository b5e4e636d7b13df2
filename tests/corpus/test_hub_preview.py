"""The dry run of a data set of the Hugging Face hub: its first rows, and nothing downloaded whole."""

import json
import shutil
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from qal.cli.corpus import import_hub
from qal.cli.corpus.commands import import_main
from qal.corpus.importers import hub
from qal.corpus.importers.conversion.checking import NO_LANGUAGE
from qal.corpus.importers.hugging_face import hub_stream
from qal.corpus.importers.hugging_face.hub_stream import HubRequest, list_stream
from qal.corpus.importers.import_source import REMOTE_PREVIEW_ENTRIES, import_source
from qal.corpus.importers.layouts.source_folder import NO_TEXT
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.tables.columns import ColumnsError
from qal.errors import CorpusError
from tests.sounds import sine, write_audio

ROWS = 130
CARD = f"""---
license: cc-by-4.0
dataset_info:
  splits:
  - name: train
    num_bytes: 1000
    num_examples: {ROWS + 1000}
---
"""


def write_rows(folder: Path, wav: bytes, text_column: str = "transcription") -> None:
    """A data set of two Parquet files, the second of which cannot be read."""
    datasets = pytest.importorskip("datasets")
    audio = [{"bytes": wav, "path": f"clip{i}.wav"} for i in range(ROWS)]
    texts = ["" if i == 1 else f"text {i}" for i in range(ROWS)]
    table = datasets.Dataset.from_dict({"audio": audio, text_column: texts, "speaker_id": [i % 3 for i in range(ROWS)]})
    (folder / "data").mkdir(parents=True)
    table.cast_column("audio", datasets.Audio(decode=False)).to_parquet(folder / "data/train-00000-of-00002.parquet")
    (folder / "data/train-00001-of-00002.parquet").write_bytes(b"no Parquet, and not read")
    (folder / "README.md").write_text(CARD)


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    return write_audio(tmp_path / "tone.wav", sine(440, 0.2)).read_bytes()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local folder stands for the hub, which tests cannot reach."""
    folder = tmp_path / "repository"

    def list_local(request: HubRequest, options: ListingOptions) -> Any:
        return list_stream(str(folder), request, None, options, f"{request}, revision abc", "cc-by-4.0")

    monkeypatch.setattr(hub_stream, "list_hub", list_local)
    monkeypatch.setattr(import_hub, "holds_audio_files", lambda repository, revision: False)
    return folder


def dry_run(capsys: Any, *arguments: str) -> dict[str, Any]:
    import_main(["hub", "owner/name", "--language", "en", *arguments, "--dry-run", "--json"])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_dry_run_of_the_hub_shows_ten_rows_counts_and_problems_of_the_first_entries(
    repository: Path, wav: bytes, tmp_path: Path, capsys: Any
):
    write_rows(repository, wav)
    before = sorted(tmp_path.rglob("*"))
    found = dry_run(capsys, "--split", "train")
    assert [row["text"] for row in found["rows"]] == ["text 0", *(f"text {i}" for i in range(2, 11))]
    assert (found["count"], found["count_is_complete"]) == (REMOTE_PREVIEW_ENTRIES - 1, False)
    assert found["problems"] == [f"owner/name, train, row 2: {NO_TEXT}"]
    assert found["notes"] == "Only the first 100 of 1,130 entries were read."
    assert (found["roles"]["text"], found["speakers"], found["licence"]) == ("transcription", 3, "cc-by-4.0")
    assert sorted(tmp_path.rglob("*")) == before


def test_dry_run_of_a_slice_of_the_hub_counts_its_rows(repository: Path, wav: bytes, capsys: Any):
    write_rows(repository, wav)
    found = dry_run(capsys, "--split", "train[20:32]")
    assert (found["count"], found["count_is_complete"], found["notes"]) == (12, True, "")
    assert len(found["rows"]) == 10


def test_dry_run_of_the_hub_ends_although_no_row_can_be_used(
    repository: Path, wav: bytes, capsys: Any, monkeypatch: pytest.MonkeyPatch
):
    write_rows(repository, b"no audio")
    found = dry_run(capsys, "--split", "train")
    assert (found["count"], found["rows"], len(found["problems"])) == (0, [], REMOTE_PREVIEW_ENTRIES)
    assert "none of the 100 entries can be used" in found["stops"]


def test_dry_run_of_the_hub_offers_the_columns_of_a_text_that_is_not_recognised(
    repository: Path, wav: bytes, capsys: Any
):
    write_rows(repository, wav, text_column="spoken words")
    with pytest.raises(ColumnsError, match="choose one with --columns"):
        dry_run(capsys, "--split", "train")
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["columns"] == ["audio", "spoken words", "speaker_id"]
    found = dry_run(capsys, "--split", "train", "--columns", "text=spoken words")
    assert found["rows"][0]["text"] == "text 0"


def test_import_of_a_slice_of_the_hub_knows_its_number_of_rows_for_the_progress(
    repository: Path, wav: bytes, tmp_path: Path
):
    write_rows(repository, wav)
    format_ = hub_stream.hub_format(HubRequest("owner/name", split="train[2:22]"))
    totals = set()
    import_source(
        Path("owner/name"),
        tmp_path / "out",
        ListingOptions("en"),
        format=format_,
        on_progress=lambda progress: totals.add((progress.stage, progress.total)),
    )
    assert ("convert", 20) in totals


def on_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes a local folder a data set of the hub. Returns the folder of downloads."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    siblings = [SimpleNamespace(rfilename=f.relative_to(folder).as_posix(), size=f.stat().st_size) for f in files]
    downloads = folder.parent / "downloads/c0ffee"

    def snapshot_download(*_: Any, allow_patterns: list[str], **__: Any) -> str:
        for name in (sibling.rfilename for sibling in siblings):
            if any(fnmatch(name, pattern) for pattern in allow_patterns):
                (downloads / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / name, downloads / name)
        return str(downloads)

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", lambda *_, **__: SimpleNamespace(siblings=siblings))
    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(hub, "require_hub", lambda *_: None)
    return downloads


def test_dry_run_of_audio_files_on_the_hub_downloads_the_first_ones_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    for i in range(30):
        path = write_audio(tmp_path / f"repository/clips/take {i:02d} [a].wav", sine(300 + i, 0.2))
        path.with_suffix(".txt").write_text(f"text {i}")
    (tmp_path / "repository/README.md").write_text("---\nlicense: mit\n---\n")
    downloads = on_hub(tmp_path / "repository", monkeypatch)
    found = dry_run(capsys)
    assert [row["text"] for row in found["rows"]] == [f"text {i}" for i in range(10)]
    assert len(list(downloads.rglob("*.wav"))) == 10
    assert found["notes"] == "Only the first 10 of 30 recordings were downloaded."
    assert (found["count_is_complete"], found["licence"], found["problems"]) == (False, "mit", [])
    import_main(["hub", "owner/name", "--dry-run", "--json"])
    without_language = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (len(without_language["rows"]), without_language["stops"]) == (10, NO_LANGUAGE)


def test_dry_run_of_audio_files_with_a_table_on_the_hub_is_streamed(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
):
    for i in range(3):
        write_audio(repository / f"train/{i}.wav", sine(300 + i, 0.2))
    lines = ["file_name,transcription", *(f"{i}.wav,text {i}" for i in range(3))]
    (repository / "train/metadata.csv").write_text("\n".join(lines))
    downloads = on_hub(repository, monkeypatch)
    monkeypatch.setattr(import_hub, "holds_audio_files", hub.holds_audio_files)
    found = dry_run(capsys)
    assert [row["text"] for row in found["rows"]] == ["text 0", "text 1", "text 2"]
    assert not downloads.exists()


def test_data_set_that_the_hub_does_not_have_is_named_before_a_language_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> None:
        response = httpx.Response(404, request=httpx.Request("GET", "https://huggingface.co/x"))
        raise RepositoryNotFoundError("404", response=response)  # type: ignore[arg-type]

    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", refuse)
    with pytest.raises(CorpusError, match="owner/name: the hub has no such dataset"):
        import_main(["hub", "owner/name", "--dry-run"])
