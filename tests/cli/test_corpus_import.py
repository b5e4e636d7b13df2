"""qal corpus import PATH: the format is found, a dry run writes nothing, problems are printed."""

import json
from pathlib import Path

import pytest

from qal.cli.corpus.commands import main
from qal.cli.corpus.import_path import parse_columns
from qal.errors import CorpusError, OptionError
from tests.corpus.importers.sources import clips_folder, tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = clips_folder(tmp_path / "in", 4)
    rows = [f"clips/{i}.wav;words {i}" for i in range(3)]
    (folder / "t.csv").write_text("\n".join(["clip;said aloud", *rows, "clips/3.wav;nan", ""]))
    return folder


def last_json(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize("verb", [[], ["folder"]])
def test_path_is_imported_with_chosen_columns(folder: Path, tmp_path: Path, capsys, verb: list[str]):
    out = str(tmp_path / "out")
    main(["import", *verb, str(folder), "--language", "en", "--out", out, "--columns", "text=said aloud", "--json"])
    printed = capsys.readouterr()
    result = json.loads(printed.out.splitlines()[-1])
    assert sum(result["utterances"].values()) == 3
    assert result["left_out"] == ["t.csv, line 5: its text is missing (nan)"]
    assert "skipped: t.csv, line 5" in printed.err


def test_dry_run_prints_examples_counts_and_problems_and_writes_nothing(folder: Path, tmp_path: Path, capsys):
    before = tree(tmp_path)
    main(["import", str(folder), "--language", "en", "--columns", "text=said aloud,file=clip", "--dry-run", "--json"])
    printed = capsys.readouterr()
    assert tree(tmp_path) == before
    assert "clips/0.wav (0.10 s, en): words 0" in printed.out
    assert "3 examples, 1 problems" in printed.out
    found = json.loads(printed.out.splitlines()[-1])
    assert (found["format_name"], found["count"], len(found["rows"])) == ("table", 3, 3)


def test_options_may_stand_before_the_path(folder: Path, capsys):
    main(["import", "--dry-run", "--language", "en", "--columns", "text=said aloud", str(folder)])
    assert "words 2" in capsys.readouterr().out


def test_missing_column_is_named_with_the_option_that_chooses_it(folder: Path):
    with pytest.raises(CorpusError, match=r"'clip', 'said aloud'.*--columns text=COLUMN"):
        main(["import", str(folder), "--language", "en", "--dry-run"])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--columns", "words=said"], "'words=said' is not ROLE=COLUMN; a role is one of file, text"),
        (["--columns", "text"], "is not ROLE=COLUMN"),
        (["--max-problems", "2"], "max_problems"),
        ([], "give --out"),
    ],
)
def test_unusable_options_are_named(folder: Path, arguments: list[str], reason: str):
    with pytest.raises(OptionError, match=reason):
        main(["import", str(folder), "--language", "en", *arguments])


def test_path_that_does_not_exist_is_an_error(tmp_path: Path):
    with pytest.raises(CorpusError, match="no such file or folder"):
        main(["import", str(tmp_path / "missing"), "--language", "en", "--out", str(tmp_path / "out")])


def test_columns_are_parsed_with_spaces_in_their_names():
    assert parse_columns("text=said aloud, file = clip") == {"text": "said aloud", "file": "clip"}


def test_help_names_the_import_of_a_path(capsys):
    main(["import", "--help"])
    assert "qal corpus import PATH --language XX --out DIR" in capsys.readouterr().out
