"""A blind test by listening: raters listen to an example and choose the better of two transcripts in unknown order.

The votes are in one SQLite file, so that several raters, pages and servers can vote at once. A pair of evaluations is
the same in both orders."""

import hashlib
import math
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from qal.errors import EvaluationError, StorageError
from qal.evaluation.records import ScoredRow
from qal.text.normalisation.basic import without_invisible
from qal.text.plain_line import plain_line

VOTES_FILE = "blind-test.sqlite"  # in the folder of evaluations
TIMEOUT_S = 30  # of waiting for another writer
MAX_RATER = 60  # characters of a name
Z_95 = 1.959964  # quantile of the normal distribution for a 95 % interval
SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
    first TEXT NOT NULL, second TEXT NOT NULL, audio TEXT NOT NULL, rater TEXT NOT NULL,
    vote TEXT NOT NULL CHECK (vote IN ('first', 'second', 'equal')), time REAL NOT NULL,
    PRIMARY KEY (first, second, audio, rater)
)
"""

Vote = Literal["first", "second", "equal"]  # the better transcript: of the pair's first or second evaluation
Side = Literal["a", "b", "equal"]  # the better transcript as the rater sees it


class Pair(NamedTuple):
    """The ids of two evaluations in alphabetical order."""

    first: str
    second: str


@dataclass(frozen=True)
class Item:
    """An example with two transcripts that differ."""

    audio: str
    reference: str
    language: str
    first: str  # transcript of the pair's first evaluation
    second: str


@dataclass(frozen=True)
class ShownItem:
    """The transcripts of an item as a rater sees them."""

    a: str
    b: str


@dataclass(frozen=True)
class WinRate:
    """How often the first evaluation of a pair was preferred, of the votes that prefer one."""

    wins: int
    losses: int
    equal: int

    @property
    def decided(self) -> int:
        return self.wins + self.losses

    @property
    def rate(self) -> float | None:
        """Share of wins, 0 to 1; None without a vote that prefers one."""
        return self.wins / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the rate."""
        return wilson_interval(self.wins, self.decided)


def pair_of(one: str, other: str) -> Pair:
    """Returns the pair of two evaluations. Raises EvaluationError if they are the same."""
    if one == other:
        raise EvaluationError("choose two different evaluations")
    return Pair(*sorted((one, other)))


def items_of(first: Sequence[ScoredRow], second: Sequence[ScoredRow]) -> list[Item]:
    """Returns the examples that both evaluations have and whose transcripts differ in more than spaces.

    Raises EvaluationError if the evaluations have no example in common."""
    others = {row.audio: row for row in second}
    common = [(row, others[row.audio]) for row in first if row.audio in others]
    if not common:
        raise EvaluationError("the two evaluations have no example in common; choose two of the same dataset")
    return [
        Item(row.audio, row.reference, row.language, row.hypothesis, other.hypothesis)
        for row, other in common
        if row.hypothesis.split() != other.hypothesis.split()
    ]


def is_swapped(pair: Pair, audio: str, rater: str) -> bool:
    """True if the rater sees the second evaluation's transcript as A. It stays the same for the same example."""
    return bool(_digest(*pair, audio, rater, "side")[0] & 1)


def sides(pair: Pair, item: Item, rater: str) -> ShownItem:
    """Returns the transcripts in the order in which the rater sees them."""
    swapped = is_swapped(pair, item.audio, rater)
    return ShownItem(item.second, item.first) if swapped else ShownItem(item.first, item.second)


def vote_of(pair: Pair, audio: str, rater: str, side: Side) -> Vote:
    """Returns the evaluation that a rater prefers by choosing a side."""
    if side == "equal":
        return "equal"
    return "second" if (side == "a") == is_swapped(pair, audio, rater) else "first"


def rater_name(text: str) -> str:
    """Returns the name of a rater on one line. Raises EvaluationError for a long one, or one that cannot be seen."""
    name = plain_line(text)
    if not without_invisible(name).strip():
        raise EvaluationError("enter your name first; it is kept with your votes")
    if len(name) > MAX_RATER:
        raise EvaluationError(f"a name has at most {MAX_RATER} characters")
    return name


class BlindTest:
    """The votes of a folder of evaluations.

    Args:
        folder: the folder of evaluations."""

    def __init__(self, folder: Path):
        self._file = folder / VOTES_FILE

    def record(self, pair: Pair, audio: str, rater: str, vote: Vote) -> None:
        """Stores a vote; an earlier one of the same rater for the same example is replaced. Raises StorageError."""
        row = (*pair, audio, rater, vote, time.time())
        with self._database() as database:
            database.execute("INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?, ?, ?)", row)

    def withdraw(self, pair: Pair, rater: str) -> str | None:
        """Deletes the last vote of a rater and returns its example; None if there is none. Raises StorageError."""
        condition = "first = ? AND second = ? AND rater = ?"
        with self._database() as database:
            query = f"SELECT audio FROM votes WHERE {condition} ORDER BY time DESC LIMIT 1"
            found = database.execute(query, (*pair, rater)).fetchone()
            if found is None:
                return None
            database.execute(f"DELETE FROM votes WHERE {condition} AND audio = ?", (*pair, rater, found[0]))
            return found[0]

    def open_items(self, pair: Pair, rater: str, items: Sequence[Item]) -> list[Item]:
        """Returns the items without a vote of the rater, in an order of this rater's own. Raises StorageError."""
        query = "SELECT audio FROM votes WHERE first = ? AND second = ? AND rater = ?"
        with self._database() as database:
            done = {audio for (audio,) in database.execute(query, (*pair, rater))}
        left = [item for item in items if item.audio not in done]
        return sorted(left, key=lambda item: _digest(*pair, item.audio, rater, "order"))

    def results(self, pair: Pair) -> dict[str, WinRate]:
        """Returns the votes on a pair by rater, sorted by name. Raises StorageError."""
        query = "SELECT rater, vote, COUNT(*) FROM votes WHERE first = ? AND second = ? GROUP BY rater, vote"
        counts: dict[str, dict[str, int]] = {}
        with self._database() as database:
            for rater, vote, count in database.execute(query, pair):
                counts.setdefault(rater, {})[vote] = count
        return {
            rater: WinRate(votes.get("first", 0), votes.get("second", 0), votes.get("equal", 0))
            for rater, votes in sorted(counts.items())
        }

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Opens the file in a transaction that no other writer can enter."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, TIMEOUT_S, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute(SCHEMA)
                yield database
                database.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{self._file}: the votes cannot be read or written ({error})") from error


def together(results: dict[str, WinRate]) -> WinRate:
    """Returns the votes of all raters."""
    return WinRate(
        sum(rate.wins for rate in results.values()),
        sum(rate.losses for rate in results.values()),
        sum(rate.equal for rate in results.values()),
    )


def wilson_interval(wins: int, total: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share by Wilson's score (1927); (0, 1) without any."""
    if not total:
        return 0.0, 1.0
    share, z2 = wins / total, Z_95**2
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z_95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2)) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
