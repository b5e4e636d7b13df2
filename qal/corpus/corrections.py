"""Captions that somebody corrected, or found right, as rows of a corpus of their own.

The same caption sent again replaces its row. Imported speech is never touched: it has another source and licence."""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qal.audio.samples import Samples
from qal.corpus.importers.staging import AUDIO_FOLDER, add_utterance
from qal.corpus.manifest import MANIFEST, Corpus, Origin, Row, read_corpus, write_corpus
from qal.errors import CorpusError
from qal.storage import storage_errors
from qal.text.normalisation import normalise

SOURCE = "captions"
CORPUS_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_LETTERS = 500  # of a line: more than anybody says in a segment
LICENCE = "the speakers' own; ask their consent before you share or publish what is made of it"
NOTES = "Recorded and corrected on the Live page by whoever could open it; nobody has checked the texts again."


@dataclass(frozen=True)
class Correction:
    """What was said in a stretch of sound. `name`, of the audio file, is the same when a caption comes again."""

    name: str
    samples: Samples
    text: str
    language: str


def add_correction(data: Path, corpus: str, correction: Correction) -> tuple[Corpus, Row]:
    """Adds or replaces its row in data/<corpus>, which is made when there is none -> the corpus and the row.

    Raises CorpusError (no such name, no words, a corpus that is not made of captions), StorageError."""
    folder = corrections_folder(data, corpus)
    text = checked_text(correction.text)
    with storage_errors(f"the corpus {folder}"), _alone(folder):
        before = _existing(folder)
        rows = before.rows if before else ()
        row = _add_audio(folder, correction, text)
        others = [other for other in rows if other.audio != row.audio]
        try:
            return write_corpus(folder, before.info if before else _origin(corpus), [*others, row]), row
        except BaseException:
            if len(others) == len(rows):  # a sound that no row names
                (folder / row.audio).unlink(missing_ok=True)
            raise


def corrections_folder(data: Path, corpus: str) -> Path:
    """The name comes from a page: it must not be a path."""
    if not CORPUS_NAME.fullmatch(corpus):
        raise CorpusError("a corpus is named with letters, digits, - and _, at most 64 of them; choose such a name")
    return data / corpus


def checked_text(text: str) -> str:
    """The line with single spaces."""
    text = " ".join(text.split())
    if not normalise(text):
        raise CorpusError("this line has no words; write what was said, then add it")
    if len(text) > MAX_LETTERS:
        raise CorpusError(f"this line has {len(text)} letters, more than {MAX_LETTERS}; write only what was said in it")
    return text


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One writer at a time, in this process and in others. The lock lies beside the corpus, no file of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _existing(folder: Path) -> Corpus | None:
    """None where there is nothing yet, or what a kill left of a first row. Raises CorpusError for another's folder."""
    if (folder / MANIFEST).is_file():
        corpus = read_corpus(folder)
        if corpus.info.source == SOURCE:
            return corpus
    elif not folder.exists() or (folder.is_dir() and {path.name for path in folder.iterdir()} <= {AUDIO_FOLDER}):
        return None
    raise CorpusError(f"'{folder.name}' is in use and not made of captions; choose another name")


def _add_audio(folder: Path, correction: Correction, text: str) -> Row:
    """Written beside and renamed, so that a row never names half a file."""
    beside = f"{AUDIO_FOLDER}/.{correction.name}.new"
    row = add_utterance(folder, beside, correction.samples, text, correction.language)
    audio = f"{AUDIO_FOLDER}/{correction.name}.wav"
    (folder / beside).replace(folder / audio)
    return row.model_copy(update={"audio": audio, "source": SOURCE})


def _origin(name: str) -> Origin:
    return Origin(name=name, source=SOURCE, licence=LICENCE, notes=NOTES)
