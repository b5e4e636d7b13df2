"""qal users add|remove|list FILE: the users who may log in (`qal studio --users FILE`)."""

import getpass
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from qal.api.users import NAME_PATTERN, make_account, read_accounts, write_accounts
from qal.cli.command import run_subcommand
from qal.cli.parsing import flag, parse_options, positional
from qal.errors import OptionError

SUBCOMMANDS = {
    "add": (f"{__name__}:add_main", "add a user, or change a password; it is asked for, or read from stdin"),
    "remove": (f"{__name__}:remove_main", "remove a user"),
    "list": (f"{__name__}:list_main", "print the names"),
}


class ListOptions(BaseModel, frozen=True):
    file: Path = positional("the file of users", "FILE")


class RemoveOptions(ListOptions, frozen=True):
    name: str = positional("the user's name", "NAME")


class AddOptions(RemoveOptions, frozen=True):
    admin: bool = flag(False, "let the user stop, resume and delete everybody's jobs")
    no_admin: bool = flag(False, "take that right away; with neither flag it stays as it was")


def main(arguments: Sequence[str]) -> None:
    run_subcommand("qal users", "Adds, removes and lists the users who may log in.", SUBCOMMANDS, arguments)


def add_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal users add", "Adds a user, or changes a password.", AddOptions, arguments)
    accounts = read_accounts(options.file) if options.file.exists() else {}
    before = accounts.get(_name(options.name))
    is_admin = options.admin or (before is not None and before.admin and not options.no_admin)
    accounts[options.name] = make_account(_ask_password(), is_admin)
    write_accounts(options.file, accounts)


def remove_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal users remove", "Removes a user.", RemoveOptions, arguments)
    accounts = read_accounts(options.file)
    if accounts.pop(options.name, None) is None:
        raise OptionError(f"there is no user '{options.name}'; see: qal users list {options.file}")
    write_accounts(options.file, accounts)


def list_main(arguments: Sequence[str]) -> None:
    accounts = read_accounts(parse_options("qal users list", "Prints the users.", ListOptions, arguments).file)
    print("\n".join(f"{name}{' (admin)' if account.admin else ''}" for name, account in accounts.items()))


def _name(name: str) -> str:
    if not re.fullmatch(NAME_PATTERN, name):
        raise OptionError(f"'{name}' cannot be a user's name; use up to 64 letters, digits, points, dashes, @ or _")
    return name


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("password: ")
    if getpass.getpass("once more: ") != password:
        raise OptionError("the two passwords differ; try again")
    return password
