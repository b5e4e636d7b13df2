"""Accounts of the users who may log in: of a file (`qal studio --users FILE`; edited with `qal users add|remove|list`),
or the one of `--auth`.

The file is JSON: user name -> salt and scrypt hash of the password (RFC 7914), and whether the user is an admin, who
may stop, resume and delete the jobs of all users. A changed file is read again without a restart."""

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

from qal.errors import OptionError, StorageError
from qal.storage import require_regular

LOG = logging.getLogger("qal")

SCRYPT_COST = {"n": 2**14, "r": 8, "p": 1}  # 16 MB and about 50 ms per hash
NAME_PATTERN = r"[\w.@-]{1,64}"
MIN_PASSWORD_CHARACTERS = 8
MAX_ATTEMPTS, ATTEMPT_WINDOW_S = 10, 60.0  # wrong passwords of one user name


class Account(BaseModel, frozen=True, extra="forbid"):
    """Password hash and rights of a user; salt and hash are hexadecimal."""

    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    scrypt: str = Field(pattern=r"^[0-9a-f]{64}$")
    admin: bool = False


Accounts = dict[str, Account]
ACCOUNTS_ADAPTER = TypeAdapter(Accounts)
UNKNOWN_USER = Account(salt="0" * 32, scrypt="0" * 64)  # hashed for unknown names, so that they take as long


class Login:
    """Checks the passwords of accounts and limits the wrong attempts of each name."""

    def __init__(self, accounts: Accounts):
        self._accounts = accounts
        self._attempts: dict[str, list[float]] = {}  # user name -> times of wrong or unfinished attempts
        self._lock = threading.Lock()

    async def authenticate(self, name: str, password: str) -> bool:
        """Checks a password in a thread, because hashing would delay live captions."""
        return await asyncio.to_thread(self.is_correct, name, password)

    def is_correct(self, name: str, password: str) -> bool:
        """Checks a password. Unknown names take as long as known ones.

        Returns False for every password after MAX_ATTEMPTS wrong ones within ATTEMPT_WINDOW_S."""
        now = time.monotonic()
        with self._lock:
            account = self._current_accounts().get(name)
            self._attempts = {user: recent for user, times in self._attempts.items() if (recent := _recent(times, now))}
            if len(self._attempts.get(name, [])) >= MAX_ATTEMPTS:
                return False
            self._attempts.setdefault(name, []).append(now)  # before the check: attempts may run at the same time
        expected = account or UNKNOWN_USER
        is_correct = _hash(password, expected.salt) == expected.scrypt and account is not None
        if is_correct:
            with self._lock:
                self._attempts[name].remove(now)
        return is_correct

    def is_known(self, name: str) -> bool:
        return name in self._current_accounts()

    def is_admin(self, name: str) -> bool:
        account = self._current_accounts().get(name)
        return account is not None and account.admin

    def _current_accounts(self) -> Accounts:
        return self._accounts


class SingleUser(Login):
    """The one login of `--auth USER:PASSWORD`, an admin. The password may be shorter than those of a file of users."""

    def __init__(self, auth: str):
        name, _, password = auth.partition(":")
        salt = secrets.token_hex(16)
        super().__init__({name.strip(): Account(salt=salt, scrypt=_hash(password, salt), admin=True)})


class Users(Login):
    """The accounts of a file, for a server."""

    def __init__(self, file: Path):
        super().__init__(read_accounts(file))
        self._file = file
        self._read_mtime_ns = _mtime_ns(file)

    def _current_accounts(self) -> Accounts:
        """Reads the file again if it has changed; an invalid file is logged and the earlier accounts remain."""
        mtime_ns = _mtime_ns(self._file)
        if mtime_ns != self._read_mtime_ns:
            self._read_mtime_ns = mtime_ns
            try:
                self._accounts = read_accounts(self._file)
            except OptionError as error:
                LOG.warning("%s; the earlier accounts remain valid", error)
        return self._accounts


def read_accounts(file: Path) -> Accounts:
    """Raises OptionError if the file does not exist or is not a file of users."""
    try:
        return ACCOUNTS_ADAPTER.validate_json(require_regular(file).read_bytes())
    except FileNotFoundError as error:
        raise OptionError(f"{file}: no such file; create it with: qal users add {file} NAME") from error
    except (OSError, StorageError, ValidationError) as error:
        raise OptionError(f"{file}: not a file of users; create one with: qal users add FILE NAME") from error


def write_accounts(file: Path, accounts: Mapping[str, Account]) -> None:
    """Writes a file that only its owner can read. Raises OptionError if its folder does not exist."""
    partial = file.with_name(f"{file.name}.{os.getpid()}.new")
    content = {name: account.model_dump() for name, account in sorted(accounts.items())}
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
            json.dump(content, new, indent=2)
    except FileNotFoundError as error:
        raise OptionError(f"{file.parent}: no such folder; create it, or choose another FILE") from error
    partial.replace(file)


def make_account(password: str, admin: bool) -> Account:
    """Hashes a password with a new salt. Raises OptionError if it is too short."""
    if len(password) < MIN_PASSWORD_CHARACTERS:
        raise OptionError(f"a password needs at least {MIN_PASSWORD_CHARACTERS} characters")
    salt = secrets.token_hex(16)
    return Account(salt=salt, scrypt=_hash(password, salt), admin=admin)


def _hash(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), dklen=32, **SCRYPT_COST).hex()


def _recent(times: list[float], now: float) -> list[float]:
    return [t for t in times if now - t < ATTEMPT_WINDOW_S]


def _mtime_ns(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0
