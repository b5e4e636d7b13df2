"""A corpus on disk: manifest.jsonl (a row an utterance), corpus.json (where it is from) and the audio.

The manifest is the truth: counts and version are read off it, so a corrected transcript gives a new version."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, Field, ValidationError

from qal.corpus.split import SPLITS, Split
from qal.errors import CorpusError, StorageError
from qal.storage import storage_errors

MANIFEST = "manifest.jsonl"
CORPUS_INFO = "corpus.json"
UNKNOWN = "unknown"
MAX_DURATION_S = 24 * 3600  # of one row


class Row(BaseModel, frozen=True):
    """One utterance."""

    audio: str = Field(min_length=1, description="path of the audio file, relative to the corpus folder")
    text: str = Field(description="what is said; empty where nobody wrote it down")
    language: str
    speaker: str = ""
    duration_s: float = Field(ge=0, le=MAX_DURATION_S, allow_inf_nan=False)
    split: Split
    sha256: str = Field(description="of the audio file")
    translation: str = Field(
        default="", description="what is said, in English, if somebody wrote it", exclude_if=lambda text: not text
    )
    source: str = Field(
        default="", description="where this row is from, if not from an import", exclude_if=lambda source: not source
    )


class Origin(BaseModel, frozen=True):
    """Where a corpus is from and on what terms: what the rows cannot tell."""

    name: str
    source: str = UNKNOWN
    licence: str = UNKNOWN
    attribution: str = ""
    notes: str = Field(default="", description="what a user of this corpus must know")


class CorpusInfo(Origin, frozen=True):
    """corpus.json."""

    languages: tuple[str, ...]
    utterances: dict[Split, int]
    duration_s: float
    version: str = Field(description="sha256 of the manifest")


@dataclass(frozen=True)
class Corpus:
    folder: Path
    info: CorpusInfo
    rows: tuple[Row, ...]

    def select(self, split: Split) -> list[Row]:
        return [row for row in self.rows if row.split == split]

    def audio_path(self, row: Row) -> Path:
        """The row's audio file. Raises CorpusError when it lies outside the folder, over a link too."""
        path = PurePosixPath(row.audio)
        try:
            inside = (self.folder / path).resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError, ValueError):  # a name too long, links in a circle, a zero byte
            inside = False
        if path.is_absolute() or ".." in path.parts or not inside:
            raise CorpusError(f"{self.folder}: the row '{row.audio}' points outside the corpus; correct {MANIFEST}")
        return self.folder / path


def read_corpus(folder: Path, gone_share: float = 0) -> Corpus:
    """A corpus folder (or its manifest) -> its rows, every one checked.

    gone_share: the audio files of so large a share of the rows may be gone; whoever reads them skips them.
    Raises CorpusError: no manifest, no rows, a broken line, a path that climbs out, audio files that are gone."""
    folder = folder.parent if folder.name == MANIFEST else folder
    try:
        with storage_errors(f"the corpus {folder}"):
            manifest = (folder / MANIFEST).read_bytes()
    except (FileNotFoundError, StorageError) as error:
        raise CorpusError(
            f"{folder}: not a corpus, it holds no {MANIFEST}; make one with `qal corpus import`"
        ) from error
    rows = tuple(_rows(manifest, folder))
    if not rows:
        raise CorpusError(f"{folder}: {MANIFEST} holds no rows; import the corpus again with --force")
    corpus = Corpus(folder, _info(_read_origin(folder), rows, manifest), rows)
    gone = [row for row in rows if not os.path.isfile(corpus.audio_path(row))]  # and where no disk can hold the name
    if len(gone) > gone_share * len(rows):
        raise CorpusError(f"{folder}: the audio file of the row '{gone[0].audio}' is gone; put it back or import again")
    return corpus


def write_corpus(folder: Path, origin: Origin, rows: Iterable[Row]) -> Corpus:
    """Writes manifest.jsonl and corpus.json of a folder that holds the audio already.

    Both are written beside and renamed. Rows are sorted by path: the version says what is in the corpus,
    not in what order it was found. Raises CorpusError (no rows, a path that climbs out), StorageError."""
    rows = tuple(sorted(rows, key=lambda row: row.audio))
    if not rows:
        raise CorpusError(f"{folder}: a corpus needs at least one utterance; check what was imported")
    manifest = "".join(f"{row.model_dump_json()}\n" for row in rows).encode()
    corpus = Corpus(folder, _info(origin, rows, manifest), rows)
    for row in rows:
        corpus.audio_path(row)
    with storage_errors(f"the corpus {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        _replace_files(
            {folder / MANIFEST: manifest, folder / CORPUS_INFO: corpus.info.model_dump_json(indent=2).encode()}
        )
    return corpus


def _rows(manifest: bytes, folder: Path) -> Iterable[Row]:
    for number, line in enumerate(manifest.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield Row.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = "".join(f"'{name}': " for name in first["loc"])
            raise CorpusError(
                f"{folder / MANIFEST}: line {number} is broken ({where}{first['msg']}); correct or delete it"
            ) from error


def _read_origin(folder: Path) -> Origin:
    """What corpus.json says; a manifest that somebody wrote by hand may have none."""
    try:
        with storage_errors(f"the corpus {folder}"):
            return Origin.model_validate_json((folder / CORPUS_INFO).read_bytes())
    except FileNotFoundError:
        return Origin(name=folder.resolve().name)
    except ValidationError as error:
        raise CorpusError(f"{folder / CORPUS_INFO}: is broken; import the corpus again, or delete this file") from error


def _info(origin: Origin, rows: tuple[Row, ...], manifest: bytes) -> CorpusInfo:
    counts = Counter(row.split for row in rows)
    return CorpusInfo(
        **{name: getattr(origin, name) for name in Origin.model_fields},
        languages=tuple(sorted({row.language for row in rows})),
        utterances={split: counts[split] for split in SPLITS},
        duration_s=round(sum(row.duration_s for row in rows), 3),
        version=hashlib.sha256(manifest).hexdigest(),
    )


def _replace_files(contents: dict[Path, bytes]) -> None:
    """All are written before the first is renamed; when one fails, none is left."""
    beside = {path: path.with_name(f".{path.name}.new") for path in contents}
    try:
        for path, content in contents.items():
            beside[path].write_bytes(content)
        for path, new in beside.items():
            new.replace(path)
    finally:
        for new in beside.values():
            new.unlink(missing_ok=True)
