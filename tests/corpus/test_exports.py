"""Exports: other libraries read them, and importing them gives the same corpus."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qal.cli.corpus.export import main as export_main
from qal.corpus.exporters import hugging_face
from qal.corpus.exporters.columns import COLUMNS, FILE
from qal.corpus.exporters.exports import EXPORTS, export_corpus
from qal.corpus.importers.formats import FORMATS
from qal.corpus.importers.hugging_face.stored_audio import StoredAudio
from qal.corpus.importers.import_source import import_source
from qal.corpus.importers.layouts.source_folder import SourceFolder
from qal.corpus.importers.listing import AudioBytes, Candidate, ListingOptions
from qal.corpus.manifest import Corpus, Origin, Row, write_corpus
from qal.corpus.split import SPLITS
from qal.errors import CorpusError, HubError, OptionError
from qal.hub_connection import push_folder
from tests.sounds import sine, write_audio

datasets = pytest.importorskip("datasets")
TEXTS = [
    'He said: "yes, no; maybe"',
    "ሰላም ነው።",
    "它在,这里",
    "'single' \\ back",
    "= 1 + 1",
    "# number",
    "None",
    "a\tb c",
]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Eight rows with signs that tables trip over, marks, a translation and different sounds."""
    folder = tmp_path / "corpus"
    rows = []
    for i, text in enumerate(TEXTS):
        path = write_audio(folder / f"audio/sub {i % 2}/{i}.wav", sine(300 + 20 * i, 0.3 + 0.05 * i))
        rows.append(
            Row(
                audio=path.relative_to(folder).as_posix(),
                text=" ".join(text.split()),
                language="am" if i == 1 else "en",
                speaker=f"Speaker, {i % 3}" if i else "",
                duration_s=round(0.3 + 0.05 * i, 3),
                split=SPLITS[i % 3],
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                translation="Hello." if i == 1 else "",
                marks=("text; and sound, disagree", "zweitens") if i == 2 else (),
            )
        )
    origin = Origin(name="corpus", source="a test", licence="CC-BY-4.0", attribution="me", notes="Some notes.")
    return write_corpus(folder, origin, rows)


def listed(folder: Path) -> list[Candidate]:
    """Returns what an import of the folder lists; there may be no problem."""
    layout = next(layout for layout in FORMATS if layout.recognises(folder))
    listing = layout.list(folder, ListingOptions())
    assert (listing.source, listing.licence, listing.attribution) == ("a test", "CC-BY-4.0", "me")
    entries = list(listing.entries)
    assert all(isinstance(entry, Candidate) for entry in entries), entries
    return [entry for entry in entries if isinstance(entry, Candidate)]


def sound(candidate: Candidate) -> str:
    audio = candidate.audio
    if isinstance(audio, AudioBytes):
        return hashlib.sha256(audio.data).hexdigest()
    assert (audio.start_s, audio.end_s) == (0, None)
    return hashlib.sha256(audio.path.read_bytes()).hexdigest()


def compared(corpus: Corpus) -> list[tuple]:
    """Returns what an import of an export must give again, the hash of each audio file included."""
    rows = ((r.sha256, r.text, r.language, r.speaker, r.translation, r.split, r.marks) for r in corpus.rows)
    return sorted(rows)


@pytest.mark.parametrize("kind", sorted(EXPORTS))
def test_importing_an_export_gives_the_same_rows_and_audio_files(corpus: Corpus, tmp_path: Path, kind: str):
    export_corpus(corpus, kind, tmp_path / "export")
    again = import_source(tmp_path / "export", tmp_path / "again", ListingOptions()).corpus
    assert compared(again) == compared(corpus)


def test_importing_a_dataset_itself_keeps_marks_splits_and_licence(corpus: Corpus, tmp_path: Path):
    for i, source in enumerate((corpus.folder, corpus.folder / "manifest.jsonl")):
        again = import_source(source, tmp_path / f"again{i}", ListingOptions()).corpus
        assert compared(again) == compared(corpus)
        assert (again.info.licence, again.info.attribution) == ("CC-BY-4.0", "me")


@pytest.mark.parametrize("kind", EXPORTS)
def test_listing_an_export_gives_the_same_rows(corpus: Corpus, tmp_path: Path, kind: str):
    out = export_corpus(corpus, kind, tmp_path / "out")
    found = [(sound(c), c.text, c.language, c.speaker, c.split_name, c.translation, c.marks) for c in listed(out)]
    expected = [(r.sha256, r.text, r.language, r.speaker, r.split, r.translation, r.marks) for r in corpus.rows]
    assert Counter(found) == Counter(expected)


@pytest.mark.parametrize("kind", EXPORTS)
def test_moved_export_is_still_read(corpus: Corpus, tmp_path: Path, kind: str):
    shutil.move(export_corpus(corpus, kind, tmp_path / "out"), tmp_path / "moved")
    assert len(listed(tmp_path / "moved")) == len(corpus.rows)


@pytest.mark.parametrize("streaming", [False, True])
def test_plain_datasets_reads_an_export(corpus: Corpus, tmp_path: Path, streaming: bool):
    out = export_corpus(corpus, "hf", tmp_path / "out")
    loaded: Any = datasets.load_dataset(str(out), streaming=streaming, cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == set(SPLITS)
    found = set()
    for split, part in loaded.items():
        assert isinstance(part.features["audio"], datasets.Audio)
        for row in part.cast_column("audio", datasets.Audio(decode=False)):
            sha256 = hashlib.sha256(row["audio"]["bytes"]).hexdigest()
            found.add((row["text"], row["language"], row["speaker"], split, sha256, tuple(row["marks"])))
    assert found == {(r.text, r.language, r.speaker, r.split, r.sha256, r.marks) for r in corpus.rows}


@pytest.mark.parametrize("builder", [True, False])
def test_datasets_reads_an_audio_folder(corpus: Corpus, tmp_path: Path, builder: bool):
    """The feature without codec stands for torchcodec, which `datasets` needs for folders of audio."""
    out = export_corpus(corpus, "audiofolder", tmp_path / "out")
    text = {name: datasets.Value("string") for name in COLUMNS if name not in (FILE, "duration_s")}
    features = datasets.Features({"audio": StoredAudio(decode=False), **text, "duration_s": datasets.Value("float64")})
    where = {"path": "audiofolder", "data_dir": str(out)} if builder else {"path": str(out)}
    loaded: Any = datasets.load_dataset(**where, features=features, cache_dir=str(tmp_path / "cache"))
    rows = [(row, split) for split, part in loaded.items() for row in part]
    found = {(hashlib.sha256(Path(r["audio"]["path"]).read_bytes()).hexdigest(), r["text"], split) for r, split in rows}
    assert found == {(r.sha256, r.text, r.split) for r in corpus.rows}


def test_plain_lhotse_reads_the_manifests_and_their_sound(corpus: Corpus, tmp_path: Path):
    lhotse: Any = pytest.importorskip("lhotse")
    out = export_corpus(corpus, "lhotse", tmp_path / "out")
    found = {}
    for split in SPLITS:
        recordings = lhotse.RecordingSet.from_file(out / f"recordings_{split}.jsonl.gz")
        supervisions = lhotse.SupervisionSet.from_file(out / f"supervisions_{split}.jsonl.gz")
        lhotse.validate(recordings)
        lhotse.validate(supervisions)
        cuts = lhotse.CutSet.from_manifests(recordings, supervisions)
        own = lhotse.CutSet.from_file(out / f"cuts_{split}.jsonl.gz")
        assert [cut.supervisions[0].text for cut in cuts] == [cut.supervisions[0].text for cut in own]
        for cut in own:
            found[cut.recording.id] = (cut.supervisions[0].text, cut.supervisions[0].speaker or "", split)
            samples = cut.load_audio()[0]
            assert len(samples) == round(16_000 * cut.duration)
            assert np.abs(samples).max() > 0.5
    assert found == {r.audio: (r.text, r.speaker, r.split) for r in corpus.rows}


def test_marked_rows_can_be_left_out(corpus: Corpus, tmp_path: Path):
    out = export_corpus(corpus, "folder", tmp_path / "out", with_marked=False)
    assert len(listed(out)) == len(corpus.rows) - 1


def test_large_parquet_exports_have_several_files(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hugging_face, "SHARD_BYTES", 20_000)
    out = export_corpus(corpus, "hf", tmp_path / "out")
    assert (out / "data/train-00001-of-00003.parquet").exists()
    assert len(listed(out)) == len(corpus.rows)


def test_export_writes_nothing_where_something_is(corpus: Corpus, tmp_path: Path):
    used = tmp_path / "used"
    used.mkdir()
    (used / "thesis.txt").write_text("mine")
    with pytest.raises(CorpusError, match="exists and is not empty"):
        export_corpus(corpus, "hf", used)
    for overlapping in (corpus.folder, corpus.folder / "audio/new", tmp_path):
        with pytest.raises(CorpusError, match="overlaps"):
            export_corpus(corpus, "hf", overlapping)
    (corpus.folder / corpus.rows[0].audio).unlink()
    with pytest.raises(FileNotFoundError):
        export_corpus(corpus, "hf", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "used"]


def test_upload_without_login_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.hf_api.get_token", lambda: None)
    monkeypatch.setattr("huggingface_hub.utils._headers.get_token", lambda: None)
    with pytest.raises(HubError, match="not logged in to the Hugging Face hub; run `hf auth login`"):
        push_folder(tmp_path, "owner/name", "dataset")


def test_export_command_writes_the_form_and_prints_json(corpus: Corpus, tmp_path: Path, capsys: Any):
    export_main([str(corpus.folder), "--to", "nemo", "--out", str(tmp_path / "out"), "--json"])
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed == {"folder": str(tmp_path / "out"), "version": corpus.info.version, "address": None}
    with pytest.raises(OptionError, match="--push needs --to"):
        export_main([str(corpus.folder), "--to", "nemo", "--out", str(tmp_path / "other"), "--push", "a/b"])
    assert not (tmp_path / "other").exists()


def test_source_folder_reads_links_of_the_hubs_cache(tmp_path: Path):
    blobs, snapshot = tmp_path / "datasets--a--b/blobs", tmp_path / "datasets--a--b/snapshots/abc"
    write_audio(blobs / "123", sine(440, 0.1))
    snapshot.mkdir(parents=True)
    (snapshot / "a.wav").symlink_to("../../blobs/123")
    assert SourceFolder(snapshot, ListingOptions()).find(["a.wav"], snapshot) == snapshot / "a.wav"
