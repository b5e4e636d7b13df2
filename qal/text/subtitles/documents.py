"""Transcripts as documents: plain text, a table (CSV) and a Word document (DOCX)."""

import csv
import io
from collections.abc import Sequence
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from qal.text.letter_width import is_right_to_left
from qal.text.subtitles.inert_text import clean
from qal.text.subtitles.rules import SubtitleRules
from qal.text.subtitles.sentences import Passage, paragraphs, sentences
from qal.text.subtitles.timed_text import TimedSegment
from qal.text.subtitles.timestamps import format_clock

CSV_COLUMNS = ("start", "end", "text", "language", "channel")
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # with which a formula begins in Excel
BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for the code page of the country
GREY = (0x70, 0x70, 0x70)


def to_txt(segments: Sequence[TimedSegment], rules: SubtitleRules) -> str:
    """Formats a transcript as plain text, one line for each paragraph."""
    return "".join(f"{_speaker(p)}{clean(p.text)}\n" for p in paragraphs(segments, rules.paragraph_pause_s))


def to_csv(segments: Sequence[TimedSegment], rules: SubtitleRules) -> str:
    """Formats a transcript as a table with a sentence in each row, times in seconds.

    An apostrophe stands before text that a spreadsheet would take for a formula."""
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\r\n")
    rows.writerow(CSV_COLUMNS)
    for s in sentences(segments, rules.max_pause_s):
        channel = "" if s.channel is None else s.channel + 1
        rows.writerow([f"{s.start_s:.3f}", f"{s.end_s:.3f}", harmless_cell(clean(s.text)), s.language or "", channel])
    return BYTE_ORDER_MARK + table.getvalue()


def harmless_cell(text: str) -> str:
    """Returns text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def to_docx(segments: Sequence[TimedSegment], rules: SubtitleRules, title: str) -> bytes:
    """Formats a transcript as a Word document: paragraphs, each with the time at which it begins."""
    from docx import Document
    from docx.oxml import OxmlElement
    from docx.shared import RGBColor

    document = Document()
    properties = document.core_properties
    properties.title, properties.author, properties.comments = clean(title), "", ""  # of the library's template
    if title:
        document.add_heading(clean(title), level=1)
    for passage in paragraphs(segments, rules.paragraph_pause_s):
        paragraph = document.add_paragraph()
        time = paragraph.add_run(f"{format_clock(passage.start_s)}  ")
        time.font.color.rgb = RGBColor(*GREY)
        text = paragraph.add_run(_speaker(passage) + clean(passage.text))
        if is_right_to_left(passage.text):
            paragraph._p.get_or_add_pPr().append(OxmlElement("w:bidi"))  # python-docx has no name for it
            text.font.rtl = True
    content = io.BytesIO()
    document.save(content)
    return _undated(content)


def _undated(content: io.BytesIO) -> bytes:
    """Returns a ZIP file without the time at which it was written, so that the same text gives the same bytes."""
    undated = io.BytesIO()
    with ZipFile(content) as source, ZipFile(undated, "w") as target:
        for entry in source.infolist():
            target.writestr(ZipInfo(entry.filename), source.read(entry), ZIP_DEFLATED)
    return undated.getvalue()


def _speaker(passage: Passage) -> str:
    return "" if passage.channel is None else f"Channel {passage.channel + 1}: "
