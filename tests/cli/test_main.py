"""The command `qal`: subcommands, help, errors and exit codes."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from qal.cli.command import run_subcommand, subcommand_help
from qal.cli.main import ABOUT, SUBCOMMANDS, main
from qal.errors import OptionError

NESTED = [
    ["corpus", "import"],
    ["corpus", "import", "folder"],
    ["corpus", "import", "hub"],
    ["corpus", "import", "asterisk"],
    ["corpus", "stats"],
    ["augment", "preview"],
    ["augment", "draw"],
    ["models", "list"],
    ["models", "fetch"],
    ["users", "add"],
]


@pytest.mark.parametrize("words", [[], *([name] for name in SUBCOMMANDS), *NESTED], ids=" ".join)
def test_help_of_every_command_is_readable(words, capsys):
    with suppress(SystemExit):  # argparse ends the process with 0 after printing its help
        main([*words, "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: {' '.join(['qal', *words])}")
    for python_name in (
        "<class",
        "Literal[",
        "Annotated[",
        "PosixPath",
        "Optional[",
        "Union[",
        "default: null",
        "None",
    ):
        assert python_name not in shown
    assert "python -m" not in shown


def test_unknown_subcommand_lists_the_subcommands():
    with pytest.raises(OptionError, match="has no subcommand 'trian'; it has studio, live, train"):
        run_subcommand("qal", ABOUT, SUBCOMMANDS, ["trian"])


def test_help_lists_each_subcommand_with_one_line():
    lines = subcommand_help("qal", ABOUT, SUBCOMMANDS).splitlines()
    for name, (_, about) in SUBCOMMANDS.items():
        assert any(line.split() == [name, *about.split()] for line in lines)


@pytest.mark.parametrize("words", [["trian"], ["corpus", "improt"], ["corpus", "stats"], ["transcribe", "base"]])
def test_wrong_command_line_is_one_sentence_and_exit_code_2(words):
    done = subprocess.run([sys.executable, "-m", "qal", *words], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "--help" in done.stderr


def test_general_help_imports_no_library():
    code = "import sys; from qal.cli.main import main; main(['--help']); "
    code += "sys.exit(bool({'numpy', 'pydantic', 'jsonargparse', 'gradio', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("script", "command"),
    [("app.py", "studio"), ("app_streaming.py", "live"), ("train_whisper_lightning.py", "train")],
)
def test_scripts_are_the_commands(script, command):
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, script, "--help"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: qal {command}")


IN_A_DESTRUCTOR = """
import sys, time
from qal.cli.command import interrupt_on_sigterm, run_command

class Slow:
    def __del__(self):
        print("destroying", flush=True)
        time.sleep(20)

def main():
    interrupt_on_sigterm()
    Slow()
    time.sleep(20)

run_command(main)
"""


def test_an_interruption_in_a_destructor_is_not_lost():
    process = subprocess.Popen([sys.executable, "-c", IN_A_DESTRUCTOR], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "destroying\n"
    process.terminate()
    assert process.wait(15) == 130
