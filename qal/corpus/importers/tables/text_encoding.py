"""Finds the encoding of a table or transcript: a byte order mark, UTF-8, UTF-16, or the code page of a language."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qal.errors import CorpusError
from qal.storage import require_regular

UTF8 = "utf-8"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
RICH_TEXT = b"{\\rtf"
SAMPLE_BYTES = 1 << 16
GUESSED_TEXT = "its text was read as {}, because it is not UTF-8"  # note of an example
MIN_ZERO_SHARE = 0.2  # of the bytes of UTF-16 text in the Latin script
MAX_BAD_LINES_SHARE = 0.2  # of the lines with other letters; below it the file is UTF-8 with damaged lines
WESTERN = "cp1252"
CODE_PAGES = {  # of Windows, by language
    **dict.fromkeys(("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "tg", "tt", "ba", "mn"), "cp1251"),
    **dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "bs", "ro", "sq"), "cp1250"),
    **dict.fromkeys(("lt", "lv", "et"), "cp1257"),
    **dict.fromkeys(("tr", "az", "uz"), "cp1254"),
    "el": "cp1253",
    "he": "cp1255",
    "yi": "cp1255",
    "ar": "cp1256",
    "fa": "cp1256",
    "ur": "cp1256",
    "vi": "cp1258",
    "th": "cp874",
    "ja": "cp932",
    "ko": "cp949",
    "zh": "gb18030",
    "yue": "big5",
}


@dataclass(frozen=True)
class TextEncoding:
    """The encoding of a file."""

    name: str  # Python's name
    is_guessed: bool = False  # True if the file does not determine it
    has_bad_lines: bool = False  # True: lines that cannot be decoded hold surrogate characters


def find_encoding(path: Path, language: str = "") -> TextEncoding:
    """Finds the encoding of a text file.

    Args:
        path: the file, which is read once.
        language: code of its language, if it is known; it decides between the code pages.

    Raises:
        CorpusError: it is no text."""
    with require_regular(path).open("rb") as file:
        head = file.read(SAMPLE_BYTES)
    if head.lstrip().startswith(RICH_TEXT):
        raise CorpusError(f"{path.name}: is rich text (RTF); save it as plain text in UTF-8")
    for mark, name in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return TextEncoding(name)
    if wide := _utf16_without_mark(head):
        return TextEncoding(wide)
    if b"\0" in head:
        raise CorpusError(f"{path.name}: is no text; save a text as UTF-8, or a table as CSV, TSV, JSON lines or XLSX")
    bad, other = _count_lines(path)
    if bad <= MAX_BAD_LINES_SHARE * other:
        return TextEncoding(UTF8, has_bad_lines=bad > 0)
    return TextEncoding(_code_page(path, language), is_guessed=True)


def _utf16_without_mark(head: bytes) -> str:
    """Returns the encoding of text whose every second byte is often zero; "" for any other."""
    half = max(1, len(head) // 2)
    if head[1::2].count(0) / half > MIN_ZERO_SHARE and not head[::2].count(0):
        return "utf-16-le"
    return "utf-16-be" if head[::2].count(0) / half > MIN_ZERO_SHARE and not head[1::2].count(0) else ""


def _count_lines(path: Path) -> tuple[int, int]:
    """Returns how many lines are not UTF-8, and how many have letters beyond ASCII."""
    bad = other = 0
    with path.open("rb") as file:
        for line in file:
            if line.isascii():
                continue
            other += 1
            try:
                line.decode(UTF8)
            except UnicodeDecodeError:
                bad += 1
    return bad, other


def _code_page(path: Path, language: str) -> str:
    candidates = [CODE_PAGES[language]] if language in CODE_PAGES else []
    if not language:
        candidates += _guessed(path)
    for name in (*candidates, WESTERN):
        if _decodes(path, name):
            return name
    return "latin-1"


def _guessed(path: Path) -> list[str]:
    from charset_normalizer import from_bytes

    with path.open("rb") as file:
        best = from_bytes(file.read(SAMPLE_BYTES), cp_isolation=sorted({WESTERN, *CODE_PAGES.values()})).best()
    return [best.encoding] if best else []


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            for _ in iter(lambda: file.read(SAMPLE_BYTES), ""):
                pass
    except UnicodeDecodeError:
        return False
    return True


def text_lines(path: Path, encoding: TextEncoding) -> Iterator[str]:
    """Yields the lines of a file without their ends; damaged bytes become surrogate characters.

    Raises CorpusError if it cannot be decoded, as a cut-off file in UTF-16."""
    with require_regular(path).open(encoding=encoding.name, errors="surrogateescape", newline=None) as file:
        try:
            for line in file:
                yield line.rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path.name}: is cut off or no text; save it as UTF-8") from error


def is_damaged(text: str) -> bool:
    """True if the text holds a byte that could not be decoded."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def read_text(path: Path, language: str = "") -> str:
    """Reads a whole transcript. Raises CorpusError if it is no text."""
    return "\n".join(text_lines(path, find_encoding(path, language)))
