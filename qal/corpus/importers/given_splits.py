"""The split that a source gives its recordings: in a column of a table, or by folders named train, validation, test."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import cast

from qal.corpus.split import SPELLINGS, Split, parse_split
from qal.errors import CorpusError

SPLIT_COLUMN = "split"
NAMED_COLUMNS = (SPLIT_COLUMN, "subset", "partition", "set")  # all but the first may hold something else
NO_VALUES = {"", "nan", "none", "null"}
MAX_QUOTED_CHARACTERS = 40


class SplitColumn:
    """Finds the column of a table that names the splits. Feed all records, then call `name`.

    A column of another name is taken if it holds nothing but names of splits, "train" and another one among them.

    Args:
        table: the table, for errors.
        unit: what the numbers of the records count, such as "line"."""

    def __init__(self, table: Path, unit: str = "row"):
        self._table, self._unit = table, unit
        self._first_rows: dict[str, dict[str, int]] = defaultdict(dict)  # row number by value, by column
        self._excluded: set[str] = set()  # unnamed columns with a value that is no name of a split

    def feed(self, number: int, record: Mapping[str, object]) -> None:
        for column in record:
            value = "" if column in self._excluded else split_value(record, column)
            if value and column not in NAMED_COLUMNS and parse_split(value) is None:
                self._excluded.add(column)
            elif value:
                self._first_rows[column].setdefault(value, number)

    def name(self) -> str | None:
        """Returns the column, None if there is none. Raises CorpusError for a value that is no name of a split."""
        for column in NAMED_COLUMNS:
            rows = self._first_rows.get(column, {})
            unknown = [value for value in rows if parse_split(value) is None]
            if unknown and (column == SPLIT_COLUMN or len(unknown) < len(rows)):
                raise self._unknown_value(column, unknown[0], rows[unknown[0]])
            if rows and not unknown:
                return column
        return next((column for column in self._first_rows if self._is_split_by_content(column)), None)

    def _is_split_by_content(self, column: str) -> bool:
        if column in NAMED_COLUMNS or column in self._excluded:
            return False
        splits = set(map(parse_split, self._first_rows[column]))
        return "train" in splits and len(splits) > 1

    def _unknown_value(self, column: str, value: str, number: int) -> CorpusError:
        quoted = value[:MAX_QUOTED_CHARACTERS]
        return CorpusError(
            f"{self._table}: {self._unit} {number} has '{quoted}' in its column '{column}', which is no "
            f"split; write {', '.join(SPELLINGS)}, or rename the column"
        )


def split_value(record: Mapping[str, object], column: str | None) -> str:
    """Returns the value of a record's column, "" if it has none."""
    value = str(record.get(column) or "").strip() if column else ""
    return "" if value.casefold() in NO_VALUES else value


def folder_split(path: PurePath) -> str:
    """Returns the first folder of a relative path that is named like a split, "" if there is none."""
    return next((folder for folder in path.parts[:-1] if parse_split(folder)), "")


def resolve_splits(names: Sequence[str]) -> list[Split | None]:
    """Converts the names that a source uses for splits; None for an empty name.

    "eval" is the validation split beside a test split, and the test split otherwise."""
    found = [parse_split(name) if name else None for name in names]
    evaluation: Split = "validation" if "test" in found else "test"
    return [evaluation if split == "evaluation" else cast("Split | None", split) for split in found]


def given_by_path(audio_paths: Iterable[str], names: Sequence[str]) -> dict[str, Split]:
    """Returns the split of each audio path whose source names one."""
    return {path: split for path, split in zip(audio_paths, resolve_splits(names), strict=True) if split}
