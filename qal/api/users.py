"""python -m qal.api.users FILE add|remove|list: the people who may log in (`python app.py --users FILE`).

The file is JSON: a name -> salt and hash of the password (scrypt, RFC 7914), and whether they are an admin, who may
stop, resume and delete everybody's jobs. It is read again whenever it has changed; the server need not be restarted."""

import asyncio
import hashlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from qal.errors import OptionError

logger = logging.getLogger("qal")

COST = {"n": 2**14, "r": 8, "p": 1}  # 16 MB and about 50 ms a try
NAME_PATTERN = r"[\w.@-]{1,64}"
MIN_PASSWORD = 8
TRIES, WITHIN_S = 10, 60.0  # wrong passwords of a name, after which it must wait


class Account(BaseModel, frozen=True, extra="forbid"):
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    scrypt: str = Field(pattern=r"^[0-9a-f]{64}$")
    admin: bool = False


Accounts = dict[str, Account]
ACCOUNTS = TypeAdapter(Accounts)
NOBODY = Account(salt="0" * 32, scrypt="0" * 64)


class Users:
    """A file of users, as a server asks it."""

    def __init__(self, file: Path):
        self._file, self._accounts, self._read_at = file, read_accounts(file), _changed(file)
        self._tries: dict[str, list[float]] = {}  # times of wrong passwords, and of those that are looked at, by name
        self._lock = threading.Lock()

    async def may_enter(self, name: str, password: str) -> bool:
        """In a thread of its own: a hash takes long enough to be heard in live captions."""
        return await asyncio.to_thread(self.is_right, name, password)

    def is_right(self, name: str, password: str) -> bool:
        """Takes as long for a name that is not there, and says no to one that was tried too often."""
        now = time.monotonic()
        with self._lock:
            known = self._current().get(name)
            self._tries = {n: recent for n, times in self._tries.items() if (recent := _recent(times, now))}
            if len(self._tries.get(name, [])) >= TRIES:
                return False
            self._tries.setdefault(name, []).append(now)  # counted first: several may be tried at once
        right = _hash(password, (known or NOBODY).salt) == (known or NOBODY).scrypt and known is not None
        if right:
            with self._lock:
                self._tries[name].remove(now)
        return right

    def is_known(self, name: str) -> bool:
        return name in self._current()

    def is_admin(self, name: str) -> bool:
        account = self._current().get(name)
        return account is not None and account.admin

    def _current(self) -> Accounts:
        """The last that could be read: a broken file locks nobody out and lets nobody in."""
        changed = _changed(self._file)
        if changed != self._read_at:
            self._read_at = changed
            try:
                self._accounts = read_accounts(self._file)
            except OptionError as error:
                logger.warning("%s; the users are those of before", error)
        return self._accounts


def read_accounts(file: Path) -> Accounts:
    """Raises OptionError where the file is not one of ours."""
    try:
        return ACCOUNTS.validate_json(file.read_bytes())
    except FileNotFoundError as error:
        raise OptionError(f"{file}: there is no such file; make it with: qal users add {file} NAME") from error
    except (OSError, ValidationError) as error:
        raise OptionError(f"{file}: not a file of users; make one with: qal users add FILE NAME") from error


def write_accounts(file: Path, accounts: Mapping[str, Account]) -> None:
    """Readable by its owner alone."""
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    told = {name: account.model_dump() for name, account in sorted(accounts.items())}
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
            json.dump(told, new, indent=2)
    except FileNotFoundError as error:
        raise OptionError(f"{file.parent}: there is no such folder; make it, or choose another FILE") from error
    beside.replace(file)


def make_account(password: str, admin: bool) -> Account:
    if len(password) < MIN_PASSWORD:
        raise OptionError(f"a password needs at least {MIN_PASSWORD} characters")
    salt = secrets.token_hex(16)
    return Account(salt=salt, scrypt=_hash(password, salt), admin=admin)


def _hash(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), dklen=32, **COST).hex()


def _recent(times: list[float], now: float) -> list[float]:
    return [t for t in times if now - t < WITHIN_S]


def _changed(file: Path) -> float:
    return file.stat().st_mtime_ns if file.exists() else 0
