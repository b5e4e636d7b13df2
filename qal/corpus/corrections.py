"""Captions that a user corrected or confirmed, stored as examples of a dataset of their own.

A caption that is sent again replaces its example. Imported datasets are never changed: they have another source and
licence."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qal.audio.samples import Samples
from qal.corpus.importers.conversion.writing import FLAC_SUFFIX
from qal.corpus.importers.staging import AUDIO_FOLDER, add_utterance, recording_stem, with_new_suffixes
from qal.corpus.lock import corpus_lock
from qal.corpus.manifest import MANIFEST_FILE, Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.split_assignment import assign_splits
from qal.corpus.versions.history import BEFORE_NOTE, record_state
from qal.corpus.versions.store import Changes
from qal.errors import CorpusError
from qal.storage import storage_errors
from qal.text.normalisation.basic import normalise_basic

SOURCE = "captions"
CORPUS_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_CHARACTERS = 500  # of a line; more does not fit into a segment
LICENCE = "owned by the speakers; ask for their consent before you share or publish this dataset or its models"
NOTES = "Corrected on the Live and Transcribe pages by their users; the texts were not checked again."


@dataclass(frozen=True)
class Correction:
    """The corrected text of a caption and its audio."""

    name: str  # of the audio file, without suffix; a caption that is sent again has the same name
    samples: Samples
    text: str
    language: str


def add_correction(data: Path, corpus: str, correction: Correction) -> tuple[Corpus, Row]:
    """Adds or replaces the correction's row in data/<corpus> and creates the corpus if it does not exist.

    Returns the corpus and the row.
    Raises CorpusError (invalid name, text without words, a corpus of another source) or StorageError."""
    folder = corrections_folder(data, corpus)
    text = checked_text(correction.text)
    with storage_errors(f"the dataset {folder}"), corpus_lock(folder, create=True):
        existing = _read_existing(folder)
        if existing:
            record_state(existing, BEFORE_NOTE)
        rows = existing.rows if existing else ()
        new_row = _add_audio(folder, correction, text)
        replaced = {row.audio for row in rows if recording_stem(row.audio) == recording_stem(new_row.audio)}
        other_rows = [row for row in rows if row.audio not in replaced]
        try:
            written = _write(folder, existing, [*other_rows, new_row], _origin(corpus))
        except BaseException:
            if new_row.audio not in replaced:  # no row of the manifest names the new audio file
                (folder / new_row.audio).unlink(missing_ok=True)
            raise
        for audio in replaced - {new_row.audio}:  # the WAV file of an older version
            (folder / audio).unlink(missing_ok=True)
        change = "added" if not replaced else "corrected again"
        record_state(written, Changes(kind="captions", counts={change: 1}))
        return written, next(row for row in written.rows if row.audio == new_row.audio)


def corrections_folder(data: Path, corpus: str) -> Path:
    """Returns data/<corpus>. Raises CorpusError if the name, which comes from a web page, could be a path."""
    if not CORPUS_NAME.fullmatch(corpus):
        raise CorpusError("a dataset name has 1 to 64 letters, digits, - or _; choose such a name")
    return data / corpus


def checked_text(text: str) -> str:
    """Returns the text with single spaces. Raises CorpusError if it has no words or is too long."""
    text = " ".join(text.split())
    if not normalise_basic(text):
        raise CorpusError("this line has no words; write what was said, then add it")
    if len(text) > MAX_CHARACTERS:
        raise CorpusError(f"this line has {len(text)} characters, more than {MAX_CHARACTERS}; shorten it")
    return text


def _read_existing(folder: Path) -> Corpus | None:
    """Returns the corpus of corrections, or None if there is none or only audio of an interrupted first write.

    Raises CorpusError if the folder holds anything else."""
    if (folder / MANIFEST_FILE).is_file():
        corpus = read_corpus(folder)
        if corpus.info.source == SOURCE:
            return corpus
    elif not folder.exists() or (folder.is_dir() and {path.name for path in folder.iterdir()} <= {AUDIO_FOLDER}):
        return None
    raise CorpusError(f"'{folder.name}' exists but is not a dataset of corrections; choose another name")


def _add_audio(folder: Path, correction: Correction, text: str) -> Row:
    """Writes the audio under a temporary name and renames it, so that a row never names an incomplete file."""
    temporary = f"{AUDIO_FOLDER}/.{correction.name}.new"
    row = add_utterance(folder, temporary, correction.samples, text, correction.language)
    audio = f"{AUDIO_FOLDER}/{correction.name}{FLAC_SUFFIX}"
    (folder / row.audio).replace(folder / audio)
    return row.model_copy(update={"audio": audio, "source": SOURCE})


def _write(folder: Path, existing: Corpus | None, rows: Sequence[Row], new_origin: Origin) -> Corpus:
    """Writes the corpus. Every row keeps its split; a new sentence is split by its hash."""
    assigned = assign_splits(rows, earlier=existing and with_new_suffixes(existing, rows))
    origin = existing.info if existing else new_origin
    recorded = origin.model_copy(update={"split_by": assigned.split_by, "split_note": assigned.note})
    return write_corpus(folder, recorded, assigned.rows)


def _origin(name: str) -> Origin:
    return Origin(name=name, source=SOURCE, licence=LICENCE, notes=NOTES)
