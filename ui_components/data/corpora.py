"""Reads the corpora of the data folder, cached until a manifest changes, and selects pages of their rows."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE, Corpus, Row, read_corpus
from qal.corpus.split import SPLITS
from qal.corpus.statistics import SplitStatistics, corpus_statistics
from qal.errors import CorpusError
from ui_components.widgets.choices import corpus_choices

ALL_SPLITS = "all"
ROWS_PER_PAGE = 15
CACHED_CORPORA = 4


@dataclass(frozen=True)
class CorpusView:
    """A corpus and its statistics."""

    corpus: Corpus
    statistics: list[SplitStatistics]

    @property
    def version(self) -> tuple[str, str]:
        """The folder and the content version; it changes when the page must be updated."""
        return str(self.corpus.folder), self.corpus.info.version


@dataclass(frozen=True)
class RowPage:
    """One page of the matching rows, each with its index in the corpus."""

    rows: list[tuple[int, Row]]
    number: int  # of the page, from 0
    total: int  # matching rows on all pages

    @property
    def first(self) -> int:
        return self.number * ROWS_PER_PAGE

    @property
    def is_last(self) -> bool:
        return self.first + len(self.rows) >= self.total


def load_corpus(data: Path, folder: str | None) -> CorpusView:
    """Loads a corpus of the data folder. Raises CorpusError: none is selected, it is missing or broken."""
    if folder not in {value for _, value in corpus_choices(data)}:
        raise CorpusError("choose a dataset first")
    files = [Path(folder, name) for name in (MANIFEST_FILE, CORPUS_INFO_FILE)]
    return _read(Path(folder), tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files))


@lru_cache(CACHED_CORPORA)
def _read(folder: Path, modified_ns: tuple[int, ...]) -> CorpusView:
    corpus = read_corpus(folder, max_missing_share=1)  # missing audio is reported when its row is selected
    return CorpusView(corpus, corpus_statistics(corpus))


def page_of(corpus: Corpus, search: str, split: str, number: int) -> RowPage:
    """The rows of a split (or of ALL_SPLITS) whose text, speaker or path contain every word of `search`."""
    words = search.casefold().split()
    matches = [
        (index, row)
        for index, row in enumerate(corpus.rows)
        if split in (ALL_SPLITS, row.split) and all(word in _searchable_text(row) for word in words)
    ]
    number = max(0, min(number, (len(matches) - 1) // ROWS_PER_PAGE))
    return RowPage(matches[number * ROWS_PER_PAGE :][:ROWS_PER_PAGE], number, len(matches))


def _searchable_text(row: Row) -> str:
    return f"{row.text}\n{row.speaker}\n{row.audio}".casefold()


def row_at(corpus: Corpus, index: object) -> tuple[int, Row]:
    """The row at an index that the browser sent, as (index, row). Raises CorpusError."""
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(corpus.rows):
        raise CorpusError("that clip is no longer in the dataset; choose another one")
    return index, corpus.rows[index]


def split_choices() -> list[tuple[str, str]]:
    return [("All", ALL_SPLITS), *((split.capitalize(), split) for split in SPLITS)]


def babble_paths(corpus: Corpus, row: Row, count: int) -> tuple[Path, ...]:
    """Audio files of other rows, spread over the corpus, for background voices in augmentation."""
    others = [other for other in corpus.rows if other.audio != row.audio]
    sample = others[:: max(1, len(others) // count)][:count]
    return tuple(path.resolve() for path in map(corpus.audio_path, sample) if path.is_file())
