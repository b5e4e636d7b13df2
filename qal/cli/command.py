"""Subcommands, exit codes, and errors as one line."""

import importlib
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

from qal.errors import EXIT_USER_ERROR, OptionError, QalError
from qal.storage import storage_errors

EXIT_INTERRUPTED = 130
RAISED_AGAIN_S = 0.05  # after an interruption that was ignored; then the destructor has ended
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


def interrupt_on_sigterm() -> None:
    """Makes SIGTERM raise KeyboardInterrupt, as Ctrl-C does, so that what is unfinished is removed.

    Python ignores an exception in a destructor or a callback. An interruption that comes there is raised once more."""

    def keep_interruption(ignored: "sys.UnraisableHookArgs") -> None:
        if ignored.exc_type is KeyboardInterrupt:
            interrupted = (threading.main_thread().ident, signal.SIGTERM)
            threading.Timer(RAISED_AGAIN_S, signal.pthread_kill, interrupted).start()
        else:
            sys.__unraisablehook__(ignored)

    sys.unraisablehook = keep_interruption
    signal.signal(signal.SIGTERM, signal.default_int_handler)


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
