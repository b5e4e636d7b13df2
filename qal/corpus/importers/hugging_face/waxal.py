"""WAXAL: African languages in Parquet files, data/ASR/LANGUAGE/LANGUAGE-train-00000-of-00010.parquet and data/TTS/….

The columns are id, speaker_id, transcription, language (TTS: locale), gender and audio. The splits are its own; its
recordings without transcripts (unlabeled) are imported only without text."""

from dataclasses import replace
from itertools import islice
from pathlib import Path

from qal.corpus.importers.hugging_face.audio_tables import PARQUET, audio_tables
from qal.corpus.importers.hugging_face.audio_tables import list_entries as list_audio_tables
from qal.corpus.importers.layouts.source_folder import content_folder, files_below
from qal.corpus.importers.listing import Listing, ListingOptions, SourceFormat
from qal.errors import CorpusError

CARD = "README.md"
NAME = "waxal"
COLUMNS = {"speaker_id", "transcription", "audio"}
MAX_CARD_BYTES = 100_000
ATTRIBUTION = "WAXAL by Google Research Africa and partners"
LICENCE = "CC-BY-4.0, CC-BY-SA-4.0 or CC-BY-NC-4.0, depending on the language; see its card"


def recognises(path: Path) -> bool:
    if not path.is_dir() or not _is_named_so(path):
        return False
    if not any(file.suffix == PARQUET for file in islice(files_below(path), 1000)):
        return False
    try:
        return set(audio_tables(path)[0].columns) >= COLUMNS
    except CorpusError:
        return False


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the rows of all files."""
    listing = list_audio_tables(path, options)
    return replace(listing, source=f"WAXAL, {path.resolve().name}", licence=LICENCE, attribution=ATTRIBUTION)


def _is_named_so(path: Path) -> bool:
    """True if the folder, or the card in it, names the data set."""
    if NAME in path.resolve().name.lower():
        return True
    card = content_folder(path) / CARD
    if not card.is_file():
        return False
    with card.open("rb") as file:
        return NAME.encode() in file.read(MAX_CARD_BYTES).lower()


WAXAL = SourceFormat(
    "waxal",
    "WAXAL",
    "Parquet files of the data set WaxalNLP, downloaded from the hub",
    recognises,
    list_entries,
)
