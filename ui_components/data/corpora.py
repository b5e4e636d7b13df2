"""The corpora of the data folder, read once and kept while their manifest stays the same."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from qal.corpus.manifest import CORPUS_INFO, MANIFEST, Corpus, Row, read_corpus
from qal.corpus.split import SPLITS
from qal.corpus.statistics import Figures, corpus_statistics
from qal.errors import CorpusError
from ui_components.widgets.choices import corpus_choices

ALL = "all"
PAGE_ROWS = 15
KEPT_CORPORA = 4


@dataclass(frozen=True)
class Known:
    corpus: Corpus
    figures: list[Figures]

    @property
    def version(self) -> tuple[str, str]:
        return str(self.corpus.folder), self.corpus.info.version


@dataclass(frozen=True)
class Page:
    """Some rows of a corpus, with their places in it."""

    rows: list[tuple[int, Row]]
    number: int  # of the page, from 0
    found: int  # rows on all pages

    @property
    def first(self) -> int:
        return self.number * PAGE_ROWS

    @property
    def is_last(self) -> bool:
        return self.first + len(self.rows) >= self.found


def known_corpus(data: Path, folder: str | None) -> Known:
    """One of the data folder's own. Raises CorpusError: none was chosen, it is gone or broken."""
    if folder not in {value for _, value in corpus_choices(data)}:
        raise CorpusError("choose a corpus first")
    paths = [Path(folder, name) for name in (MANIFEST, CORPUS_INFO)]
    return _read(Path(folder), tuple(p.stat().st_mtime_ns if p.exists() else 0 for p in paths))


@lru_cache(KEPT_CORPORA)
def _read(folder: Path, changed: tuple[int, ...]) -> Known:
    corpus = read_corpus(folder, gone_share=1)  # a row whose audio is gone says so when it is chosen
    return Known(corpus, corpus_statistics(corpus))


def page_of(corpus: Corpus, search: str, split: str, number: int) -> Page:
    """Rows of a split (or of ALL) that hold every word of `search` in their text, speaker or path."""
    words = search.casefold().split()
    found = [
        (i, row)
        for i, row in enumerate(corpus.rows)
        if split in (ALL, row.split) and all(w in f"{row.text}\n{row.speaker}\n{row.audio}".casefold() for w in words)
    ]
    number = max(0, min(number, (len(found) - 1) // PAGE_ROWS))
    return Page(found[number * PAGE_ROWS :][:PAGE_ROWS], number, len(found))


def row_at(corpus: Corpus, place: object) -> tuple[int, Row]:
    """The row at the place that a browser named. Raises CorpusError."""
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(corpus.rows):
        raise CorpusError("that row is no longer in the corpus; choose another one")
    return place, corpus.rows[place]


def split_choices() -> list[tuple[str, str]]:
    return [("All", ALL), *((split.capitalize(), split) for split in SPLITS)]


def other_voices(corpus: Corpus, row: Row, count: int) -> tuple[Path, ...]:
    """Other rows, spread over the corpus: what babble is made of."""
    others = [r for r in corpus.rows if r.audio != row.audio]
    some = others[:: max(1, len(others) // count)][:count]
    return tuple(path.resolve() for path in map(corpus.audio_path, some) if path.is_file())
