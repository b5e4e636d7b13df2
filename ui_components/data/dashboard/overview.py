"""The numbers of a dataset for its dashboard, from queries; cached until its files change."""

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from qal.corpus.manifest import CORPUS_INFO_FILE, Origin, Row
from qal.corpus.quality.letters import writing_style_notes
from qal.corpus.query import (
    Amount,
    Bin,
    Count,
    RowFilter,
    amounts,
    characters,
    histogram,
    mark_counts,
    measured_count,
    vocabulary,
    vocabulary_size,
)
from qal.corpus.query_table import query_table
from qal.corpus.speakers import speaker_key
from qal.corpus.split import SPLITS, Split
from qal.corpus.versions.store import Version as RecordedVersion
from qal.corpus.versions.store import list_versions
from qal.errors import CorpusError, StorageError
from qal.storage import require_regular
from ui_components.data.corpora import Version, version_of
from ui_components.data.dashboard.tokens import TokenStatistics, token_statistics

HISTOGRAMS = ("duration_s", "characters_per_s", "snr_db", "disagreement")
BINS = 30
MAX_WORDS = 10_000  # different words whose tokens are counted
CACHED = 4


@dataclass(frozen=True)
class SplitAmount:
    """The examples of a split that are not marked."""

    split: Split
    clips: int
    duration_s: float
    words: int
    speakers: int
    marked: int  # not among the clips


@dataclass(frozen=True)
class Overview:
    """Everything that the dashboard shows of a dataset."""

    origin: Origin
    version: str
    versions: list[RecordedVersion]  # the oldest first; empty if the list cannot be read
    splits: list[SplitAmount]
    languages: list[Amount]
    speakers: list[Amount]
    words: list[Count]  # the most frequent
    different_words: int
    all_words: int
    characters: list[Count]
    histograms: dict[str, list[Bin]]  # by measure; only those that were measured
    marks: dict[str, int]
    style: list[str]  # sentences about what the texts will teach a model
    measured: int  # examples whose audio was measured
    too_long: int  # examples beyond Whisper's window
    tokens: TokenStatistics | None = field(default=None)

    @property
    def clips(self) -> int:
        return sum(part.clips + part.marked for part in self.splits)

    @property
    def duration_s(self) -> float:
        return sum(amount.duration_s for amount in self.languages)

    @property
    def named_speakers(self) -> int:
        return len({speaker_key(amount.name) for amount in self.speakers} - {""})


def overview_of(folder: Path, model: str) -> Overview:
    """Returns the numbers of a dataset. `model` is the one whose tokens are counted. Raises CorpusError."""
    return _overview(folder, model, version_of(folder))


@lru_cache(CACHED)
def _overview(folder: Path, model: str, _version: Version) -> Overview:
    from qal.audio.samples import WINDOW_S
    from qal.corpus.query import Range

    different, total = vocabulary_size(folder)
    words = vocabulary(folder, limit=MAX_WORDS)
    too_long = RowFilter(ranges={"duration_s": Range(WINDOW_S + 1e-9, None)})
    return Overview(
        origin=_origin(folder),
        version=_content_version(folder),
        versions=_versions(folder),
        splits=[part for split in SPLITS if (part := _split_amount(folder, split))],
        languages=amounts(folder, "language"),
        speakers=amounts(folder, "speaker"),
        words=words,
        different_words=different,
        all_words=total,
        characters=characters(folder),
        histograms={name: bins for name in HISTOGRAMS if (bins := histogram(folder, name, bins=BINS))},
        marks=mark_counts(folder),
        style=_style(folder),
        measured=measured_count(folder, "peak_db"),
        too_long=sum(amount.examples for amount in amounts(folder, "split", too_long)),
        tokens=token_statistics(words, model),
    )


def _split_amount(folder: Path, split: Split) -> SplitAmount | None:
    """Returns the amount of a split, None if it has no example."""
    marked = sum(amount.examples for amount in amounts(folder, "split", RowFilter(splits=(split,), marked=True)))
    used = RowFilter(splits=(split,), marked=False)
    (amount,) = amounts(folder, "split", used) or [Amount(split, 0, 0.0, 0)]
    if not amount.examples and not marked:
        return None
    speakers = len({speaker_key(speaker.name) for speaker in amounts(folder, "speaker", used)} - {""})
    return SplitAmount(split, amount.examples, amount.duration_s, vocabulary_size(folder, used)[1], speakers, marked)


def _style(folder: Path) -> list[str]:
    texts = query_table(folder).query("SELECT text FROM examples")
    return writing_style_notes([Row.model_construct(text=text) for (text,) in texts])


def _origin(folder: Path) -> Origin:
    """Reads corpus.json; a dataset that was made by hand may have none."""
    try:
        return Origin.model_validate_json(require_regular(folder / CORPUS_INFO_FILE).read_bytes())
    except (OSError, ValueError, StorageError):
        return Origin(name=folder.name)


def _versions(folder: Path) -> list[RecordedVersion]:
    try:
        return list_versions(folder)
    except (CorpusError, StorageError):  # `qal corpus versions` says what is damaged
        return []


def _content_version(folder: Path) -> str:
    import hashlib

    from qal.corpus.manifest import MANIFEST_FILE, read_utf8

    return hashlib.sha256(read_utf8(folder / MANIFEST_FILE)).hexdigest()
