"""Imports of whole datasets: layouts, exports and streams of the hub become the same corpora."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qal.audio.decode import decode
from qal.audio.samples import to_pcm16
from qal.cli.corpus import import_hub
from qal.cli.corpus.commands import import_main
from qal.cli.corpus.export import main as export_main
from qal.corpus.exporters.exports import EXPORTS, export_corpus
from qal.corpus.importers.hugging_face import hub_stream
from qal.corpus.importers.hugging_face.hub_stream import HubRequest, list_stream
from qal.corpus.importers.import_source import import_source, preview
from qal.corpus.importers.listing import ListingOptions, SourceFormat
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.split import SPLITS
from qal.corpus.versions.store import list_versions
from qal.errors import CorpusError
from tests import dataset_layouts as layouts
from tests.sounds import sine, write_audio


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    folder = tmp_path / "corpus"
    rows = []
    for i in range(9):
        path = write_audio(folder / f"audio/s{i % 3}/{i}.wav", sine(300 + 20 * i, 0.5 + 0.05 * i, amplitude=0.5))
        rows.append(
            Row(
                audio=path.relative_to(folder).as_posix(),
                text=f'Sentence number "{i}", spoken.',
                language="ti" if i == 1 else "en",
                speaker=f"Speaker {i % 3}",
                duration_s=round(0.5 + 0.05 * i, 3),
                split=SPLITS[i % 3],
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                translation="Hello." if i == 1 else "",
                marks=("noise", "cut off") if i == 4 else (),
            )
        )
    return write_corpus(folder, Origin(name="corpus", source="a test", licence="CC0-1.0", attribution="me"), rows)


def content(corpus: Corpus) -> Counter[tuple[Any, ...]]:
    """Returns the rows with their sound, and without the paths of their recordings."""
    fields = ("text", "language", "speaker", "split", "translation", "marks", "duration_s")
    return Counter((sound(corpus, row), *(getattr(row, field) for field in fields)) for row in corpus.rows)


def sound(corpus: Corpus, row: Row) -> str:
    """Returns the hash of the samples; a recording out of a Parquet file may be written as FLAC."""
    return hashlib.sha256(to_pcm16(decode(corpus.audio_path(row))).tobytes()).hexdigest()


@pytest.mark.parametrize("kind", EXPORTS)
def test_importing_an_export_gives_the_same_corpus(corpus: Corpus, tmp_path: Path, kind: str):
    export_main([str(corpus.folder), "--to", kind, "--out", str(tmp_path / "export")])
    result = import_source(tmp_path / "export", tmp_path / "again", ListingOptions())
    assert not result.problems
    assert content(result.corpus) == content(corpus)
    if kind != "hf":
        assert {row.sha256 for row in result.corpus.rows} == {row.sha256 for row in corpus.rows}
    info = result.corpus.info
    assert (info.source, info.licence, info.attribution) == ("a test", "CC0-1.0", "me")
    assert info.split_by == "given"


LANGUAGES = {"ljspeech": "en", "librispeech": "", "common_voice": "", "fleurs": "", "voxpopuli": "", "minds14": ""}
LANGUAGES |= {"speechocean762": "", "kaldi": "en", "lhotse": "", "nemo": "en"}
ROWS = {"ljspeech": 2, "librispeech": 6, "common_voice": 8, "fleurs": 6, "voxpopuli": 2, "minds14": 2}
ROWS |= {"speechocean762": 2, "kaldi": 3, "lhotse": 2, "nemo": 3}


@pytest.mark.parametrize("name", LANGUAGES)
def test_layout_is_imported_whole(name: str, tmp_path: Path):
    folder = getattr(layouts, name)(tmp_path / "source")
    options = ListingOptions(language=LANGUAGES[name])
    seen = preview(folder, options, max_problem_share=1)
    result = import_source(folder, tmp_path / "out", options, max_problem_share=1)
    assert len(result.corpus.rows) == seen.count == ROWS[name]


def test_kaldi_segments_have_their_own_sound(tmp_path: Path):
    folder = layouts.kaldi(tmp_path / "source")
    result = import_source(folder, tmp_path / "out", ListingOptions("English"), max_problem_share=1)
    durations = {row.text: row.duration_s for row in result.corpus.rows}
    assert durations == {"first words": 0.75, "second words": 1.75, "third": 1.0}
    assert {row.language for row in result.corpus.rows} == {"en"}


def test_source_without_language_asks_for_one(tmp_path: Path):
    folder = layouts.ljspeech(tmp_path / "source")
    seen = preview(folder, ListingOptions())
    assert (seen.count, len(seen.rows)) == (2, 2)
    assert seen.stops == "the source names no language; give one, such as --language am"
    with pytest.raises(CorpusError, match="give one, such as --language am"):
        import_source(folder, tmp_path / "out", ListingOptions())


@pytest.fixture
def hub(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local folder stands for the hub, which tests cannot reach."""
    folder = export_corpus(corpus, "hf", tmp_path / "hub")

    def list_local(request: HubRequest, options: ListingOptions) -> Any:
        return list_stream(str(folder), request, None, options, f"{request}, revision abc", "CC0-1.0")

    monkeypatch.setattr(hub_stream, "list_hub", list_local)
    monkeypatch.setattr(import_hub, "holds_audio_files", lambda repository, revision: False)
    return folder


def test_slice_of_the_hub_is_imported_by_the_command(hub: Path, corpus: Corpus, tmp_path: Path, capsys: Any):
    out = tmp_path / "out"
    import_main(["hub", "owner/name", "--split", "train[1:3]", "--out", str(out), "--json"])
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["source"] == "owner/name train[1:3], revision abc"
    trained = [sound(corpus, row) for row in corpus.rows if row.split == "train"]
    assert {sound(read_corpus(out), row) for row in read_corpus(out).rows} == set(trained[1:3])


def test_whole_data_set_of_the_hub_is_imported_with_its_splits(hub: Path, corpus: Corpus, tmp_path: Path):
    import_main(["hub", "owner/name", "--out", str(tmp_path / "out")])
    assert content(read_corpus(tmp_path / "out")) == content(corpus)


def test_language_that_whisper_lacks_is_imported_with_the_way_out(tmp_path: Path, capsys: Any):
    folder = layouts.ljspeech(tmp_path / "source")
    import_main([str(folder), "--language", "Tigrinya", "--out", str(tmp_path / "out")])
    assert read_corpus(tmp_path / "out").info.languages == ("ti",)
    assert "Whisper has no Tigrinya (ti); train it with --language am" in capsys.readouterr().out


def test_import_again_keeps_the_versions_of_a_corpus(tmp_path: Path):
    folder = layouts.ljspeech(tmp_path / "source")
    first = import_source(folder, tmp_path / "out", ListingOptions("en")).corpus
    layouts.write_text(folder / "metadata.csv", "LJ001-0001|another text\nLJ001-0002|only two columns")
    second = import_source(folder, tmp_path / "out", ListingOptions("en"), force=True).corpus
    versions = list_versions(tmp_path / "out")
    assert [v.version for v in versions] == [first.info.version, second.info.version]
    assert [v.note for v in versions] == [
        "imported: LJSpeech layout of source",
        "imported again: LJSpeech layout of source",
    ]
    assert [v.parent for v in versions] == ["", first.info.version]


def test_unfinished_stream_is_continued(hub: Path, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class Broken(Exception): ...

    source_format: SourceFormat = hub_stream.hub_format(HubRequest("owner/name"))

    def stop(progress: Any) -> None:
        if progress.stage == "write":
            raise Broken

    name = Path("owner/name")
    with pytest.raises(Broken):
        import_source(name, tmp_path / "out", ListingOptions(), format=source_format, on_progress=stop)
    result = import_source(name, tmp_path / "out", ListingOptions(), format=source_format)
    assert result.resumed == len(corpus.rows)
    assert content(result.corpus) == content(corpus)
