"""The results of a preview and of an import."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qal.corpus.importers.listing import Problem, Role
from qal.corpus.manifest import UNKNOWN, Corpus
from qal.errors import CorpusError

PREVIEW_ROWS = 10
QUOTED_PROBLEMS = 5  # in the message of an import that stops
MAX_PROBLEM_SHARE = 0.1  # of the entries of a source; above it, an import stops
KEPT = ". What was converted is kept for the next try"
Stage = Literal["unpack", "list", "convert", "write"]


@dataclass(frozen=True)
class PreviewRow:
    """One of the first examples, as it will be."""

    place: str  # where the source lists it
    audio: str  # file, and the part of it, such as "interview.mp3, 12.34-15.20 s"
    text: str
    duration_s: float
    language: str
    speaker: str = ""
    translation: str = ""
    split_name: str = ""  # as the source spells it; empty: the import decides
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # what is changed in its audio


@dataclass(frozen=True)
class Preview:
    """The corpus that an import of a source would make, before anything is written."""

    format_name: str
    format_title: str
    rows: tuple[PreviewRow, ...]  # the first ones
    count: int  # of examples, as far as can be said without decoding all audio
    count_is_complete: bool  # False if the source has more examples than were listed
    problems: tuple[Problem, ...]
    columns: tuple[str, ...] = ()
    roles: Mapping[Role, str] = field(default_factory=dict)
    split_counts: Mapping[str, int] = field(default_factory=dict)  # examples by the source's names of splits
    speakers: int = 0
    licence: str = UNKNOWN
    attribution: str = ""
    source: str = ""
    notes: str = ""
    stops: str = ""  # why the import would stop; empty if it would not


@dataclass(frozen=True)
class ImportProgress:
    """How far an import is."""

    stage: Stage
    done: int = 0  # entries
    total: int | None = None  # entries; None if the source is listed while it is read
    problems: int = 0
    speech_s: float = 0.0  # duration of the examples so far
    eta_s: float | None = None


@dataclass(frozen=True)
class ImportResult:
    """A corpus that was imported, and what should be known about it."""

    corpus: Corpus
    problems: tuple[Problem, ...]  # entries that did not become examples
    notes: tuple[str, ...]  # whole sentences
    resumed: int = 0  # entries that an earlier, interrupted import had converted


OnProgress = Callable[[ImportProgress], object]


def ignore_progress(_progress: ImportProgress) -> None:
    """Discards the progress; the default for `on_progress`."""


class ProblemsError(CorpusError):
    """Too many entries of a source cannot be used.

    `problems` holds all that were found, and `is_kept` is True if an import keeps what it converted."""

    def __init__(self, problems: Sequence[Problem], total: int, max_share: float, is_kept: bool = False):
        self.problems, self.is_kept = tuple(problems), is_kept
        listed = "; ".join(str(problem) for problem in self.problems[:QUOTED_PROBLEMS])
        more = len(self.problems) - QUOTED_PROBLEMS
        others = f"; and {more} more" if more > 0 else ""
        if len(self.problems) >= total:
            super().__init__(f"none of the {len(self.problems):,} entries can be used: {listed}{others}")
            return
        super().__init__(
            f"{len(self.problems):,} of {total:,} entries cannot be used, more than {max_share:.0%}: {listed}{others}. "
            f"Correct them, or allow more with --max-problems{KEPT if is_kept else ''}"
        )
