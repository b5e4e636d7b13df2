"""Looks up values by key in bounded memory, so that corpora larger than memory can be joined."""

import sqlite3
from collections.abc import Iterator


class KeyIndex:
    """A table of keys and values in a temporary file, which SQLite deletes with the object."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # "": a temporary file
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")

    def add(self, key: str, value: str = "") -> bool:
        """Adds a key. Returns False, and keeps the earlier value, if it is there already."""
        cursor = self._database.execute("INSERT OR IGNORE INTO entries VALUES (?, ?)", (key, value))
        return cursor.rowcount > 0

    def get(self, key: str) -> str | None:
        row = self._database.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def pop(self, key: str) -> str | None:
        """Returns the value of a key and removes it."""
        row = self._database.execute("DELETE FROM entries WHERE key = ? RETURNING value", (key,)).fetchone()
        return None if row is None else row[0]

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        """Yields the keys in their order."""
        return (row[0] for row in self._database.execute("SELECT key FROM entries ORDER BY key"))
