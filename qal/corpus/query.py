"""Queries over a corpus of any size: pages of filtered and sorted examples, histograms, words, characters and hours.

All functions read the table of `query_table`, which follows the files: an edited manifest gives new answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, Field

from qal.corpus.manifest import Row
from qal.corpus.query_table import MEASURES, ROW_COLUMNS, TEXTS, folded, query_table
from qal.corpus.split import Split
from qal.errors import CorpusError

MAX_PAGE = 1000  # examples
MAX_BINS = 200
MAX_LIST = 10_000  # words, characters, speakers
MAX_SEARCHED_WORDS = 20
WORDS = f"regexp_extract_all({folded('text')}, '[\\p{{L}}\\p{{M}}\\p{{N}}]+(?:[''’-][\\p{{L}}\\p{{M}}\\p{{N}}]+)*')"
SORTABLE = (*(name for name in ROW_COLUMNS if name not in ("marks", "notes")), *MEASURES, "index")
COLUMNS = (*ROW_COLUMNS, *(name for name in MEASURES if name not in ROW_COLUMNS), *TEXTS)
GROUPS = ("speaker", "language", "split")

Group = Literal["speaker", "language", "split"]


class Range(NamedTuple):
    """The values from `low` to `high`, both included; None: no limit. An example without a value is outside."""

    low: float | None = None
    high: float | None = None


class RowFilter(BaseModel, frozen=True):
    """Which examples are wanted. Empty fields exclude nothing; examples must satisfy all of the others."""

    search: str = Field(default="", description="words that text, speaker or file name contain, in any script")
    splits: tuple[Split, ...] = ()
    speakers: tuple[str, ...] = Field(default=(), description='as written; "": not named')
    languages: tuple[str, ...] = ()
    marks: tuple[str, ...] = Field(default=(), description="examples with at least one of these marks")
    marked: bool | None = Field(default=None, description="true: only marked examples; false: only the others")
    ranges: dict[str, Range] = Field(default={}, description="limits by the name of a measure")


@dataclass(frozen=True)
class Example:
    """An example with its position in the manifest and its measures; None: not measured."""

    index: int
    row: Row
    measures: dict[str, float | None]
    texts: dict[str, str | None]  # what a model recognised: heard, heard_language, model


@dataclass(frozen=True)
class ExamplePage:
    """One page of the matching examples."""

    examples: list[Example]
    number: int  # of the page, from 0
    total: int  # matching examples on all pages
    duration_s: float  # of all matching examples


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram."""

    low: float
    high: float  # excluded, except in the last bin
    count: int


@dataclass(frozen=True)
class Count:
    """A word or a character and how often it occurs."""

    text: str
    count: int
    examples: int  # that contain it


@dataclass(frozen=True)
class Amount:
    """The speech of one speaker, language or split; marked examples are counted apart."""

    name: str
    examples: int
    duration_s: float
    marked: int  # of the examples


NO_FILTER = RowFilter()


def find_page(
    folder: Path,
    wanted: RowFilter = NO_FILTER,
    number: int = 0,
    size: int = 20,
    sort: str = "index",
    descending: bool = False,
) -> ExamplePage:
    """Returns a page of the examples of a corpus.

    Args:
        folder: the corpus.
        wanted: which examples.
        number: of the page, from 0; the last page if there are fewer.
        size: examples per page, 1 to MAX_PAGE.
        sort: one of SORTABLE; examples without a value come last.
        descending: the largest value first.

    Raises:
        CorpusError: the corpus cannot be read, or a column is unknown."""
    table = query_table(folder)
    size = max(1, min(size, MAX_PAGE))
    where, parameters, searches = _where(wanted)
    [(total, duration_s)] = table.query(
        f"SELECT count(*), coalesce(sum(duration_s), 0) FROM examples {where}", parameters, searches
    )
    number = max(0, min(number, (total - 1) // size))
    order = f"{_known(sort, SORTABLE)} {'DESC' if descending else 'ASC'} NULLS LAST, index"
    found = table.query(
        f"SELECT index, {', '.join(COLUMNS)} FROM examples {where} ORDER BY {order} LIMIT ? OFFSET ?",
        [*parameters, size, number * size],
        searches,
    )
    return ExamplePage([_example(values) for values in found], number, total, duration_s)


def find_example(folder: Path, audio: str) -> Example:
    """Returns the example of an audio path, as in the manifest. Raises CorpusError if there is none."""
    found = query_table(folder).query(f"SELECT index, {', '.join(COLUMNS)} FROM examples WHERE audio = ?", [audio])
    if not found:
        raise CorpusError("that clip is no longer in the dataset; choose another one")
    return _example(found[0])


def matching_audio(folder: Path, wanted: RowFilter, limit: int | None = None) -> list[str]:
    """Returns the audio paths of the matching examples in the order of the manifest, for an edit of all of them."""
    where, parameters, searches = _where(wanted)
    end = "" if limit is None else f" LIMIT {int(limit)}"
    found = query_table(folder).query(f"SELECT audio FROM examples {where} ORDER BY index{end}", parameters, searches)
    return [audio for (audio,) in found]


def histogram(folder: Path, measure: str, wanted: RowFilter = NO_FILTER, bins: int = 40) -> list[Bin]:
    """Returns bins of equal width over all values of a measure; [] if nothing was measured.

    Raises CorpusError for an unknown measure."""
    column, bins = _known(measure, MEASURES), max(1, min(bins, MAX_BINS))
    where, parameters, searches = _where(wanted, f"isfinite({column})")
    table = query_table(folder)
    [(low, high, count)] = table.query(
        f"SELECT min({column}), max({column}), count(*) FROM examples {where}", parameters, searches
    )
    if not count:
        return []
    if low == high:
        return [Bin(low, high, count)]
    width = (high - low) / bins
    counts = dict(
        table.query(
            f"SELECT least(floor(({column} - ?) / ?), ?)::INTEGER AS bin, count(*) FROM examples {where} GROUP BY bin",
            [low, width, bins - 1, *parameters],
            searches,
        )
    )
    return [Bin(low + i * width, low + (i + 1) * width, counts.get(i, 0)) for i in range(bins)]


def vocabulary(folder: Path, wanted: RowFilter = NO_FILTER, limit: int = 200) -> list[Count]:
    """Returns the most frequent words in small letters; a text of a script without spaces is one word."""
    return _counts(folder, WORDS, wanted, limit)


def characters(folder: Path, wanted: RowFilter = NO_FILTER, limit: int = MAX_LIST) -> list[Count]:
    """Returns the characters of the texts with their case, the most frequent first."""
    return _counts(folder, "string_split(nfc_normalize(text), '')", wanted, limit)


def vocabulary_size(folder: Path, wanted: RowFilter = NO_FILTER) -> tuple[int, int]:
    """Returns the number of different words and of all words."""
    where, parameters, searches = _where(wanted)
    sql = f"SELECT count(DISTINCT w), count(w) FROM (SELECT unnest({WORDS}) AS w FROM examples {where})"
    [(different, total)] = query_table(folder).query(sql, parameters, searches)
    return different, total


def amounts(folder: Path, by: Group, wanted: RowFilter = NO_FILTER, limit: int = MAX_LIST) -> list[Amount]:
    """Returns the amount of speech per speaker, language or split, the most speech first."""
    where, parameters, searches = _where(wanted)
    column = _known(by, GROUPS)
    sql = f"""
        SELECT {column}, count(*), sum(duration_s) AS s, count(*) FILTER (len(marks) > 0) FROM examples {where}
        GROUP BY {column} ORDER BY s DESC, {column} LIMIT ?
    """
    return [Amount(*values) for values in query_table(folder).query(sql, [*parameters, limit], searches)]


def mark_counts(folder: Path, wanted: RowFilter = NO_FILTER) -> dict[str, int]:
    """Returns the number of examples by mark, the most frequent first."""
    where, parameters, searches = _where(wanted)
    sql = f"SELECT mark, count(*) AS n FROM (SELECT unnest(marks) AS mark FROM examples {where}) GROUP BY mark"
    return dict(query_table(folder).query(f"{sql} ORDER BY n DESC, mark", parameters, searches))


def measured_count(folder: Path, measure: str) -> int:
    """Returns how many examples have a value of this measure. Raises CorpusError for an unknown measure."""
    return query_table(folder).query(f"SELECT count({_known(measure, MEASURES)}) FROM examples")[0][0]


def _counts(folder: Path, parts: str, wanted: RowFilter, limit: int) -> list[Count]:
    where, parameters, searches = _where(wanted)
    sql = f"""
        SELECT part, count(*) AS n, count(DISTINCT index) FROM
        (SELECT unnest({parts}) AS part, index FROM examples {where}) GROUP BY part ORDER BY n DESC, part LIMIT ?
    """
    return [Count(*values) for values in query_table(folder).query(sql, [*parameters, limit], searches)]


def _where(wanted: RowFilter, *conditions: str) -> tuple[str, list[Any], bool]:
    """Returns the WHERE clause, its parameters, and whether it needs the table of the full-text search."""
    clauses, parameters = [*conditions], []
    for clause, value in _conditions(wanted):
        clauses.append(clause)
        parameters += value
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), parameters, bool(wanted.search.split())


def _conditions(wanted: RowFilter) -> Iterator[tuple[str, Sequence[Any]]]:
    words = wanted.search.split()[:MAX_SEARCHED_WORDS]
    if words:
        contained = " AND ".join(f"contains(t, {folded('?')})" for _ in words)
        yield f"index IN (SELECT index FROM search WHERE {contained})", words
    for column, values in (("split", wanted.splits), ("speaker", wanted.speakers), ("language", wanted.languages)):
        if values:
            yield f"{column} IN ({', '.join('?' * len(values))})", values
    if wanted.marks:
        yield "list_has_any(marks, ?::VARCHAR[])", [list(wanted.marks)]
    if wanted.marked is not None:
        yield f"len(marks) {'>' if wanted.marked else '='} 0", ()
    for name, limits in wanted.ranges.items():
        column = _known(name, MEASURES)
        yield f"{column} IS NOT NULL", ()
        if limits.low is not None:
            yield f"{column} >= ?", [limits.low]
        if limits.high is not None:
            yield f"{column} <= ?", [limits.high]


def _known(name: str, columns: Any) -> str:
    """Returns the name. Raises CorpusError unless it is one of the columns, so that no other text reaches the SQL."""
    if name not in columns:
        raise CorpusError(f"'{name}' is not a column; use one of {', '.join(columns)}")
    return name


def _example(values: Sequence[Any]) -> Example:
    found = dict(zip(COLUMNS, values[1:], strict=True))
    row = Row.model_validate({name: found[name] for name in ROW_COLUMNS})
    return Example(
        values[0], row, {name: found[name] for name in MEASURES}, {name: found[name] or None for name in TEXTS}
    )
