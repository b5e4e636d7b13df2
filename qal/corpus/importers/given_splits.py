"""The split that a source gives its recordings: in a column of a table, or by folders named train, validation, test."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import cast

from qal.corpus.split import SPELLINGS, Split, parse_split
from qal.errors import CorpusError

SPLIT_COLUMN = "split"
OTHER_SPLIT_COLUMNS = ("subset", "partition", "set")  # used only if they hold names of splits
NO_VALUES = {"", "nan", "none", "null"}
MAX_QUOTED_CHARACTERS = 40


class SplitColumn:
    """Finds the column of a table that names the splits. Feed all records, then call `name`."""

    def __init__(self, table: Path):
        self._table = table
        self._first_rows: dict[str, dict[str, int]] = defaultdict(dict)  # row number by value, by column

    def feed(self, number: int, record: Mapping[str, object]) -> None:
        for column in (SPLIT_COLUMN, *OTHER_SPLIT_COLUMNS):
            value = split_value(record, column)
            if value:
                self._first_rows[column].setdefault(value, number)

    def name(self) -> str | None:
        """Returns the column, None if there is none. Raises CorpusError for a value that is no name of a split."""
        for column, rows in self._first_rows.items():
            unknown = [value for value in rows if parse_split(value) is None]
            if unknown and (column == SPLIT_COLUMN or len(unknown) < len(rows)):
                raise self._unknown_value(column, unknown[0], rows[unknown[0]])
            if not unknown:
                return column
        return None

    def _unknown_value(self, column: str, value: str, number: int) -> CorpusError:
        return CorpusError(
            f"{self._table}: row {number} has '{value[:MAX_QUOTED_CHARACTERS]}' in its column '{column}', which is no "
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
