"""The format "table": a table that names recordings and their texts, with the recordings in its folder."""

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.folder import has_text_files, list_folder
from qal.corpus.importers.given_splits import SplitColumn
from qal.corpus.importers.listing import Listing, ListingOptions, Role, SourceFormat
from qal.corpus.importers.tables.columns import (
    WEAK_NAMES,
    ColumnsError,
    Roles,
    column_key,
    find_roles,
    known_columns,
    text_of,
    value_of,
)
from qal.corpus.importers.tables.json_objects import JSON_SUFFIX, is_clip_json
from qal.corpus.importers.tables.listing_rows import TableRows
from qal.corpus.importers.tables.locating import FileLocator
from qal.corpus.importers.tables.reading import TABLE_SUFFIXES, TEXT_SUFFIX, is_table, read_table
from qal.corpus.importers.tables.records import Record, Table
from qal.corpus.importers.timed.cue_text import recurring_labels
from qal.corpus.split import parse_split
from qal.errors import CorpusError

MAIN_NAME = "metadata"  # of the hub's audiofolder layout; also one in each subfolder
SAMPLE_ROWS = 20  # by whose values the column of the files is found
MAX_NAMED = 5  # of tables that are not read
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")  # whose values may be objects
SIZED = (".parquet",)  # tables that may hold the audio: they are not read twice


def find_tables(source: Path, is_main_alone: bool = True) -> list[Path]:
    """Returns the tables of a source: itself, or those named metadata.*, or all others; a hidden one is none.

    Args:
        source: a folder or a table.
        is_main_alone: False: all tables, also beside those named metadata.*."""
    if source.is_file():
        return [source] if is_table(source) else []
    tables = []
    for parent, folders, names in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(".")]
        tables += [path for path in _may_be_tables(parent, names) if is_table(path)]
    main = [path for path in sorted(tables) if path.stem.lower() == MAIN_NAME] if is_main_alone else []
    return main or sorted(tables)


def _may_be_tables(folder: str, names: list[str]) -> Iterator[Path]:
    """Yields the files of a folder that may be tables.

    A text with the name of another file is its text, and so is a JSON object with the name of a recording."""
    stems = {os.path.splitext(name)[0] for name in names if not name.lower().endswith(TEXT_SUFFIX)}
    recordings = {os.path.splitext(name)[0] for name in names if _is_named_audio(name)}
    for name in names:
        stem, suffix = os.path.splitext(name)
        path, suffix = Path(folder, name), suffix.lower()
        if suffix == JSON_SUFFIX and (stem in recordings or _is_named_audio(stem)) and is_clip_json(path):
            continue
        if suffix in TABLE_SUFFIXES or (suffix == TEXT_SUFFIX and stem not in stems):
            yield path


def _is_named_audio(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES


def list_tables(source: Path, options: ListingOptions) -> Listing:
    """Lists the rows of the tables of a source.

    Raises CorpusError, which names the columns that there are and those that are wanted, if none can be used."""
    folder = source if source.is_dir() else source.parent
    if options.no_text and source.is_dir() and not options.columns:
        return list_folder(source, options)
    used = _usable_tables(find_tables(source), options)
    locator = FileLocator(folder, options.audio_folders)
    rows = [
        TableRows(table, _with_split(table, roles, options), folder, locator, options, _labels(table, roles, options))
        for table, roles in used
    ]
    first = rows[0]
    notes = dict.fromkeys(table.notes for table, _ in used if table.notes)
    unused = _unused(source, [table.path for table, _ in used])
    if unused:
        notes[f"Not read: {', '.join(unused)}"] = None
    return Listing(
        entries=chain.from_iterable(row.entries() for row in rows),
        columns=first.table.columns,
        roles={role: columns[0] for role, columns in first.roles.items()},
        notes=" ".join(f"{note}." for note in notes),
    )


def _unused(source: Path, used: list[Path]) -> list[str]:
    """Returns the names of the tables beside the used ones that might list recordings, too."""
    others = [path for path in find_tables(source, is_main_alone=False) if path not in used]
    return [path.name for path in others if _lists_recordings(path)][:MAX_NAMED]


def _usable_tables(paths: list[Path], options: ListingOptions) -> list[tuple[Table, Roles]]:
    """Opens the tables that list recordings. Raises the error of the first one if there is none."""
    required: list[Role] = ["file"] if options.no_text else ["file", "text"]
    usable: list[tuple[Table, Roles]] = []
    first_error: CorpusError | None = None
    for path in paths:
        try:
            usable.append(_with_roles(path, options, required))
        except CorpusError as error:
            if path.stem.lower() == MAIN_NAME:
                raise
            first_error = first_error or error
    if not usable:
        raise first_error or CorpusError("there is no table; give one as CSV, TSV, JSON lines, Parquet or XLSX")
    named = [(table, roles) for table, roles in usable if parse_split(table.path.stem)]
    return named if any(parse_split(table.path.stem) == "train" for table, _ in named) else usable


def _with_roles(path: Path, options: ListingOptions, required: list[Role]) -> tuple[Table, Roles]:
    """Opens a table and finds its columns. Its first line may be a row already: the name of a recording, and a text."""
    table = read_table(path, known_columns(), options.language)
    try:
        return table, _roles(table, options, required)
    except ColumnsError:
        if len(table.columns) != 2 or table.unit != "line" or path.suffix.lower() in JSON_SUFFIXES:
            raise
        if isinstance(FileLocator(path.parent, options.audio_folders).find(table.columns[0], path.parent), str):
            raise
    table = read_table(path, known_columns(), options.language, ("file", "text"))
    return table, _roles(table, options, required)


def _roles(table: Table, options: ListingOptions, required: list[Role]) -> Roles:
    """Finds the columns; a translation may stand in for the text."""
    options = _with_text_column(table, _with_file_column(table, options))
    roles = _found(table, options, [])
    return roles if "translation" in roles and "file" in roles else _found(table, options, required)


def _found(table: Table, options: ListingOptions, required: list[Role]) -> Roles:
    return find_roles(table.path.name, table.columns, options.columns, required, options.language)


def _with_file_column(table: Table, options: ListingOptions) -> ListingOptions:
    """Chooses the only column whose values are names of audio files, if none has a name that says so."""
    if "file" in options.columns or table.path.suffix.lower() in (*SIZED, *JSON_SUFFIXES):
        return options
    named = _found(table, options, []).get("file", ())
    first = [record.values for record in islice(_records(table), SAMPLE_ROWS)]
    by_value = [column for column in table.columns if _names_audio([values.get(column) for values in first])]
    if named and column_key(named[0]) not in WEAK_NAMES and not set(by_value) & set(named[1:]):
        return options
    if set(named[:1]) & set(by_value):
        return options
    if len(by_value) != 1 or by_value[0] in options.columns.values():
        return options
    return replace(options, columns={**options.columns, "file": by_value[0]})


def _with_text_column(table: Table, options: ListingOptions) -> ListingOptions:
    """Chooses the first of several columns for the text that is not empty in all of the first rows."""
    named = _found(table, options, []).get("text", ())
    if "text" in options.columns or len(named) < 2 or table.path.suffix.lower() in SIZED:
        return options
    first = [record.values for record in islice(_records(table), SAMPLE_ROWS)]
    filled = [name for name in named if any(text_of(values.get(name)) for values in first)]
    if not filled or filled[0] == named[0]:
        return options
    return replace(options, columns={**options.columns, "text": filled[0]})


def _names_audio(values: list[object]) -> bool:
    """True if all values that are there are names of audio files."""
    names = [str(value) for value in values if value not in (None, "")]
    return bool(names) and all(os.path.splitext(name.strip())[1].lower() in AUDIO_SUFFIXES for name in names)


def _with_split(table: Table, roles: Roles, options: ListingOptions) -> Roles:
    """Adds the column that names the split, which is found by its content."""
    if "split" in roles:
        return roles
    used = {column for columns in roles.values() for column in columns}
    spellings = {column.strip().lower(): column for column in table.columns if column not in used}
    columns = SplitColumn(table.path, table.unit)
    for record in _records(table):
        columns.feed(record.number, {name: record.values.get(column) for name, column in spellings.items()})
    name = columns.name()
    return {**roles, "split": (spellings[name],)} if name else roles


def _labels(table: Table, roles: Roles, options: ListingOptions) -> frozenset[str]:
    """Returns the names of speakers with which the texts of a table begin, if no column holds the speakers."""
    if "speaker" in roles or options.no_text:
        return frozenset()
    texts = (text_of(value_of(record.values, roles.get("text", ()))) for record in _records(table))
    return recurring_labels(filter(None, texts))


def _records(table: Table) -> Iterator[Record]:
    if table.path.suffix.lower() not in SIZED:
        yield from (record for record in table.records() if isinstance(record, Record))


def _recognises(source: Path) -> bool:
    """True for a table, and for a folder with tables one of which names files and texts.

    A folder with tables alone is recognised, too: its error says which columns are missing."""
    tables = find_tables(source)
    if not tables or source.is_file() or tables[0].stem.lower() == MAIN_NAME:
        return bool(tables)
    return any(_lists_recordings(path) for path in tables) or not has_text_files(source)


def _lists_recordings(path: Path) -> bool:
    try:
        _roles(read_table(path, known_columns()), ListingOptions(), ["file", "text"])
    except CorpusError:
        return False
    return True


TABLE = SourceFormat(
    name="table",
    title="a table of recordings",
    description=(
        "a CSV, TSV, JSON, Parquet or XLSX table with a column for the file and one for the text, "
        "and the recordings in its folder"
    ),
    recognises=_recognises,
    list=list_tables,
)
