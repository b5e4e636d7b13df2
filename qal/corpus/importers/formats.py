"""The formats that can be imported, found through one registry.

A new format is a module with a `SourceFormat`, one line here, and a section in docs/import.md."""

from collections.abc import Sequence
from pathlib import Path

from qal.corpus.importers.folder import FOLDER
from qal.corpus.importers.hugging_face.audio_tables import DATASETS
from qal.corpus.importers.hugging_face.waxal import WAXAL
from qal.corpus.importers.layouts.common_voice import COMMON_VOICE
from qal.corpus.importers.layouts.exported import EXPORTED
from qal.corpus.importers.layouts.fleurs import FLEURS
from qal.corpus.importers.layouts.kaldi import KALDI
from qal.corpus.importers.layouts.lhotse_manifests import LHOTSE
from qal.corpus.importers.layouts.librispeech import LIBRISPEECH
from qal.corpus.importers.layouts.ljspeech import LJSPEECH
from qal.corpus.importers.layouts.minds14 import MINDS14
from qal.corpus.importers.layouts.nemo import NEMO
from qal.corpus.importers.layouts.speechocean762 import SPEECHOCEAN762
from qal.corpus.importers.layouts.voxpopuli import VOXPOPULI
from qal.corpus.importers.listing import SourceFormat
from qal.corpus.importers.tables.table_format import TABLE
from qal.corpus.importers.timed.timed_text import TIMED_TEXT
from qal.corpus.importers.timed.transcript import TRANSCRIPT
from qal.corpus.importers.unread_files import unrecognised_reason
from qal.errors import CorpusError

# The more specific ones first: the first that recognises a source is taken.
DATASET_LAYOUTS: Sequence[SourceFormat] = (
    EXPORTED,
    COMMON_VOICE,
    FLEURS,
    VOXPOPULI,
    MINDS14,
    SPEECHOCEAN762,
    LJSPEECH,
    LIBRISPEECH,
    KALDI,
    LHOTSE,
    NEMO,
    WAXAL,
    DATASETS,
)
FORMATS: Sequence[SourceFormat] = (*DATASET_LAYOUTS, TIMED_TEXT, TABLE, TRANSCRIPT, FOLDER)


def find_format(path: Path, name: str = "") -> SourceFormat:
    """Returns the first format that recognises a folder or file.

    Args:
        path: the folder or file.
        name: what errors call it, for a folder that was unpacked; "": its path.

    Raises:
        CorpusError: there is none; it says what is there, or names the formats that were tried."""
    if not path.exists():
        raise CorpusError(f"{path}: there is no such file or folder; check the path")
    for source_format in FORMATS:
        if source_format.recognises(path):
            return source_format
    if reason := unrecognised_reason(path):
        raise CorpusError(f"{name or path}: {reason}")
    titles = "; ".join(source_format.title for source_format in FORMATS)
    raise CorpusError(f"{name or path}: not recognised as any of: {titles}; name its format with --format")


def format_named(name: str) -> SourceFormat:
    """Returns a format by its name. Raises CorpusError, which names all formats, if there is none."""
    for source_format in FORMATS:
        if source_format.name == name:
            return source_format
    names = ", ".join(source_format.name for source_format in FORMATS)
    raise CorpusError(f"there is no format '{name}'; use one of {names}")
