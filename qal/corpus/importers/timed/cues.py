"""A cue: a stretch of a recording with its text, as a file of subtitles, labels or annotations lists it."""

from dataclasses import dataclass
from pathlib import Path

from qal.corpus.importers.tables.text_encoding import find_encoding, text_lines
from qal.errors import CorpusError
from qal.storage import format_bytes, require_regular, storage_errors

MAX_FILE_BYTES = 64 << 20  # a day of subtitles has 5 MB


@dataclass(frozen=True)
class Cue:
    """A stretch of a recording with its text."""

    number: int  # in the order of the file, from 1
    start_s: float
    end_s: float
    text: str
    speaker: str = ""  # empty if the file does not name it
    last_number: int = 0  # of the last cue that was joined to this one; 0 if none was

    @property
    def name(self) -> str:
        """The cue's number for messages, such as "cue 5" or "cues 5-6"."""
        return f"cues {self.number}-{self.last_number}" if self.last_number else f"cue {self.number}"

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


def read_text_file(path: Path, language: str = "") -> str:
    """Reads a text in UTF-8, UTF-16 or the code page of its language, if it is known; line ends become \n.

    Bytes that cannot be decoded become surrogate characters. Raises CorpusError if the file is missing, too large or
    not a text."""
    unreadable = f"{path.name}: is not a text; save it as UTF-8"
    with storage_errors(str(path)):
        try:
            is_large = require_regular(path).stat().st_size > MAX_FILE_BYTES
            text = "" if is_large else "\n".join(text_lines(path, find_encoding(path, language)))
        except FileNotFoundError as error:
            raise CorpusError(f"{path}: there is no such file; check the path") from error
        except (CorpusError, UnicodeError) as error:
            raise CorpusError(unreadable) from error
    if is_large:
        raise CorpusError(f"{path.name}: larger than {format_bytes(MAX_FILE_BYTES)}; is it a text?")
    if "\0" in text:
        raise CorpusError(unreadable)
    return text
