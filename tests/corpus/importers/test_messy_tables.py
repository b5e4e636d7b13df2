"""Tables that people make by hand: titles above the header, several sheets, cells that Excel changed, loose names."""

import datetime
import json
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest

from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.results import Preview
from qal.corpus.split import parse_split
from qal.errors import CorpusError
from tests.corpus.importers.sources import run_import, write_clips
from tests.sounds import sine, write_audio

HEADER, ROWS = ["file", "text"], [["a.wav", "Hello you"], ["b.wav", "And me"], ["c.wav", "All of us"]]
TEXTS = [text for _, text in ROWS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a.wav, b.wav and c.wav."""
    write_clips(tmp_path / "in", [name for name, _ in ROWS])
    return tmp_path / "in"


def write_sheets(path: Path, sheets: dict[str, list[list[Any]]]) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


def csv(*rows: list[str]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


def shown(source: Path, language: str = "en", **columns: str) -> Preview:
    return preview(source, ListingOptions(language, columns), max_problem_share=1.0)  # pyright: ignore[reportArgumentType]


def texts(source: Path, language: str = "en") -> list[str]:
    return [row.text for row in shown(source, language).rows]


@pytest.mark.parametrize("above", [["Recordings of May 2024", ""], ["# exported by a tool", ""], ["Title"]])
def test_names_of_columns_may_stand_below_a_title(folder: Path, above: list[str]):
    (folder / "t.csv").write_text(csv(above, ["File Name", "Text"], *ROWS))
    assert texts(folder) == TEXTS
    assert "above the names of the columns" in shown(folder).notes
    (folder / "t.csv").unlink()
    write_sheets(folder / "t.xlsx", {"Sheet1": [above, [], ["File Name", "Text"], *ROWS]})
    assert texts(folder) == TEXTS
    assert "above the names of the columns" in shown(folder).notes


def test_sheet_that_lists_recordings_is_read_and_others_are_named(folder: Path):
    write_sheets(folder / "t.xlsx", {"Read me": [["These are the recordings"]], "data": [HEADER, *ROWS]})
    assert texts(folder) == TEXTS
    assert "'Read me'" in shown(folder).notes


def test_all_sheets_with_the_same_columns_are_read_and_their_names_may_be_splits(folder: Path):
    write_sheets(folder / "t.xlsx", {"train": [HEADER, *ROWS[:2]], "test": [HEADER, ROWS[2]]})
    found = shown(folder)
    assert [(row.text, row.split_name) for row in found.rows] == list(
        zip(TEXTS, ["train", "train", "test"], strict=True)
    )
    assert found.rows[2].place == "t.xlsx, sheet test, row 2"


def test_value_of_merged_cells_is_that_of_each_of_their_rows(folder: Path):
    import openpyxl

    write_sheets(
        folder / "t.xlsx", {"S": [["speaker", *HEADER], ["Anna", *ROWS[0]], [None, *ROWS[1]], ["Ben", *ROWS[2]]]}
    )
    book = openpyxl.load_workbook(folder / "t.xlsx")
    book.active.merge_cells("A2:A3")  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    book.save(folder / "t.xlsx")
    assert [row.speaker for row in shown(folder).rows] == ["Anna", "Anna", "Ben"]


def test_lower_row_of_a_header_of_two_rows_names_the_columns(folder: Path):
    rows = [["file", "text", "times", None], ["file", "text", "start", "end"], ["a.wav", "one", 0.02, 0.06]]
    write_sheets(folder / "t.xlsx", {"S": rows})
    assert [(row.text, row.duration_s) for row in shown(folder).rows] == [("one", 0.04)]


def test_first_of_two_columns_of_one_name_is_used_in_any_format(folder: Path):
    rows = [[name, text, "other"] for name, text in ROWS]
    (folder / "t.csv").write_text(csv(["file", "text", "text"], *rows))
    assert texts(folder) == TEXTS
    (folder / "t.csv").unlink()
    write_sheets(folder / "t.xlsx", {"Sheet1": [["file", "text", "text"], *rows]})
    assert texts(folder) == TEXTS


@pytest.mark.parametrize("value", [datetime.datetime(2024, 5, 1), datetime.time(12, 30), True])
def test_text_that_excel_changed_to_a_date_is_left_out(folder: Path, value: object):
    write_sheets(folder / "t.xlsx", {"Sheet1": [HEADER, ROWS[0], ["b.wav", value]]})
    found = shown(folder)
    assert [row.text for row in found.rows] == TEXTS[:1]
    assert "format the column as text" in found.problems[0].reason


@pytest.mark.parametrize("names", [("Datei", "Text"), ("Audio File Name", "Sentence"), ("name", "sentence")])
def test_column_of_files_is_found_by_its_values(folder: Path, names: tuple[str, str]):
    other = "name" if names[0] != "name" else "id"
    (folder / "t.csv").write_text(csv([other, *names], *(["Anna", *row] for row in ROWS)))
    assert texts(folder) == TEXTS


def test_column_named_as_the_language_holds_the_text(folder: Path):
    (folder / "t.csv").write_text("file,amharic,english\na.wav,ሰላም,Hello\nb.wav,ቡና,coffee\n", "utf-8")
    rows = shown(folder, "am").rows
    assert [(row.text, row.translation) for row in rows] == [("ሰላም", "Hello"), ("ቡና", "coffee")]
    assert texts(folder, "en") == ["Hello", "coffee"]


@pytest.mark.parametrize(
    ("columns", "times"),
    [
        ("startMs,endMs", [("500", "1250"), ("2000", "2500")]),
        ("Start (ms),Duration [ms]", [("500", "750"), ("2000", "500")]),
        ("start time (s),end time (s)", [("0.5", "1.25"), ("2.0", "2.5")]),
        ("onset,offset", [("0.5", "1.25"), ("2.0", "2.5")]),
        ("offset,duration", [("0.5", "0.75"), ("2.0", "0.5")]),
        ("tmin,tmax", [("0.5", "1.25"), ("2.0", "2.5")]),
    ],
)
def test_units_and_spellings_of_times_are_understood(folder: Path, columns: str, times: list[tuple[str, str]]):
    write_audio(folder / "long.wav", sine(300, 3.0, amplitude=0.5))
    lines = [f"long.wav,{a},{b},{text}" for (a, b), text in zip(times, TEXTS, strict=False)]
    (folder / "t.csv").write_text("\n".join([f"file,{columns},text", *lines]))
    assert [(row.text, row.duration_s) for row in shown(folder).rows] == [(TEXTS[0], 0.75), (TEXTS[1], 0.5)]


@pytest.mark.parametrize("columns", ["start_sample,end_sample", "offset_frames,num_frames"])
def test_times_in_samples_are_refused_and_no_row_gets_the_whole_recording(folder: Path, columns: str):
    (folder / "t.csv").write_text(f"file,{columns},text\na.wav,100,800,one\n")
    with pytest.raises(CorpusError, match=r"counts samples or frames; write seconds"):
        shown(folder)
    (folder / "t.csv").write_text(f"file,start,end,{columns},text\na.wav,0,0.05,0,800,one\n")
    assert texts(folder) == ["one"]


def test_times_far_beyond_the_recording_name_milliseconds(folder: Path):
    (folder / "t.csv").write_text("file,start,end,text\na.wav,10,90,one\n")
    assert "milliseconds" in shown(folder).problems[0].reason


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("0001.wav", "1"),
        ("0001.wav", "1.0"),
        ("clips/007.wav", "clips/7.wav"),
        ("my clips/é a.wav", "my%20clips/%C3%A9%20a.wav"),
        ("my clips/é a.wav", "file:///home/x/my%20clips/%C3%A9%20a.wav"),
        ("a b.wav", "a\u00a0b.wav"),
        ("c.wav", "\u200bc.wav"),
        (unicodedata.normalize("NFD", "é.WAV"), unicodedata.normalize("NFC", "É.wav")),
        ("привет.wav".encode("cp866").decode("cp437"), "привет.wav"),
        ("こんにちは.wav".encode("cp932").decode("cp437"), "こんにちは.wav"),
        ("100%.wav", "100%.wav"),
    ],
)
def test_loose_spelling_of_a_name_finds_its_recording(tmp_path: Path, file: str, name: str):
    write_clips(tmp_path, [file, "other/x.wav"])
    (tmp_path / "t.csv").write_text(f"id,text\n{name},Hello you\n", "utf-8")
    found = shown(tmp_path)
    assert [(row.audio, row.text) for row in found.rows] == [(file, "Hello you")]


def test_number_that_two_files_have_is_not_guessed(tmp_path: Path):
    write_clips(tmp_path, ["01.wav", "0001.wav"])
    (tmp_path / "t.csv").write_text("id,text\n1,Hello you\n")
    found = shown(tmp_path)
    assert not found.rows
    assert "there are several files '1' (0001.wav, 01.wav)" in found.problems[0].reason


def test_rows_of_two_tables_that_are_the_same_do_not_stop_an_import(folder: Path):
    (folder / "t.csv").write_text(csv(HEADER, *ROWS))
    write_sheets(folder / "t.xlsx", {"Sheet1": [HEADER, *ROWS]})
    found = preview(folder, ListingOptions("en"))
    assert (found.count, found.stops, [p.is_fault for p in found.problems]) == (3, "", [False] * 3)


def test_tables_that_are_not_read_are_named(folder: Path):
    for stem, row in zip(("train", "test", "dev_final"), ROWS, strict=True):
        (folder / f"{stem}.csv").write_text(csv(HEADER, row))
    found = shown(folder)
    assert found.count == 2
    assert "Not read: dev_final.csv." in found.notes


def test_splits_of_the_first_common_voice_are_understood():
    assert [parse_split(f"cv-valid-{name}") for name in ("train", "dev", "test")] == ["train", "validation", "test"]


@pytest.mark.parametrize(
    "content", [csv(HEADER, *ROWS).replace(",", "|"), csv(*ROWS).replace(",", "\t"), csv(HEADER, *ROWS)]
)
def test_table_may_be_named_as_a_text(folder: Path, content: str):
    (folder / "list.txt").write_text(content)
    assert texts(folder) == texts(folder / "list.txt") == TEXTS


@pytest.mark.parametrize("value", [dict(ROWS), {name: {"text": text, "speaker": "A"} for name, text in ROWS}])
def test_json_may_name_the_recordings_by_its_keys(folder: Path, value: dict):
    (folder / "t.json").write_text(json.dumps(value))
    assert texts(folder) == TEXTS


def test_quotation_marks_may_be_written_with_backslashes(folder: Path):
    (folder / "t.csv").write_text('file,text\na.wav,"He said \\"hi\\" to me, you"\nb.wav,"And, me"\n')
    assert texts(folder) == ['He said "hi" to me, you', "And, me"]


@pytest.mark.parametrize("table", ["path,filename,text\nx,a.wav,one\n", "audio,filename,text\nyes,a.wav,one\n"])
def test_column_whose_values_are_files_wins_over_another_usual_name(folder: Path, table: str):
    (folder / "t.csv").write_text(table)
    assert texts(folder) == ["one"]


def test_table_without_header_may_name_recordings_without_suffix(folder: Path):
    (folder / "line_index.tsv").write_text("a\t Hello you\nb\tAnd me\n")
    assert texts(folder) == TEXTS[:2]


def test_table_in_another_encoding_may_be_named_as_a_text(folder: Path):
    (folder / "list.txt").write_bytes("file\ttext\r\na.wav\tHello you\r\n".encode("utf-16"))
    assert texts(folder / "list.txt") == TEXTS[:1]


def test_recordings_beside_the_folder_of_their_table_are_found_in_a_named_folder(tmp_path: Path):
    write_clips(tmp_path, ["audio/a.wav"])
    (tmp_path / "meta").mkdir()
    table = tmp_path / "meta/list.csv"
    table.write_text("file,text\n../audio/a.wav,Hello you\n")
    assert "--audio-folder" in shown(table).problems[0].reason
    found = preview(table, ListingOptions("en"), audio_folders=[tmp_path / "audio"])
    assert [row.text for row in found.rows] == ["Hello you"]


@pytest.mark.parametrize("third", [["anna", "ben"], ["Text one", "text two hundred"]])
def test_third_column_of_the_ljspeech_layout_is_a_speaker_or_another_spelling(tmp_path: Path, third: list[str]):
    write_clips(tmp_path, ["wavs/1.wav", "wavs/2.wav"])
    (tmp_path / "metadata.csv").write_text(f"1|Text 1|{third[0]}\n2|Text 200|{third[1]}\n")
    rows = shown(tmp_path).rows
    expected = [("Text 1", "anna"), ("Text 200", "ben")] if third[0] == "anna" else [(text, "") for text in third]
    assert [(row.text, row.speaker) for row in rows] == expected


def test_clips_of_a_data_set_that_were_converted_are_found(tmp_path: Path):
    write_clips(tmp_path, ["am/clips/1.wav"])
    (tmp_path / "am/train.tsv").write_text("client_id\tpath\tsentence\nA\t1.mp3\tHello you\n")
    assert texts(tmp_path) == ["Hello you"]


def test_starts_without_ends_are_refused_and_no_row_gets_the_whole_recording(folder: Path):
    (folder / "t.csv").write_text("file,start,text\na.wav,0,one\na.wav,0.05,two\n")
    with pytest.raises(CorpusError, match=r"'start' has starts, but there are no ends"):
        shown(folder)


@pytest.mark.parametrize("lines", [["a.wav,,,all", "a.wav,0,0.05,part"], ["a.wav,0,0.05,part", "a.wav,,,all"]])
def test_row_of_a_whole_recording_of_which_parts_are_listed_is_no_example(
    folder: Path, tmp_path: Path, lines: list[str]
):
    (folder / "t.csv").write_text("\n".join(["file,start,end,text", *lines, "b.wav,,,other"]))
    result = run_import(folder, tmp_path / "out")
    assert [row.text for row in result.corpus.rows if not row.marks] == ["part", "other"]
    told = [
        *(problem.reason for problem in result.problems),
        *(mark for row in result.corpus.rows for mark in row.marks),
    ]
    assert any("whole recording, of which parts are listed" in reason for reason in told)


def test_column_for_the_text_that_is_empty_gives_way_to_another_one(folder: Path):
    (folder / "t.csv").write_text("file,text,sentence\na.wav,,Hello\nb.wav,,World\n")
    assert texts(folder) == ["Hello", "World"]


def test_unknown_name_of_a_language_is_noted_where_the_stated_one_is_used(folder: Path):
    (folder / "t.csv").write_text("file,text,language\na.wav,one,Amharic\nb.wav,two,klingon\n")
    rows = shown(folder, "am").rows
    assert [row.language for row in rows] == ["am", "am"]
    assert "'klingon'" in rows[1].notes[0]


@pytest.mark.parametrize(
    ("name", "advice"),
    [("list.xls", "save it as XLSX or CSV"), ("list.ods", "save it as XLSX or CSV"), ("t.csv.gz", "unpack it"),
     ("clips.rar", "unpack it"), ("clips.7z", "unpack it")],
)  # fmt: skip
def test_source_of_a_kind_that_is_not_read_is_named_with_the_way_out(folder: Path, name: str, advice: str):
    (folder / name).write_bytes(b"\xd0\xcf\x11\xe0 something")
    with pytest.raises(CorpusError, match=f"{name}.*{advice}"):
        shown(folder / name)
    assert any(problem.place == name and advice in problem.reason for problem in shown(folder).problems)


def test_empty_folder_and_archive_of_archives_say_what_is_there(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="is empty"):
        shown(tmp_path / "empty")
    with zipfile.ZipFile(tmp_path / "out.zip", "w") as file:
        file.writestr("in.zip", b"PK")
    with pytest.raises(CorpusError, match=r"^out.zip.*in\.zip"):
        shown(tmp_path / "out.zip")
