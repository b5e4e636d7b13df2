"""A cue: a stretch of a recording with its text, as a file of subtitles, labels or annotations lists it."""

from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from qal.errors import CorpusError
from qal.storage import format_bytes, require_regular, storage_errors

MAX_FILE_BYTES = 64 << 20  # a day of subtitles has 5 MB
BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
CODE_PAGES = ["cp1251", "cp1252", "cp1250", "koi8_r", "cp1253", "cp1254", "cp1256", "cp932", "gb18030", "big5", "cp949"]


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


def read_text_file(path: Path) -> str:
    """Reads a text in UTF-8, UTF-16 or the encoding that its bytes suggest; line ends become \\n.

    Raises CorpusError if the file is missing, too large or not a text."""
    with storage_errors(str(path)):
        try:
            regular = require_regular(path)
            if regular.stat().st_size > MAX_FILE_BYTES:
                raise CorpusError(f"{path.name}: larger than {format_bytes(MAX_FILE_BYTES)}; is it a text?")
            data = regular.read_bytes()
        except FileNotFoundError as error:
            raise CorpusError(f"{path}: there is no such file; check the path") from error
    text = _decoded(data, path)
    if "\0" in text:
        raise CorpusError(f"{path.name}: is not a text; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes, path: Path) -> str:
    encoding = next((name for mark, name in BYTE_ORDER_MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        best = from_bytes(data, cp_isolation=CODE_PAGES).best()
        if best is None:
            raise CorpusError(f"{path.name}: its encoding is not known; save it as UTF-8") from error
        return str(best)
