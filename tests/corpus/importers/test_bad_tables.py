"""Tables with errors: each is named with its line, the other rows are imported, and no row has another's text."""

from pathlib import Path

import pytest

from qal.corpus.importers.import_source import import_source, preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.results import ProblemsError
from qal.errors import CorpusError
from tests.corpus.importers.sources import clips_folder, run_import, texts, tree
from tests.sounds import sine, write_audio

GOOD = [f"clips/{i}.wav,Sentence {i}" for i in range(6)]
ALL = [f"Sentence {i}" for i in range(6)]

BAD_LINES = {  # line that replaces line 4 (the third row): what is said about it; "" if it is imported as it is
    'clips/2.wav,"Sentence 2': "",
    'clips/2.wav,Sentence "2': "",
    'clips/2.wav,"Sentence" 2': "",
    "clips/2.wav,": "text is missing",
    "clips/2.wav": "too short",
    "clips/2.wav,nan": "text is missing",
    "clips/2.wav,NaN": "text is missing",
    "clips/2.wav,null": "text is missing",
    "clips/2.wav,None": "text is missing",
    "clips/2.wav,<NA>": "text is missing",
    "clips/2.wav,...": "no words",
    "clips/2.wav,Sentence, 2": "3 columns, but the table has 2",
    "clips/2.wav,clips/2.wav": "name of a file ('clips/2.wav')",
    "clips/2.wav,2.WAV": "name of a file ('2.WAV')",
    "clips/take_2.wav,take_2": "the name of its file ('take_2')",
    "clips/b2.wav,b2": "the name of its file ('b2')",
    "clips/2.wav,see 3.mp3 for it": "name of a file ('3.mp3')",
    "clips/9.wav,Sentence 2": "there is no file 'clips/9.wav'",
    ",Sentence 2": "names no file",
    "nan,Sentence 2": "names no file",
    "clips,Sentence 2": "there is no file",
    "../private.wav,Sentence 2": "outside the folder",
    "../../etc/passwd,Sentence 2": "outside the folder",
    "/etc/passwd,Sentence 2": "outside the folder",
    "C:\\Windows\\media\\ding.wav,Sentence 2": "not in the folder",
    "https://example.org/2x.wav,Sentence 2": "there is no file",
    "clips/silent.wav,Sentence 2": "is silent",
    "clips/empty.wav,Sentence 2": "not readable as audio",
    "clips/words.wav,Sentence 2": "not readable as audio",
    "t.csv,Sentence 2": "not readable as audio",
    f"clips/2.wav,{'very ' * 2000}long": "characters",
    f"{'x' * 300}.wav,Sentence 2": "there is no file",
    "clips/1.wav,Sentence 1": "listed twice",
    "clips/1.wav,Another sentence": "listed twice",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = clips_folder(tmp_path / "in", 6)
    write_audio(folder / "clips/take_2.wav", sine(310, 0.2, amplitude=0.5))
    write_audio(folder / "clips/b2.wav", sine(320, 0.2, amplitude=0.5))
    write_audio(folder / "clips/silent.wav", sine(440, 0.2, amplitude=0.0))
    write_audio(tmp_path / "private.wav", sine(440, 0.2, amplitude=0.5))
    (folder / "clips/empty.wav").write_bytes(b"")
    (folder / "clips/words.wav").write_text("these are words")
    return folder


def write_lines(folder: Path, lines: list[str], header: str = "file,text") -> None:
    (folder / "t.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8", errors="surrogateescape")


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: ascii(line)[:50])
def test_bad_line_is_named_and_the_other_rows_are_imported(folder: Path, tmp_path: Path, line: str):
    write_lines(folder, [*GOOD[:2], line, *GOOD[3:]])
    before = tree(tmp_path)
    result = run_import(folder, tmp_path / "out")
    assert tree(tmp_path, "out") == before
    if not BAD_LINES[line]:
        assert [text.replace('"', "") for text in texts(result)] == ALL
        assert not result.problems
        return
    assert texts(result) == [text for text in ALL if text != "Sentence 2"]
    (problem,) = result.problems
    assert problem.place.startswith("t.csv, line 4")
    assert BAD_LINES[line] in problem.reason
    assert "\n" not in str(problem)


def test_line_with_damaged_letters_in_a_table_in_utf8_is_named(folder: Path, tmp_path: Path):
    lines = [line.replace("Sentence", "Séntence") for line in GOOD]
    write_lines(folder, [*lines[:2], "clips/2.wav,Caf\udce9", *lines[3:]])
    result = run_import(folder, tmp_path / "out")
    assert [str(problem).split(";")[0] for problem in result.problems] == [
        "t.csv, line 4: has letters that are not UTF-8"
    ]
    assert len(result.corpus.rows) == 5


@pytest.mark.parametrize("line", ["clips/2.wav,nan", 'clips/2.wav,"Sentence 2', "clips/9.wav,x"])
def test_preview_shows_the_same_problems_as_the_import(folder: Path, tmp_path: Path, line: str):
    write_lines(folder, [*GOOD[:2], line, *GOOD[3:]])
    before = tree(tmp_path)
    found = preview(folder, ListingOptions("en"))
    assert tree(tmp_path) == before
    result = run_import(folder, tmp_path / "out")
    assert found.problems == result.problems
    assert [row.text for row in found.rows] == texts(result)
    assert found.count == len(result.corpus.rows)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (['clips/0.wav,"One', "clips/1.wav,Two", 'clips/2.wav,"Three'], ['"One', "Two", '"Three']),
        (['clips/0.wav,"One', 'clips/1.wav,"Two"', "clips/2.wav,Three"], ['"One', "Two", "Three"]),
        (['clips/0.wav,"One', 'and more"', "clips/1.wav,Two"], ["One and more", "Two"]),
        (['clips/0.wav,"One', 'and, more"', "clips/1.wav,Two"], ["One and, more", "Two"]),
        (['clips/0.wav,"He said ""yes"", twice"', "clips/1.wav,Two"], ['He said "yes", twice', "Two"]),
        (["clips/0.wav,One,,", "clips/1.wav,Two,"], ["One", "Two"]),
        (["", "clips/0.wav,One", "", ",", "clips/1.wav,Two", ""], ["One", "Two"]),
    ],
)
def test_quotation_marks_never_join_rows(folder: Path, tmp_path: Path, lines: list[str], expected: list[str]):
    write_lines(folder, lines)
    assert texts(run_import(folder, tmp_path / "out")) == expected


def test_mark_that_is_closed_by_another_row_is_named_and_swallows_nothing_silently(folder: Path, tmp_path: Path):
    write_lines(folder, [GOOD[0], 'clips/1.wav,"Sentence 1', 'clips/2.wav,Sentence 2"', *GOOD[3:]])
    result = run_import(folder, tmp_path / "out")
    assert set(texts(result)) <= {*ALL, '"Sentence 1', 'Sentence 2"'}
    assert all(".wav" not in text for text in texts(result))
    assert result.problems or len(result.corpus.rows) == 6


def test_unclosed_mark_is_noted_in_its_row(folder: Path, tmp_path: Path):
    write_lines(folder, [*GOOD[:2], 'clips/2.wav,"Sentence 2', *GOOD[3:]])
    result = run_import(folder, tmp_path / "out")
    assert result.corpus.rows[2].notes == ("its quotation mark is not closed (line 4)",)
    assert any("line 4" in note for note in result.notes)


def test_recording_with_two_texts_is_left_out_of_training(folder: Path, tmp_path: Path):
    write_lines(folder, [*GOOD, "clips/1.wav,Another sentence"])
    row = run_import(folder, tmp_path / "out").corpus.rows[1]
    assert row.text == "Sentence 1"
    assert "listed again with another text (t.csv, line 8)" in row.marks[0]


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ("0.05,0.02", "ends at 0.02 s, not after its start"),
        ("0.05,0.05", "not after its start"),
        ("-1,0.05", "before the recording"),
        ("0.05,", "no end and no duration"),
        ("soon,later", "no number of seconds"),
        ("inf,inf", "no number of seconds"),
        ("5,6", "the recording ends at 0.10 s"),
        ("0,6", "the recording ends at 0.10 s"),
        ("0.0999,0.1", "no audio samples"),
    ],
)
def test_part_that_is_not_in_its_recording_is_named(folder: Path, tmp_path: Path, times: str, reason: str):
    rows = [f"clips/{i}.wav,Sentence {i},0,0.08" for i in range(1, 6)]
    write_lines(folder, [f"clips/0.wav,Sentence 0,{times}", *rows], "file,text,start,end")
    result = run_import(folder, tmp_path / "out")
    (problem,) = result.problems
    assert problem.place.startswith("t.csv, line 2")
    assert reason in problem.reason
    assert texts(result) == ALL[1:]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"\n\n\n", "is empty"),
        ("t.csv", b"\x00\x01\x02\x00" * 100, "is no text|no column"),
        ("t.csv", b"file,text\n", "no recordings that can be imported"),
        ("t.csv", b"clips/0.wav,0,Sentence 0\n", "no column for the text.*'file', 'column 2', 'column 3'"),
        ("t.csv", b"a" * 200_000, "no column"),
        ("t.jsonl", b"{", "cannot be read"),
        ("t.jsonl", b"[]\n", "cannot be read"),
        ("t.jsonl", b"[" * 100_000, "cannot be read"),
        ("t.json", b"42", "no list of objects"),
        ("t.json", b'"text"', "no list of objects"),
        ("t.json", b"[" * 100_000, "cannot be read"),
        ("t.parquet", b"PAR1" + bytes(100) + b"PAR1", "cannot be read as a Parquet file"),
        ("t.parquet", b"", "cannot be read as a Parquet file"),
        ("t.xlsx", b"PK\x03\x04", "cannot be read as an Excel file"),
        ("t.xlsx", b"", "cannot be read as an Excel file"),
    ],
)
def test_file_that_is_no_table_is_refused_in_one_sentence(
    folder: Path, tmp_path: Path, name: str, content, reason: str
):
    (folder / name).write_bytes(content)
    for source in (folder, folder / name):
        with pytest.raises(CorpusError, match=reason) as error:
            run_import(source, tmp_path / "out")
        assert "\n" not in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "private.wav"]


@pytest.mark.parametrize("line", ["{", "[1]", "null", '"text"', '{"file": "clips/2.wav"', "NaN"])
def test_bad_line_of_json_is_named(folder: Path, tmp_path: Path, line: str):
    lines = [f'{{"file": "clips/{i}.wav", "text": "Sentence {i}"}}' for i in range(6)]
    lines[2] = line
    (folder / "t.jsonl").write_text("\n".join(lines))
    result = run_import(folder, tmp_path / "out")
    assert [problem.place for problem in result.problems] == ["t.jsonl, line 3"]
    assert len(result.corpus.rows) == 5


@pytest.mark.parametrize("value", ["null", "NaN", '""', '"nan"', "[]", '" "'])
def test_missing_text_of_json_is_named(folder: Path, tmp_path: Path, value: str):
    lines = [f'{{"file": "clips/{i}.wav", "text": "Sentence {i}"}}' for i in range(6)]
    lines[5] = f'{{"file": "clips/5.wav", "text": {value}}}'
    (folder / "t.jsonl").write_text("\n".join(lines))
    result = run_import(folder, tmp_path / "out")
    (problem,) = result.problems
    assert (problem.place, "missing" in problem.reason) == ("t.jsonl, line 6", True)


def test_import_stops_only_above_the_stated_share_of_problems(folder: Path, tmp_path: Path):
    clips_folder(folder, 30)
    good = [f"clips/{i}.wav,Sentence {i}" for i in range(27)]
    write_lines(folder, [*good, *(f"clips/{i}.wav,nan" for i in range(27, 30))])
    assert len(import_source(folder, tmp_path / "out", ListingOptions("en")).corpus.rows) == 27
    write_lines(folder, [*good[:26], *(f"clips/{i}.wav,nan" for i in range(26, 30))])
    with pytest.raises(
        ProblemsError, match=r"4 of 30 entries cannot be used, more than 10%: t.csv, line 28: "
    ) as error:
        import_source(folder, tmp_path / "out2", ListingOptions("en"))
    assert len(error.value.problems) == 4
    assert "4 of 30" in preview(folder, ListingOptions("en")).stops
    assert not (tmp_path / "out2").exists()
    result = import_source(folder, tmp_path / "out2", ListingOptions("en"), max_problem_share=0.2)
    assert len(result.corpus.rows) == 26


def test_one_problem_never_stops_a_small_import(folder: Path, tmp_path: Path):
    write_lines(folder, [*GOOD[:5], "clips/5.wav,nan"])
    assert len(import_source(folder, tmp_path / "out", ListingOptions("en")).problems) == 1
