"""A corpus on disk: manifest.jsonl (one row per utterance), corpus.json (its origin) and the audio files.

The counts and the version are computed from the manifest, so that a corrected transcript gives a new version."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, Field, ValidationError

from qal.corpus.split import SPLITS, Split, SplitMethod
from qal.errors import CorpusError, StorageError
from qal.storage import require_regular, storage_errors

MANIFEST_FILE = "manifest.jsonl"
CORPUS_INFO_FILE = "corpus.json"
UNKNOWN = "unknown"
MAX_DURATION_S = 24 * 3600  # of one row


class Row(BaseModel, frozen=True):
    """One utterance of a corpus: a line of manifest.jsonl."""

    audio: str = Field(min_length=1, description="path of the audio file, relative to the corpus folder")
    text: str = Field(description="transcript; empty if there is none")
    language: str
    speaker: str = ""
    duration_s: float = Field(ge=0, le=MAX_DURATION_S, allow_inf_nan=False)
    split: Split
    sha256: str = Field(description="sha256 of the audio file")
    translation: str = Field(
        default="", description="translation into English; empty if there is none", exclude_if=lambda text: not text
    )
    source: str = Field(
        default="",
        description="where the audio was cut out or how the row was made; empty for a whole file of an import",
        exclude_if=lambda source: not source,
    )
    marks: tuple[str, ...] = Field(
        default=(),
        description="reasons for which the row is left out of training and of scores",
        exclude_if=lambda marks: not marks,
    )
    notes: tuple[str, ...] = Field(
        default=(),
        description="what was changed when the audio was imported, such as its level",
        exclude_if=lambda notes: not notes,
    )


class Origin(BaseModel, frozen=True):
    """Source and terms of use of a corpus, and how it was split."""

    name: str
    source: str = UNKNOWN
    licence: str = UNKNOWN
    attribution: str = ""
    notes: str = Field(default="", description="remarks for users of this corpus")
    split_by: SplitMethod | None = Field(
        default=None, description="how the examples were split: as given, by speaker, by text; null: not recorded"
    )
    split_note: str = Field(default="", description="what to know about the split, in whole sentences")


class CorpusInfo(Origin, frozen=True):
    """Contents of corpus.json."""

    languages: tuple[str, ...]
    utterances: dict[Split, int]
    duration_s: float
    version: str = Field(description="sha256 of the manifest")


@dataclass(frozen=True)
class Corpus:
    """A corpus that was read from disk or written to it."""

    folder: Path
    info: CorpusInfo
    rows: tuple[Row, ...]

    def select(self, split: Split) -> list[Row]:
        """Returns the rows of one split that are not marked."""
        return [row for row in self.rows if row.split == split and not row.marks]

    def audio_path(self, row: Row) -> Path:
        """Returns the path of the row's audio file. Raises CorpusError if it is outside the folder, also by a link."""
        path = PurePosixPath(row.audio)
        try:
            inside = (self.folder / path).resolve().is_relative_to(self.folder.resolve())
        except (OSError, RuntimeError, ValueError):  # a name too long, a loop of links, a zero byte
            inside = False
        if path.is_absolute() or ".." in path.parts or not inside:
            raise CorpusError(
                f"{self.folder}: the audio path '{row.audio}' points outside the dataset; correct {MANIFEST_FILE}"
            )
        return self.folder / path


def read_corpus(folder: Path, max_missing_share: float = 0) -> Corpus:
    """Reads and checks a corpus.

    Args:
        folder: the corpus folder, or its manifest.
        max_missing_share: share of the rows, 0 to 1, whose audio file may be missing. Callers that read the audio
            must skip such rows.

    Raises:
        CorpusError: no manifest, no rows, an invalid line, a path outside the folder, or missing audio files.
    """
    folder = folder.parent if folder.name == MANIFEST_FILE else folder
    try:
        with storage_errors(f"the dataset {folder}"):
            manifest = require_regular(folder / MANIFEST_FILE).read_bytes()
    except (FileNotFoundError, StorageError) as error:
        if (folder / MANIFEST_FILE).exists() and not (folder / MANIFEST_FILE).is_file():
            raise CorpusError(str(error)) from error
        raise CorpusError(
            f"{folder}: not a dataset, {MANIFEST_FILE} is missing; create a dataset with `qal corpus import`"
        ) from error
    rows = tuple(_parse_rows(manifest, folder))
    if not rows:
        raise CorpusError(f"{folder}: {MANIFEST_FILE} has no examples; import the dataset again with --force")
    corpus = Corpus(folder, _corpus_info(_read_origin(folder), rows, manifest), rows)
    _check_paths(corpus)
    missing = [row for row in rows if not os.path.isfile(os.path.join(folder, row.audio))]  # also invalid names
    if len(missing) > max_missing_share * len(rows):
        raise CorpusError(
            f"{folder}: the audio file '{missing[0].audio}' is missing; restore it or import the dataset again"
        )
    return corpus


def write_corpus(folder: Path, origin: Origin, rows: Iterable[Row]) -> Corpus:
    """Writes manifest.jsonl and corpus.json into a folder that already contains the audio files.

    Both files are written under temporary names and then renamed. The rows are sorted by path, so that the version
    does not depend on their order. Raises CorpusError (no rows, a path outside the folder) or StorageError."""
    rows = tuple(sorted(rows, key=lambda row: row.audio))
    if not rows:
        raise CorpusError(f"{folder}: a dataset needs at least one example; check the recordings")
    manifest = "".join(f"{row.model_dump_json()}\n" for row in rows).encode()
    corpus = Corpus(folder, _corpus_info(origin, rows, manifest), rows)
    _check_paths(corpus)
    with storage_errors(f"the dataset {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        info = corpus.info.model_dump_json(indent=2).encode()
        _replace_files({folder / MANIFEST_FILE: manifest, folder / CORPUS_INFO_FILE: info})
    return corpus


def _check_paths(corpus: Corpus) -> None:
    """Raises CorpusError if an audio file is outside of the corpus, as `Corpus.audio_path` does, a folder at a time."""
    root, inside = corpus.folder.resolve(), set[str]()
    for row in corpus.rows:
        parent, name = os.path.split(row.audio)
        if parent not in inside:
            corpus.audio_path(row)
            if (corpus.folder / parent).resolve().is_relative_to(root):
                inside.add(parent)
        elif name in ("", "..") or os.path.islink(os.path.join(corpus.folder, row.audio)):
            corpus.audio_path(row)


def _parse_rows(manifest: bytes, folder: Path) -> Iterable[Row]:
    for number, line in enumerate(manifest.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield Row.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            field = "".join(f"'{name}': " for name in first["loc"])
            raise CorpusError(
                f"{folder / MANIFEST_FILE}: line {number} is invalid ({field}{first['msg']}); correct or delete it"
            ) from error


def _read_origin(folder: Path) -> Origin:
    """Reads corpus.json; a manifest that was written by hand may have none."""
    path = folder / CORPUS_INFO_FILE
    try:
        with storage_errors(f"the dataset {folder}"):
            return Origin.model_validate_json(require_regular(path).read_bytes())
    except FileNotFoundError:
        return Origin(name=folder.resolve().name)
    except ValidationError as error:
        raise CorpusError(f"{path}: invalid; import the dataset again or delete this file") from error


def _corpus_info(origin: Origin, rows: tuple[Row, ...], manifest: bytes) -> CorpusInfo:
    counts = Counter(row.split for row in rows)
    return CorpusInfo(
        **{name: getattr(origin, name) for name in Origin.model_fields},
        languages=tuple(sorted({row.language for row in rows})),
        utterances={split: counts[split] for split in SPLITS},
        duration_s=round(sum(row.duration_s for row in rows), 3),
        version=hashlib.sha256(manifest).hexdigest(),
    )


def _replace_files(contents: dict[Path, bytes]) -> None:
    """Writes all files under temporary names before it renames the first; if a write fails, no file is replaced."""
    temporary = {path: path.with_name(f".{path.name}.new") for path in contents}
    try:
        for path, content in contents.items():
            temporary[path].write_bytes(content)
        for path, new in temporary.items():
            new.replace(path)
    finally:
        for new in temporary.values():
            new.unlink(missing_ok=True)
