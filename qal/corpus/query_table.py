"""The rows of a corpus and their measures as a table of DuckDB in memory: one per state of the files, cached.

The table is only read. Values of users reach it as parameters, and names of columns come from a fixed list."""

import codecs
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qal.corpus.manifest import MANIFEST_FILE, Row, read_corpus, read_utf8
from qal.corpus.quality.measures import AGREEMENT_FILE, QUALITY_FILE, Agreement, AudioMeasures
from qal.errors import CorpusError
from qal.storage import storage_errors

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CACHED_TABLES = 4
MEMORY_LIMIT = "400MB"  # of one corpus; beyond it DuckDB writes to temporary files
ROWS_PER_GROUP = 8192  # DuckDB gives each core some groups; its default would leave all rows to one core
SQL_TYPES = {float: "DOUBLE", int: "BIGINT", str: "VARCHAR"}
ROW_COLUMNS: Mapping[str, str] = {
    name: {"duration_s": "DOUBLE", "marks": "VARCHAR[]", "notes": "VARCHAR[]"}.get(name, "VARCHAR")
    for name in Row.model_fields
}
# Name of a measure -> its expression over the stored columns, computed when a query asks for it
COMPUTED: Mapping[str, str] = {
    "characters": "length(text)",
    "words": "length(text) - length(replace(text, ' ', '')) + (text <> '')::INTEGER",
    "characters_per_s": "length(text) / nullif(duration_s, 0)",
}
# Name of a measure -> its column in `q` (quality) or `a` (agreement)
STORED: Mapping[str, str] = {
    **{
        name: f"q.{name}"
        for name in (
            "snr_db",
            "loudness_lufs",
            "peak_db",
            "clipped_share",
            "bandwidth_hz",
            "speech_share",
            "lead_s",
            "tail_s",
            "dnsmos",
        )
    },
    **{name: f"a.{name}" for name in ("wer", "cer", "text_logprob", "language_probability", "disagreement")},
}
MEASURES = ("duration_s", *COMPUTED, *STORED)
TEXTS: Mapping[str, str] = {"heard": "a.heard", "heard_language": "a.heard_language", "model": "a.model"}

State = tuple[tuple[int, int, int] | None, ...]  # inode, time of change in ns and size of each file


class QueryTable:
    """The table `examples` of one corpus: `index` (line of the manifest), the fields of Row, MEASURES and TEXTS."""

    def __init__(self, folder: Path):
        """Reads the files. Raises CorpusError if the manifest is missing or invalid."""
        import duckdb  # takes a tenth of a second

        self.folder = folder
        settings: dict[str, Any] = {"threads": min(2, os.cpu_count() or 1), "memory_limit": MEMORY_LIMIT}
        self._connection = duckdb.connect(config=settings)
        self._connection.execute(f"ATTACH ':memory:' AS corpus (ROW_GROUP_SIZE {ROWS_PER_GROUP})")
        self._connection.execute("USE corpus")
        try:
            with storage_errors(str(folder)):
                self._load()
        except duckdb.Error as error:
            read_corpus(folder, max_missing_share=1)  # names the line that is wrong
            raise CorpusError(
                f"{folder}: {MANIFEST_FILE} cannot be read ({error}); import the dataset again"
            ) from error
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")
        self._search_error: Exception | None = None
        self._search_loader = threading.Thread(target=self._load_search)  # DuckDB does not survive the end of a daemon
        self._search_loader.start()  # it takes longer than the first page, which does not need it

    def query(self, sql: str, parameters: Sequence[Any] = (), searches: bool = False) -> list[tuple[Any, ...]]:
        """Runs a query that only reads; any thread may call it.

        Args:
            sql: a statement made of fixed text and names of MEASURES, ROW_COLUMNS and TEXTS.
            parameters: the values of its question marks.
            searches: it uses the table `search`, which is ready a little later than `examples`."""
        if searches:
            self._search_loader.join()
            if self._search_error:
                raise self._search_error
        return _cursor(self._connection).execute(sql, [_encodable(value) for value in parameters]).fetchall()

    def _load(self) -> None:
        files = (
            ("m", self.folder / MANIFEST_FILE, ROW_COLUMNS),
            ("q", self.folder / QUALITY_FILE, _sql_columns(AudioMeasures)),
            ("a", self.folder / AGREEMENT_FILE, _sql_columns(Agreement)),
        )
        with ThreadPoolExecutor(len(files)) as pool:  # numbering the lines takes one core for each file
            for loaded in [pool.submit(self._read, *file) for file in files]:
                loaded.result()
        stored = ", ".join(f"{sql} AS {name}" for name, sql in {**STORED, **TEXTS}.items())
        self._connection.execute(
            f"""
            CREATE TABLE stored AS SELECT m.*, {stored} FROM m
            LEFT JOIN {self._last("q", "sha256")} q ON q.sha256 = m.sha256
            LEFT JOIN {self._last("a", "sha256, text")} a ON a.sha256 = m.sha256 AND a.text = m.text
            """
        )
        defaults = {"marks": "[]", "notes": "[]"}
        row = ", ".join(f"coalesce({name}, {defaults.get(name, repr(''))}) AS {name}" for name in ROW_TEXTS)
        computed = ", ".join(f"{sql} AS {name}" for name, sql in COMPUTED.items())
        kept = ", ".join(("duration_s", *STORED, *TEXTS))
        self._connection.execute(f"CREATE VIEW examples AS SELECT index, {row}, {computed}, {kept} FROM stored")
        for table in "mqa":
            self._connection.execute(f"DROP TABLE {table}")
        if not self.query("SELECT count(*) FROM examples")[0][0]:
            raise CorpusError(f"{self.folder}: {MANIFEST_FILE} has no examples; import the dataset again with --force")

    def _last(self, table: str, key: str) -> str:
        """Returns the SQL of a table of measures with only the last line of each key."""
        [(lines, keys)] = self.query(f"SELECT count(*), count(DISTINCT ({key})) FROM {table}")
        if lines == keys:  # the usual case, which needs no sorting
            return table
        return f"(SELECT * FROM {table} QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY index DESC) = 1)"

    def _read(self, table: str, path: Path, columns: Mapping[str, str]) -> None:
        """Creates a table from a file of JSON lines; an empty one if the file is missing."""
        if path.is_file():
            types = ", ".join(f"{name}: '{sql_type}'" for name, sql_type in columns.items())
            lenient = "false" if path.name == MANIFEST_FILE else "true"  # a torn last line of measures is left out
            source = f"read_json(?, format = 'newline_delimited', columns = {{{types}}}, ignore_errors = {lenient})"
            select = f"SELECT row_number() OVER () - 1 AS index, * FROM {source}"
            with _as_utf8(path) as utf8:
                _cursor(self._connection).execute(f"CREATE TABLE {table} AS {select}", [_without_patterns(utf8)])
        else:
            fields = ", ".join(f"{name} {sql_type}" for name, sql_type in columns.items())
            _cursor(self._connection).execute(f"CREATE TABLE {table} (index BIGINT, {fields})")

    def _load_search(self) -> None:
        """Creates the table `search`: what a full-text search looks through, in small letters and composed."""
        text = "concat_ws(chr(10), text, speaker, audio)"
        try:
            _cursor(self._connection).execute(f"CREATE TABLE search AS SELECT index, {folded(text)} AS t FROM examples")
        except Exception as error:  # raised again by the query that needs the table
            self._search_error = error


ROW_TEXTS = tuple(name for name in ROW_COLUMNS if name not in MEASURES)


def query_table(folder: Path) -> QueryTable:
    """Returns the table of a corpus, read again only if its files have changed. Raises CorpusError."""
    folder = folder.parent if folder.name == MANIFEST_FILE else folder
    state = tuple(_file_state(folder / name) for name in (MANIFEST_FILE, QUALITY_FILE, AGREEMENT_FILE))
    if state[0] is None:
        read_corpus(folder)  # raises the error that says what is missing
    return _cached_table(folder, state)


@lru_cache(CACHED_TABLES)
def _cached_table(folder: Path, _state: State) -> QueryTable:
    return QueryTable(folder)


def folded(sql: str) -> str:
    """Returns the SQL expression for a text without differences of case and of composed characters."""
    return f"lower(nfc_normalize({sql}))"


def _cursor(connection: "DuckDBPyConnection") -> "DuckDBPyConnection":
    """Returns a connection of its own to the same tables, because one connection runs one statement at a time."""
    cursor = connection.cursor()
    cursor.execute("USE corpus")
    return cursor


def _encodable(value: Any) -> Any:
    """Returns the value, in a text with a question mark for half a surrogate pair, which a browser may send."""
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _file_state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _sql_columns(model: type[AudioMeasures] | type[Agreement]) -> dict[str, str]:
    return {
        name: "DOUBLE" if field.annotation == float | None else "VARCHAR" for name, field in model.model_fields.items()
    }


@contextmanager
def _as_utf8(path: Path) -> Iterator[Path]:
    """Yields the file, or a temporary copy without a byte order mark, which DuckDB does not know in JSON."""
    with path.open("rb") as file:
        has_mark = file.read(2) in (codecs.BOM_UTF8[:2], codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if not has_mark:
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as copy:
        copy.write(read_utf8(path))
        copy.flush()
        yield Path(copy.name)


def _without_patterns(path: Path) -> str:
    """Returns the path so that DuckDB takes * ? and [ as characters of its name."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path.resolve()))
