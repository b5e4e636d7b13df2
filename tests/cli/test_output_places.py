"""A place of --out that cannot be made is one sentence and exit code 2, for every command, before the work begins."""

import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from qal.cli.main import main
from qal.cli.parsing import flag, parse_options, stored_in
from qal.errors import StorageError

COMMANDS = [  # each with arguments that are enough to be understood
    ["corpus", "import", "SOURCE", "--language", "en"],
    ["corpus", "import", "asterisk", "--language", "en"],
    ["corpus", "import", "hub", "owner/name", "--language", "en"],
    ["corpus", "synthesize", "SOURCE/texts.txt", "--language", "en"],
    ["corpus", "label", "SOURCE", "--language", "en"],
    ["corpus", "export", "SOURCE", "--to", "folder"],
    ["export", "SOURCE", "--to", "ggml"],
    ["transcribe", "base", "SOURCE/a.wav"],
    ["evaluate", "base", "SOURCE"],
    ["evaluate", "suite", "SOURCE/suite.yaml"],
    ["evaluate", "report", "SOURCE"],
    ["evaluate", "speed", "base", "--sound", "SOURCE/a.wav"],
    ["evaluate", "context", "base", "SOURCE"],
    ["evaluate", "attention", "base", "SOURCE/a.wav", "--text", "words"],
    ["augment", "draw", "SOURCE/a.wav"],
    ["augment", "preview", "SOURCE/a.wav"],
]


class OutputOptions(BaseModel, frozen=True):
    out: Path | None = flag(None, "the new folder", "DIR")
    dry_run: bool = flag(False, "write nothing")


class ReadOptions(BaseModel, frozen=True):
    out: Path = stored_in(Path("evaluations"), "where results are stored")


def parsed(out: Path | str, *more: str) -> OutputOptions:
    return parse_options("qal test", "Tests.", OutputOptions, ["--out", str(out), *more])


def test_place_below_a_file_or_in_proc_or_with_a_long_name_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(StorageError, match="file is a file, not a folder"):
        parsed(tmp_path / "file" / "out")
    with pytest.raises(StorageError, match="/proc/x cannot be made: nothing can be written there"):
        parsed("/proc/x")
    with pytest.raises(StorageError, match="/proc/x/y cannot be made"):
        parsed("/proc/x/y")
    with pytest.raises(StorageError, match="name is too long"):
        parsed(tmp_path / ("x" * 300))
    with pytest.raises(StorageError, match="link is a link to a place that is not there"):
        parsed(tmp_path / "link" / "out")


def test_place_without_permission_and_a_read_only_place_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number, reason in ((13, "no permission"), (30, "read-only")):

        def refuse(*_args: object, number: int = number, **_named: object) -> str:
            raise OSError(number, os.strerror(number), str(tmp_path))

        monkeypatch.setattr("tempfile.mkdtemp", refuse)
        with pytest.raises(StorageError, match=reason):
            parsed(tmp_path / "new" / "out")


def test_place_that_can_be_made_is_left_as_it_was_and_a_dry_run_is_not_checked(tmp_path: Path):
    assert parsed(tmp_path / "new" / "out").out == tmp_path / "new" / "out"
    assert not list(tmp_path.iterdir())
    assert parsed("/proc/x", "--dry-run").dry_run


def test_folder_that_is_only_read_is_not_checked():
    found = parse_options("qal test", "Tests.", ReadOptions, ["--out", "/proc/x"])
    assert found.out == Path("/proc/x")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:3]))
def test_every_command_with_out_says_in_one_sentence_that_the_place_cannot_be_made(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as stopped:
        main([*(word.replace("SOURCE", str(tmp_path)) for word in command), "--out", "/proc/x"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip()
    assert said == "error: /proc/x cannot be made: nothing can be written there; choose another place"
