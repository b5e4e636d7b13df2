"""Common Voice, unpacked: LANGUAGE/clips, and train.tsv, dev.tsv, test.tsv, validated.tsv, invalidated.tsv.

The three tables of the splits are kept as they are. Of the other validated clips those are trained on that share
neither a speaker nor a sentence with the clips of dev and test; the rest of them, and invalidated clips, are marked.
Clips that were not reviewed yet (other.tsv) are not listed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from qal.corpus.importers.layouts.key_index import KeyIndex
from qal.corpus.importers.layouts.lines import Record, first_line, read_table
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.text.normalisation.split_key import split_key

CLIPS = "clips"
SPLIT_TABLES = ("test", "dev", "train")  # held-out clips first: the others must not share anything with them
VALIDATED, INVALIDATED = "validated", "invalidated"
COLUMNS = {"client_id", "path", "sentence"}
LICENCE = "CC0-1.0"
ATTRIBUTION = "Common Voice by Mozilla"
INVALIDATED_MARK = "invalidated by its reviewers"
SHARED_MARK = "shares a speaker or a sentence with the source's dev or test split"


def recognises(path: Path) -> bool:
    return bool(_language_folders(content_folder(path)))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the clips of all languages of a release."""
    source = SourceFolder(path, options)
    folders = _language_folders(content_folder(path))
    return Listing(
        (entry for folder in folders for entry in _Language(source, folder).entries()),
        source=f"Common Voice, {content_folder(path).resolve().name}",
        licence=LICENCE,
        attribution=ATTRIBUTION,
        notes="Clips that were not reviewed yet (other.tsv) are not imported.",
    )


class _Language:
    """The clips of one language."""

    def __init__(self, source: SourceFolder, folder: Path):
        self._source, self._folder = source, folder
        self._listed, self._held_out = KeyIndex(), KeyIndex()

    def entries(self) -> Iterator[Candidate | Problem]:
        for split in SPLIT_TABLES:
            yield from self._table(split, split)
        yield from self._table(VALIDATED, "")
        yield from self._table(INVALIDATED, "", (INVALIDATED_MARK,))

    def _table(self, name: str, split: str, marks: tuple[str, ...] = ()) -> Iterator[Candidate | Problem]:
        table = self._folder / f"{name}.tsv"
        if not table.is_file():
            return
        for record in read_table(self._source, table):
            if isinstance(record, Problem):
                yield record
                continue
            if not self._listed.add(record.get("path")):
                if name != VALIDATED:  # it contains the clips of the splits, too
                    yield Problem(record.place, f"'{record.get('path')}' is listed before; only its first line is used")
                continue
            keys = _keys(record)
            if split and split != "train":
                for key in keys:
                    self._held_out.add(key)
            is_shared = name == VALIDATED and any(key in self._held_out for key in keys)
            yield self._candidate(record, split, (SHARED_MARK,) if is_shared else marks)

    def _candidate(self, record: Record, split: str, marks: tuple[str, ...]) -> Candidate | Problem:
        path = record.get("path")
        return self._source.candidate(
            record.place,
            [path, f"{path}.mp3"],
            record.get("sentence"),
            self._folder / CLIPS,
            speaker=record.get("client_id"),
            language=record.get("locale") or self._folder.name,
            split_name=split,
            marks=marks,
        )


def _keys(record: Record) -> list[str]:
    """Returns the keys under which a held-out clip's speaker and sentence are found again."""
    sentence = split_key(record.get("sentence"))
    return [f"{kind}\n{value}" for kind, value in (("speaker", record.get("client_id")), ("text", sentence)) if value]


def _language_folders(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return []
    folders = [path, *sorted(child for child in path.iterdir() if child.is_dir() and not child.is_symlink())]
    return [folder for folder in folders if (folder / CLIPS).is_dir() and _has_table(folder)]


def _has_table(folder: Path) -> bool:
    tables = [folder / f"{name}.tsv" for name in (*SPLIT_TABLES, VALIDATED, INVALIDATED)]
    return any(table.is_file() and set(first_line(table).split("\t")) >= COLUMNS for table in tables)


COMMON_VOICE = SourceFormat(
    "common-voice",
    "Common Voice",
    "an unpacked release: clips, and tables such as train.tsv and validated.tsv",
    recognises,
    list_entries,
)
