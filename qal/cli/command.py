"""Subcommands, exit codes, and errors as one line."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

from qal.errors import EXIT_USER_ERROR, OptionError, QalError
from qal.storage import storage_errors

EXIT_INTERRUPTED = 130
HELP = ("-h", "--help")

Main = Callable[[Sequence[str]], None]
Subcommands = Mapping[str, tuple[str, str]]  # name -> (module:function, one line about it)


def run_subcommand(prog: str, about: str, subcommands: Subcommands, arguments: Sequence[str]) -> None:
    """Runs the subcommand that the first argument names; only its own module is imported.

    Raises OptionError where there is no such subcommand."""
    name, *rest = arguments or ["--help"]
    if name in HELP:
        print(subcommand_help(prog, about, subcommands))
        return
    if name not in subcommands:
        raise OptionError(f"{prog} has no subcommand '{name}'; it has {', '.join(subcommands)}; see {prog} --help")
    module, _, function = subcommands[name][0].partition(":")
    main: Main = getattr(importlib.import_module(module), function or "main")
    main(rest)


def subcommand_help(prog: str, about: str, subcommands: Subcommands) -> str:
    width = max(map(len, subcommands)) + 2
    lines = [f"usage: {prog} COMMAND …", "", about, "", "commands:"]
    lines += [f"  {name:{width}}{line}" for name, (_, line) in subcommands.items()]
    return "\n".join([*lines, "", f"{prog} COMMAND --help prints the options of a command."])


def run_command(main: Callable[[], None]) -> None:
    """Runs a command line; a QalError becomes one line on stderr and exit code 2."""
    try:
        with storage_errors("a file"):
            main()
    except QalError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
