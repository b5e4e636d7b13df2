"""Tables as they come: separators, encodings, spellings of columns and paths, times, and formats of files."""

import json
from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.errors import CorpusError
from tests.corpus.importers.sources import clips_folder, run_import, texts, write_clips
from tests.sounds import sine, write_audio

ROWS = [("clips/0.wav", "Zéro, one", "anna"), ("clips/1.wav", "Two; three", "ben"), ("clips/2.wav", "Für|elf", "anna")]


def joined(separator: str, header: str = "file,text,speaker", line_end: str = "\n") -> str:
    """The rows with a separator; texts with it are in quotation marks."""
    lines = [header.replace(",", separator)]
    for row in ROWS:
        lines.append(separator.join(f'"{value}"' if separator in value else value for value in row))
    return line_end.join([*lines, ""])


def write_table(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    clips_folder(folder)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return folder


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["metadata.csv", "clips.tsv"])
def test_separator_and_line_ends_are_found_out(tmp_path: Path, separator: str, line_end: str, name: str):
    folder = write_table(tmp_path / "in", name, joined(separator, line_end=line_end))
    result = run_import(folder, tmp_path / "out")
    assert [(row.text, row.speaker) for row in result.corpus.rows] == [row[1:] for row in ROWS]
    assert not result.problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("name", ["table.csv", "table.jsonl"])
def test_encoding_is_found_out(tmp_path: Path, encoding: str, name: str):
    rows = [dict(zip(("file", "text", "speaker"), row, strict=True)) for row in ROWS]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    folder = write_table(tmp_path / "in", name, joined(";") if name == "table.csv" else lines, encoding)
    result = run_import(folder, tmp_path / "out", language="fr")
    assert texts(result) == [text for _, text, _ in ROWS]
    assert ("read as cp1252" in result.corpus.info.notes) == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("language", "encoding", "text"),
    [
        ("ru", "cp1251", "Привет, как дела"),
        ("pl", "cp1250", "Zażółć gęślą jaźń"),
        ("el", "cp1253", "Καλημέρα"),
        ("tr", "cp1254", "Günaydın, şimdi"),
        ("ja", "cp932", "こんにちは"),
        ("zh", "gb18030", "你好"),
    ],
)
def test_code_page_of_windows_follows_the_language(tmp_path: Path, language: str, encoding: str, text: str):
    folder = write_table(tmp_path / "in", "t.csv", f"file;text\nclips/0.wav;{text}\n", encoding)
    assert texts(run_import(folder, tmp_path / "out", language=language)) == [text]


def test_text_beside_a_recording_may_have_any_encoding(tmp_path: Path):
    for i, encoding in enumerate(("utf-8-sig", "utf-16", "cp1252")):
        write_clips(tmp_path / "in", [f"{i}.wav"])
        (tmp_path / f"in/{i}.txt").write_bytes("déjà vu".encode(encoding))
    assert texts(run_import(tmp_path / "in", tmp_path / "out")) == ["déjà vu"] * 3


@pytest.mark.parametrize(
    "header",
    [
        "file_name,transcription,speaker_id",
        "Path,Sentence,client_id",
        "audio,text,Speaker ID",
        "File Name,Transcript,speaker-name",
        "audio_filepath,raw_transcription,spk",
        "wav_filename,transcript,reader",
        "filename,normalized_text,user_id",
        "clip,utterance,talker",
        "id,sentence,speaker",
    ],
)
def test_columns_are_recognised_in_the_usual_spellings(tmp_path: Path, header: str):
    folder = write_table(tmp_path / "in", "t.csv", joined(",", header))
    result = run_import(folder, tmp_path / "out")
    assert [(row.text, row.speaker) for row in result.corpus.rows] == [row[1:] for row in ROWS]


@pytest.mark.parametrize(
    "content", ["clips/0.wav,Hello\nclips/1.wav,World\n", "Hello|clips/0.wav\nWorld|clips/1.wav\n"]
)
def test_first_line_may_be_a_row_already(tmp_path: Path, content: str):
    folder = write_table(tmp_path / "in", "t.csv", content)
    assert texts(run_import(folder, tmp_path / "out")) == ["Hello", "World"]


def test_chosen_columns_win_over_recognised_names(tmp_path: Path):
    folder = write_table(tmp_path / "in", "t.csv", "filename,text,said\n1,clips/1.wav,Hello\n2,clips/0.wav,World\n")
    result = run_import(folder, tmp_path / "out", columns={"file": "text", "text": "said"})
    assert texts(result) == ["World", "Hello"]


def test_missing_columns_are_named_with_those_that_there_are(tmp_path: Path):
    folder = write_table(tmp_path / "in", "t.csv", "place,words said\nclips/0,Hello\n")
    with pytest.raises(CorpusError, match=r"the file \(file_name.*the text \(text.*'place', 'words said'"):
        preview(folder, ListingOptions("en"))
    with pytest.raises(CorpusError, match="no column 'words'; it has 'place', 'words said'"):
        preview(folder, ListingOptions("en", {"file": "place", "text": "words"}))
    chosen = preview(folder, ListingOptions("en", {"file": "place", "text": "words said"}))
    assert [row.text for row in chosen.rows] == ["Hello"]
    assert chosen.roles == {"file": "place", "text": "words said"}


@pytest.mark.parametrize(
    "name",
    [
        "clips\\0.wav",
        ".\\clips\\0.wav",
        "clips/0",
        "0.wav",
        "0",
        "CLIPS/0.WAV",
        "0.mp3",
        "in/clips/0.wav",
        "/home/anna/data/clips/0.wav",
        "C:\\Users\\Anna\\clips\\0.wav",
        "file:///home/anna/clips/0.wav",
        "{folder}/clips/0.wav",
        "clips/../clips/0.wav",
        " clips/0.wav ",
    ],
)
def test_paths_of_other_systems_and_machines_find_their_recording(tmp_path: Path, name: str):
    content = f"file,text\n{name.format(folder=tmp_path / 'in')},Hello\n"
    result = run_import(write_table(tmp_path / "in", "t.csv", content), tmp_path / "out")
    assert [(row.audio, row.text) for row in result.corpus.rows] == [("audio/clips/0.wav", "Hello")]


def test_name_in_two_folders_is_not_guessed(tmp_path: Path):
    write_clips(tmp_path / "in", ["anna/0.wav", "ben/0.wav", "ben/1.wav"])
    (tmp_path / "in/t.csv").write_text("file,text\n0.wav,Hello\n1.wav,World\n")
    result = run_import(tmp_path / "in", tmp_path / "out")
    assert texts(result) == ["World"]
    assert "there are several files '0.wav'" in result.problems[0].reason


def test_name_with_letters_of_a_mac_is_found(tmp_path: Path):
    write_clips(tmp_path / "in", ["cafe\u0301.wav"])
    (tmp_path / "in/t.csv").write_text("file,text\ncaf\u00e9.wav,Hello\n", encoding="utf-8")
    assert texts(run_import(tmp_path / "in", tmp_path / "out")) == ["Hello"]


@pytest.mark.parametrize("is_absolute", [False, True])
def test_recordings_are_found_in_another_folder_that_the_user_names(tmp_path: Path, is_absolute: bool):
    clips_folder(tmp_path / "sound")
    source = tmp_path / "table/t.jsonl"
    source.parent.mkdir()
    name = str(tmp_path / "sound/clips/0.wav") if is_absolute else "0.wav"
    source.write_text(json.dumps({"audio": name, "text": "Hello"}))
    with pytest.raises(CorpusError, match="give the folder that holds the recordings" if is_absolute else "no file"):
        run_import(source, tmp_path / "out")
    assert texts(run_import(source, tmp_path / "out", audio_folders=[tmp_path / "sound"])) == ["Hello"]


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ("offset,duration", ["0,0.5", "0.5,0.25", "1.5,0.5"]),
        ("start,end", ["0,0.5", "0.5,0.75", "1.5,2"]),
        ("start_ms,end_ms", ["0,500", "500,750", "1500,2000"]),
        ("start_time,stop_time", ["0:00,00:00:00.5", "0:00.5,0:00.75", "0:01.5,0:02"]),
        ("begin,duration_ms", ["0,500", "0.5,250", "1.5,500"]),
        ("start_s,end_s", ['"0,0","0,5"', '"0,5","0,75"', '"1,5","2,0"']),
    ],
)
def test_rows_with_times_are_parts_of_one_recording(tmp_path: Path, columns: str, rows: list[str]):
    tones = [sine(hz, 0.5, amplitude=0.5) for hz in (300, 600, 900, 1200)]
    write_audio(tmp_path / "in/interview.wav", np.concatenate(tones))
    lines = [f"interview.wav,words {i},{times}\n" for i, times in enumerate(rows)]
    (tmp_path / "in/t.csv").write_text(f"file,text,{columns}\n{''.join(reversed(lines))}")
    result = run_import(tmp_path / "in", tmp_path / "out")
    assert texts(result) == ["words 0", "words 1", "words 2"]
    assert [row.duration_s for row in result.corpus.rows] == [0.5, 0.25, 0.5]
    sources = [row.source for row in result.corpus.rows]
    assert sources == ["interview.wav, 0.00-0.50 s", "interview.wav, 0.50-0.75 s", "interview.wav, 1.50-2.00 s"]
    for row, tone in zip(result.corpus.rows, (tones[0], tones[1][:4000], tones[3]), strict=True):
        assert np.abs(decode(result.corpus.audio_path(row)) - tone).max() < 1e-4


def test_duration_alone_does_not_cut_a_recording(tmp_path: Path):
    folder = write_table(
        tmp_path / "in", "t.jsonl", '{"audio_filepath": "clips/0.wav", "duration": 0.05, "text": "Hi"}'
    )
    assert run_import(folder, tmp_path / "out").corpus.rows[0].duration_s == 0.1


def as_parquet(folder: Path, path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    audio = [{"bytes": (folder / name).read_bytes(), "path": name} for name, _, _ in ROWS]
    columns = {"audio": audio, "sentence": [row[1] for row in ROWS], "speaker": [row[2] for row in ROWS]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def as_sheet(path: Path, rows: list[tuple]) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(path)


@pytest.mark.parametrize(
    "name", ["t.json", "wrapped.json", "lines.json", "t.jsonl", "t.ndjson", "t.xlsx", "paths.parquet"]
)
def test_table_of_any_format_gives_the_same_rows(tmp_path: Path, name: str):
    import pyarrow
    import pyarrow.parquet

    folder = clips_folder(tmp_path / "in")
    rows = [dict(zip(("file", "text", "speaker"), row, strict=True)) for row in ROWS]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    if name == "t.xlsx":
        as_sheet(folder / name, [("file", "text", "speaker"), *ROWS])
    elif name == "paths.parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / name)
    else:
        contents = {"t.json": json.dumps(rows), "wrapped.json": json.dumps({"version": 1, "data": rows})}
        (folder / name).write_text(contents.get(name, lines))
    result = run_import(folder / name if name == "t.xlsx" else folder, tmp_path / "out")
    assert [(row.text, row.speaker) for row in result.corpus.rows] == [row[1:] for row in ROWS]
    assert not result.problems


def test_parquet_file_with_the_audio_inside_is_imported(tmp_path: Path):
    folder = clips_folder(tmp_path / "clips")
    (tmp_path / "in").mkdir()
    as_parquet(folder, tmp_path / "in/train.parquet")
    result = run_import(tmp_path / "in", tmp_path / "out")
    assert [(row.text, row.speaker) for row in result.corpus.rows] == [row[1:] for row in ROWS]
    assert [row.audio for row in result.corpus.rows] == [f"audio/clips/{i}.wav" for i in range(3)]
    found = preview(tmp_path / "in", ListingOptions("en"), rows=2)
    assert [row.duration_s for row in found.rows] == [0.1, 0.1]


def test_tables_named_like_splits_give_the_split_and_others_beside_them_are_ignored(tmp_path: Path):
    folder = clips_folder(tmp_path / "in")
    for i, name in enumerate(("train", "dev", "test")):
        (folder / f"{name}.tsv").write_text(f"path\tsentence\n{i}.wav\twords {i}\n")
    (folder / "all.tsv").write_text("path\tsentence\n" + "".join(f"{i}.wav\twords {i}\n" for i in range(3)))
    (folder / "readme.csv").write_text("question,answer\n1,2\n")
    result = run_import(folder, tmp_path / "out")
    assert [row.split for row in result.corpus.rows] == ["train", "validation", "test"]
    assert not result.problems


def test_unrelated_table_does_not_hide_texts_beside_recordings(tmp_path: Path):
    write_clips(tmp_path / "in", ["a.wav"])
    (tmp_path / "in/a.txt").write_text("Hello")
    (tmp_path / "in/numbers.csv").write_text("x,y\n1,2\n")
    assert texts(run_import(tmp_path / "in", tmp_path / "out")) == ["Hello"]


def test_language_column_wins_and_a_locale_is_shortened(tmp_path: Path):
    content = "file,text,locale\nclips/0.wav,Hallo,de-AT\nclips/1.wav,Salut,fr\nclips/2.wav,Hello,English\n"
    result = run_import(write_table(tmp_path / "in", "t.csv", content), tmp_path / "out")
    assert [row.language for row in result.corpus.rows] == ["de", "fr", "en"]
