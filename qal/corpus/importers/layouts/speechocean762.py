"""SpeechOcean762: WAVE/SPEAKER0001/*.WAV, and Kaldi's files in train/ and test/.

English of Mandarin speakers, half of them children. The paths of wav.scp start at the top of the dataset."""

from pathlib import Path

from qal.corpus.importers.layouts.kaldi import RECORDINGS, list_data_folder
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Listing, ListingOptions, SourceFormat

AUDIO_FOLDER, SPLITS = "WAVE", ("train", "test")
LICENCE = "free for commercial and other use, as its authors state; see OpenSLR 101"
NOTES = "Texts in capitals and without punctuation: a model that is trained on them writes so."


def recognises(path: Path) -> bool:
    folder = content_folder(path)
    return (folder / AUDIO_FOLDER).is_dir() and any((folder / split / RECORDINGS).is_file() for split in SPLITS)


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the recordings of both splits."""
    folder = content_folder(path)
    source = SourceFolder(folder, options)
    folders = [folder / split for split in SPLITS if (folder / split / RECORDINGS).is_file()]
    entries = (entry for split in folders for entry in list_data_folder(source, split, "en"))
    return Listing(entries, source="SpeechOcean762", licence=LICENCE, attribution="SpeechOcean762", notes=NOTES)


SPEECHOCEAN762 = SourceFormat(
    "speechocean762",
    "SpeechOcean762",
    "a folder WAVE, and train and test with Kaldi's files",
    recognises,
    list_entries,
)
