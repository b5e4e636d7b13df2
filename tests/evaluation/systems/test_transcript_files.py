"""Files of transcripts of other systems: their formats, and the examples that their names mean."""

import codecs
import json
import os
from pathlib import Path

import pytest

from qal.corpus.manifest import Row
from qal.errors import EvaluationError, QalError
from qal.evaluation.systems.any_model import find_system
from qal.evaluation.systems.transcript_files import is_transcript_file, read_transcripts
from qal.evaluation.systems.transcripts import FileTranscriber, match

SRT = "1\n00:00:00,500 --> 00:00:02,000\nhello <i>there</i>\n\n2\n00:00:02,500 --> 00:00:04,000\ngeneral\nkenobi\n"
VTT = "WEBVTT\n\n00:00.500 --> 00:02.000\nhello there\n\n00:02.500 --> 00:04.000\ngeneral kenobi\n"


def rows_of(*names: str, **fields: object) -> list[Row]:
    known = {"text": "x", "language": "en", "duration_s": 2.0, "split": "test"}
    return [Row(audio=name, sha256=f"{i:064x}", **{**known, **fields}) for i, name in enumerate(names)]


NEMO = """{"audio_filepath": "/x/a.wav", "text": "a reference", "pred_text": "hello there"}
{"audio_filepath": "b", "pred_text": "general"}
"""
ALTERNATIVES = """a 1 * * <ALT_BEGIN>
a 1 0.0 0.5 hello
a 1 * * <ALT>
a 1 0.0 0.5 yellow
a 1 * * <ALT_END>
a 1 0.6 0.4 there
b 1 0 1 general
"""
ROWS = rows_of("audio/a.wav", "audio/b.flac", "audio/c.wav")


def texts_of(path: Path, rows: list[Row] = ROWS) -> dict[str, str]:
    found = read_transcripts(path)
    return dict(match(found.pieces, rows, found.notes).texts)


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.csv", "file_name,hypothesis\naudio/a.wav,hello there\naudio/b.flac,general\n"),
        ("h.csv", "file;text\na.wav;hello there\nb.flac;general\n"),
        ("h.tsv", "path\tprediction\na\thello there\nb\tgeneral\n"),
        ("h.csv", "file,text,prediction\na.wav,the reference,hello there\nb.flac,another,general\n"),
        ("h.jsonl", NEMO),
        ("h.jsonl", '{"id": "a", "text": "hello there"}\n{"id": "b", "text": "general"}\n'),
        ("h.json", '[{"file": "a.wav", "text": "hello there"}, {"file": "b.mp3", "text": "general"}]'),
        ("h.ctm", ";; comment\na 1 0.0 0.5 hello 0.9\na 1 0.6 0.4 there\nb A 0.1 0.3 general 0.4\n"),
        ("h.ctm", "a 1 0.6 0.4 there\nb A 0.1 0.3 general\na 1 0.0 0.5 hello\n"),
        ("h.ctm", ALTERNATIVES),
        ("h.stm", "a 1 spk 0.0 2.0 <o,f0,male> hello there\nb 1 spk 0.0 1.0 general\n"),
    ],
)
def test_every_format_gives_the_same_transcripts(tmp_path: Path, name: str, text: str):
    assert texts_of(written(tmp_path / name, text)) == {"audio/a.wav": "hello there", "audio/b.flac": "general"}


@pytest.mark.parametrize(("name", "text"), [("a.srt", SRT), ("a.vtt", VTT)])
def test_subtitles_are_the_transcript_of_the_example_of_their_name(tmp_path: Path, name: str, text: str):
    assert texts_of(written(tmp_path / name, text)) == {"audio/a.wav": "hello there general kenobi"}


def test_a_folder_holds_a_subtitle_or_text_file_for_each_example(tmp_path: Path):
    written(tmp_path / "a.srt", SRT)
    written(tmp_path / "b.txt", "general\nkenobi")
    assert is_transcript_file(tmp_path)
    assert texts_of(tmp_path) == {"audio/a.wav": "hello there general kenobi", "audio/b.flac": "general kenobi"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("talk.srt", SRT),
        ("talk.stm", "talk 1 s 0.5 2.0 hello there\ntalk 1 s 2.5 4.0 general kenobi\n"),
        ("talk.ctm", "talk 1 0.5 0.5 hello\ntalk 1 1.2 0.5 there\ntalk 1 2.5 0.5 general\ntalk 1 3.2 0.5 kenobi\n"),
    ],
)
def test_text_of_a_recording_is_divided_among_the_examples_cut_out_of_it(tmp_path: Path, name: str, text: str):
    sources = ("day 1/talk.mp3, 0.40-2.10 s", "day 1/talk.mp3, 2.10-4.20 s", "day 1/talk.mp3, 5.00-end")
    rows = [
        row.model_copy(update={"source": source})
        for row, source in zip(rows_of("audio/1.wav", "audio/2.wav", "audio/3.wav"), sources, strict=True)
    ]
    found = texts_of(written(tmp_path / name, text), rows)
    assert found == {"audio/1.wav": "hello there", "audio/2.wav": "general kenobi", "audio/3.wav": ""}


def test_an_empty_transcript_is_a_transcript_and_null_and_nan_are_empty(tmp_path: Path):
    lines = [{"file": "a", "text": ""}, {"file": "b", "text": None}, {"file": "c", "text": float("nan")}]
    path = written(tmp_path / "h.jsonl", "\n".join(map(json.dumps, lines)))
    assert texts_of(path) == {"audio/a.wav": "", "audio/b.flac": "", "audio/c.wav": ""}
    assert texts_of(written(tmp_path / "h.csv", "file,text\na,\nb,nan\n")) == {"audio/a.wav": "", "audio/b.flac": "nan"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_transcripts_are_read_in_the_encodings_of_usual_programs(tmp_path: Path, encoding: str):
    path = written(tmp_path / "h.csv", "file,text\na.wav,ሰላም ለዓለም\n", encoding)
    assert codecs.BOM_UTF8 not in path.read_bytes() or encoding == "utf-8-sig"
    assert texts_of(path) == {"audio/a.wav": "ሰላም ለዓለም"}


def test_text_that_is_no_unicode_can_be_stored(tmp_path: Path):
    path = tmp_path / "h.stm"
    path.write_bytes(b"a 1 s 0 1 caf\xff\xfe good\n" + "b 1 s 0 1 größer\n".encode() * 20)
    assert all(text.encode() for text in texts_of(path).values())


def test_names_that_are_not_in_the_dataset_are_counted_and_told(tmp_path: Path):
    path = written(tmp_path / "h.csv", "file,text\na.wav,x\nother.wav,y\nz,z\n")
    transcriber = FileTranscriber(path, ROWS)
    assert transcriber.matched.unknown == ("other.wav", "z")
    assert transcriber.note == "2 names of the file are not in the dataset, such as 'other.wav'"
    with pytest.raises(EvaluationError, match=r"no transcript of 'audio/b.flac'"):
        transcriber.transcribe(ROWS[1], None, "en")  # pyright: ignore[reportArgumentType]


def test_of_several_transcripts_of_an_example_the_first_is_used_and_that_is_told(tmp_path: Path):
    transcriber = FileTranscriber(written(tmp_path / "h.csv", "file,text\na,first\na.wav,second\n"), ROWS)
    assert transcriber.matched.texts["audio/a.wav"] == "first"
    assert "1 examples have several transcripts" in transcriber.note


def test_a_name_that_two_examples_share_means_neither_and_their_paths_mean_each():
    rows = rows_of("day1/a.wav", "day2/a.wav")
    pieces = read_pieces(("a.wav", "?"), ("day1/a.wav", "one"), ("./day2/a.wav", "two"), ("day2\\a.wav", "again"))
    found = match(pieces, rows)
    assert found.texts == {"day1/a.wav": "one", "day2/a.wav": "two"}
    assert (found.unknown, found.repeated) == (("a.wav",), ("day2/a.wav",))


def read_pieces(*pairs: tuple[str, str]):
    from qal.evaluation.systems.transcript_files import Piece

    return [Piece(name, text) for name, text in pairs]


def test_names_match_in_either_unicode_form_and_with_dots_in_them():
    rows = rows_of("audio/Zu\u0308rich.v1.2.wav")
    assert match(read_pieces(("Zürich.v1.2", "x")), rows).texts == {"audio/Zu\u0308rich.v1.2.wav": "x"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("h.csv", "", "empty"),
        ("h.csv", "file,text\n", "holds no transcripts"),
        ("h.csv", "a,b\n1,2\n", "no column file_name and hypothesis"),
        ("h.csv", "file,speaker\na,2\n", "no column hypothesis"),
        ("h.csv", "file,text\nother.wav,x\n", "names none of the examples"),
        ("h.jsonl", "not json\n", "h.jsonl"),
        ("h.ctm", "a 1 zero 1 word\n", "'zero' where seconds belong"),
        ("h.ctm", "a 1 -1 1 word\n", "'-1' where seconds belong"),
        ("h.ctm", "just words\n", "is no line of CTM"),
        ("h.stm", "just words\n", "is no line of STM"),
        ("h.srt", "hello\n", "no line with times"),
        ("h.json", "{", "h.json"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_that_says_why(tmp_path: Path, name: str, text: str, message: str):
    with pytest.raises(EvaluationError, match=message) as caught:
        FileTranscriber(written(tmp_path / name, text), ROWS)
    assert "\n" not in str(caught.value)


def test_lines_that_cannot_be_read_are_counted_and_told(tmp_path: Path):
    path = written(tmp_path / "h.ctm", "a 1 0 1 good\na 1 x 1 bad\n")
    assert FileTranscriber(path, ROWS).note == "1 lines were not read: line 2 has 'x' where seconds belong"


def test_a_binary_file_and_a_missing_one_are_refused(tmp_path: Path):
    (tmp_path / "h.csv").write_bytes(bytes(range(256)) * 8)
    with pytest.raises(EvaluationError, match="no text"):
        read_transcripts(tmp_path / "h.csv")
    with pytest.raises(EvaluationError, match="no such file"):
        read_transcripts(tmp_path / "none.stm")
    assert not is_transcript_file(tmp_path / "none.stm")


@pytest.mark.timeout(20)
def test_words_of_a_long_recording_are_divided_among_thousands_of_examples(tmp_path: Path):
    rows = [
        *(row for i in range(3000) for row in rows_of(f"p/{i}.wav", source=f"talk.wav, {10 * i}-{10 * i + 10} s")),
        *rows_of("p/over.wav", source="talk.wav, 5-15 s"),  # examples may overlap
    ]
    path = tmp_path / "talk.ctm"
    path.write_text("".join(f"talk 1 {i / 2} 0.4 w{i}\n" for i in range(60_000)))
    found = texts_of(path, rows)
    assert found["p/0.wav"].split() == [f"w{i}" for i in range(20)]
    assert found["p/2999.wav"].split() == [f"w{i}" for i in range(59_980, 60_000)]
    assert found["p/over.wav"].split() == [f"w{i}" for i in range(10, 30)]


def test_only_the_transcripts_of_a_folder_are_read(tmp_path: Path):
    (tmp_path / "a.txt").write_text("hello")
    os.mkfifo(tmp_path / "b.txt.part")
    (tmp_path / "c.srt").mkdir()  # a folder with the ending of a file
    assert texts_of(tmp_path) == {"audio/a.wav": "hello"}
    identity = find_system(str(tmp_path)).identity
    (tmp_path / "a.wav").write_bytes(b"sound")
    assert find_system(str(tmp_path)).identity == identity
    (tmp_path / "a.txt").write_text("hello there")
    assert find_system(str(tmp_path)).identity != identity


@pytest.mark.parametrize("name", ["", "x" * 5000, "a\0b", "x" * 5000 + ".csv", "\ud800.csv"])
def test_a_name_that_no_file_can_have_is_one_sentence(name: str):
    with pytest.raises(QalError):
        find_system(name)


def test_times_of_words_in_automatic_captions_are_no_text(tmp_path: Path):
    path = tmp_path / "a.vtt"
    path.write_text("WEBVTT\n\n00:00.500 --> 00:02.000\nhello<00:00:01.000><c> there</c> <01.500>now\n")
    assert texts_of(path) == {"audio/a.wav": "hello there now"}
