"""The new folder of an export: built under a temporary name, with copies of the recordings, then renamed."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from qal.corpus.manifest import CORPUS_INFO_FILE, Corpus, Origin, Row
from qal.corpus.split import SPLITS, Split
from qal.errors import CorpusError
from qal.storage import require_regular, storage_errors

LICENCE_FILE = "LICENCE.txt"


@dataclass(frozen=True)
class ExportFolder:
    """The folder that an exporter writes into."""

    path: Path  # while it is written
    final_path: Path  # absolute; where it is afterwards
    corpus: Corpus
    rows: Sequence[Row]

    def of_split(self, split: Split) -> list[Row]:
        return [row for row in self.rows if row.split == split]

    def splits(self) -> list[Split]:
        """Returns the splits that have rows."""
        present = {row.split for row in self.rows}
        return [split for split in SPLITS if split in present]

    def copy_audio(self, row: Row, name: str) -> Path:
        """Copies the recording of a row to a path inside of the folder. Returns the copy."""
        source, target = self.corpus.audio_path(row), self.path / PurePosixPath(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with storage_errors(f"the export {self.final_path}"):
            shutil.copyfile(require_regular(source), target)
        return target


@contextmanager
def export_folder(corpus: Corpus, out: Path, rows: Sequence[Row]) -> Iterator[ExportFolder]:
    """Yields a new folder that becomes `out` if the block succeeds and is deleted if it fails.

    It gets the corpus's source, licence and attribution (corpus.json), so that importing it keeps them.

    Raises CorpusError if `out` is in use or there are no rows, StorageError if it cannot be written."""
    source, target = corpus.folder.resolve(), out.resolve()
    if source.is_relative_to(target) or target.is_relative_to(source):
        raise CorpusError(f"{out}: overlaps with the dataset itself; choose another --out")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CorpusError(f"{out}: exists and is not empty; choose another --out")
    if not rows:
        raise CorpusError(f"{corpus.folder}: has no examples to export; check its marks")
    with storage_errors(f"the export {out}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as temporary:
            folder = Path(temporary, "new")
            folder.mkdir()
            yield ExportFolder(folder, target, corpus, rows)
            _write_origin(corpus, folder)
            if target.exists():
                target.rmdir()
            folder.rename(target)


def _write_origin(corpus: Corpus, folder: Path) -> None:
    origin = Origin(**{name: getattr(corpus.info, name) for name in Origin.model_fields})
    (folder / CORPUS_INFO_FILE).write_text(origin.model_dump_json(indent=2), encoding="utf-8")
    licence = corpus.folder / LICENCE_FILE
    if licence.is_file() and not licence.is_symlink():
        shutil.copyfile(licence, folder / LICENCE_FILE)
