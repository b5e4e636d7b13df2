"""Exports a corpus in a form that other programs read."""

from collections.abc import Callable, Mapping
from pathlib import Path

from qal.corpus.exporters.export_folder import ExportFolder, export_folder
from qal.corpus.exporters.hugging_face import write_audio_folder, write_parquet
from qal.corpus.exporters.lhotse_manifests import write_lhotse
from qal.corpus.exporters.nemo import write_nemo
from qal.corpus.exporters.table_folder import write_table_folder
from qal.corpus.manifest import Corpus

EXPORTS: Mapping[str, Callable[[ExportFolder], None]] = {
    "hf": write_parquet,
    "audiofolder": write_audio_folder,
    "folder": write_table_folder,
    "lhotse": write_lhotse,
    "nemo": write_nemo,
}
PUSHED = ("hf", "audiofolder")


def export_corpus(corpus: Corpus, kind: str, out: Path, with_marked: bool = True) -> Path:
    """Writes a corpus into the new folder `out`. The recordings are copied, never encoded again.

    Args:
        corpus: the corpus.
        kind: one of EXPORTS.
        out: the new folder.
        with_marked: False leaves out the rows that have marks.

    Returns:
        the folder.

    Raises:
        CorpusError: `out` is in use, or there are no rows.
        StorageError: it cannot be written."""
    rows = [row for row in corpus.rows if with_marked or not row.marks]
    with export_folder(corpus, out, rows) as folder:
        EXPORTS[kind](folder)
    return out
