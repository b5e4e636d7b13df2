"""Text, table, document and JSON of a transcript."""

import csv
import io
import json
from zipfile import ZipFile

import pytest
from docx import Document

from qal.text.subtitles.documents import harmless_cell
from qal.text.subtitles.formats import SUBTITLE_FORMATS, TranscriptDetails
from tests.text.subtitles.transcripts import Segment, Word, invented, segment

SEGMENTS = [
    Segment(0.5, 2.0, "Hello there. How are you?"),
    Segment(2.1, 3.0, "Fine."),
    Segment(8.0, 9.0, "ሰላም\n\nдорогой <b>R&D</b>\x0b --> ok", "ru"),
]
OPENAI_SEGMENT = {
    *("id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio"),
    "no_speech_prob",
}


def written(form: str, segments: list[Segment], **details) -> str:
    return SUBTITLE_FORMATS[form].format(segments, details=TranscriptDetails(**details)).decode("utf-8-sig")


def test_text_has_a_line_for_each_paragraph():
    assert written("txt", SEGMENTS) == "Hello there. How are you? Fine.\nሰላም дорогой <b>R&D</b> --> ok\n"


def test_text_names_the_channels():
    segments = [Segment(0, 1, "Hello.", channel=0), Segment(1, 2, "Hi.", channel=1), Segment(2, 3, "So.", channel=0)]
    assert written("txt", segments) == "Channel 1: Hello.\nChannel 2: Hi.\nChannel 1: So.\n"


def test_table_has_a_sentence_in_each_row_with_times_and_language():
    rows = list(csv.DictReader(io.StringIO(written("csv", SEGMENTS))))
    assert [row["text"] for row in rows[:3]] == ["Hello there.", "How are you?", "Fine."]
    assert rows[0]["start"] == "0.500"
    assert rows[3]["language"] == "ru"
    assert SUBTITLE_FORMATS["csv"].format(SEGMENTS).startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-2+3", "@SUM(A1)", "＝1", '=HYPERLINK("http://x")'])
def test_no_cell_of_a_table_is_a_formula(text: str):
    (row,) = csv.DictReader(io.StringIO(written("csv", [Segment(0, 1, f"  {text}")])))
    assert row["text"] == f"'{text}" == harmless_cell(text)


def test_json_has_the_shape_of_verbose_json():
    words = (Word(" Hello", 0.5, 1.0000004, 1 / 3), Word(" there.", 1.0, 2.0, 0.9))
    content = json.loads(written("json", [Segment(0.5, 2.0, "Hello there.", words=words)], duration_s=7.25))
    assert (content["task"], content["language"], content["duration"]) == ("transcribe", "english", 7.25)
    assert content["text"] == "Hello there."
    (found,) = content["segments"]
    assert set(found) >= OPENAI_SEGMENT
    assert (found["id"], found["seek"], found["start"], found["end"]) == (0, 50, 0.5, 2.0)
    assert content["words"][0] == {"word": "Hello", "start": 0.5, "end": 1.0, "probability": 0.333}
    assert content["words"][1]["word"] == "there."


def test_json_names_the_language_that_was_spoken_most_and_joins_texts_as_it_is_written():
    assert json.loads(written("json", SEGMENTS))["language"] == "english"
    chinese = [Segment(0, 2, "今天", "zh"), Segment(2, 4, "很好", "zh")]
    content = json.loads(written("json", chinese, task="translate"))
    assert (content["text"], content["language"], content["task"]) == ("今天很好", "chinese", "translate")
    empty = json.loads(written("json", []))
    assert (empty["text"], empty["segments"], empty["duration"]) == ("", [], 0.0)


def test_document_has_paragraphs_with_times():
    segments = [*SEGMENTS, Segment(3700.0, 3701.0, "שלום, עולם!", "he")]
    content = SUBTITLE_FORMATS["docx"].format(segments, details=TranscriptDetails(title="talk & more"))
    document = Document(io.BytesIO(content))
    assert [paragraph.text for paragraph in document.paragraphs] == [
        "talk & more",
        "0:00:00  Hello there. How are you? Fine.",
        "0:00:08  ሰላም дорогой <b>R&D</b> --> ok",
        "1:01:40  שלום, עולם!",
    ]
    assert b"<w:bidi/>" in ZipFile(io.BytesIO(content)).read("word/document.xml")


def test_document_is_the_same_whenever_it_is_written_and_names_no_program_as_its_author():
    content = SUBTITLE_FORMATS["docx"].format(SEGMENTS)
    with ZipFile(io.BytesIO(content)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[0] == "[Content_Types].xml"
    assert SUBTITLE_FORMATS["docx"].format(SEGMENTS) == content
    properties = Document(io.BytesIO(content)).core_properties
    assert (properties.author, properties.comments) == ("", "")


@pytest.mark.parametrize("form", SUBTITLE_FORMATS)
def test_every_format_holds_the_words_of_any_transcript(form: str):
    for seed in range(5):
        assert SUBTITLE_FORMATS[form].format(invented(seed))
    assert SUBTITLE_FORMATS[form].suffix == form
    assert isinstance(SUBTITLE_FORMATS[form].format([]), bytes)


def test_words_with_times_make_paragraphs_at_pauses_within_a_segment():
    words = [Word(" one", 0, 1), Word(" two", 1, 2), Word(" three", 9, 10)]
    assert written("txt", [segment(words)]) == "one two\nthree\n"
