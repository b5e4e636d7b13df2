"""The datasets of the data folder: which one a page may open, its version, and pages of its examples."""

from pathlib import Path

from pydantic import BaseModel

from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE
from qal.corpus.quality.measures import AGREEMENT_FILE, QUALITY_FILE
from qal.corpus.query import Example, ExamplePage, Range, RowFilter, find_page, matching_audio
from qal.corpus.query_table import MEASURES
from qal.corpus.split import SPLITS
from qal.corpus.versions.store import LOG_FILE, VERSIONS_FOLDER
from qal.errors import CorpusError, OptionError
from ui_components.widgets.choices import Choices, corpus_choices

ALL = "all"  # of splits, marks, languages and measures
USED, MARKED, MARK_PREFIX = "used", "marked", "mark:"  # which examples are shown
ROWS_PER_PAGE = 15
FILE_ORDER = "index"
MAX_FIELD_CHARACTERS = 500
VERSION_FILES = (MANIFEST_FILE, CORPUS_INFO_FILE, QUALITY_FILE, AGREEMENT_FILE, f"{VERSIONS_FOLDER}/{LOG_FILE}")
MEASURE_TITLES = {
    "duration_s": "Duration (s)",
    "characters_per_s": "Characters per second",
    "words": "Words",
    "characters": "Characters",
    "snr_db": "Signal to noise (dB)",
    "loudness_lufs": "Loudness (LUFS)",
    "peak_db": "Peak (dB)",
    "clipped_share": "Clipped (share)",
    "bandwidth_hz": "Bandwidth (Hz)",
    "speech_share": "Speech (share)",
    "dnsmos": "DNSMOS (1-5)",
    "wer": "WER of a model (share)",
    "cer": "CER of a model (share)",
    "disagreement": "Disagreement of text and audio",
}

Version = tuple[str, tuple[int, ...]] | None  # of the dataset on the page: its folder and the state of its files


class TableFilter(BaseModel, frozen=True):
    """The values of the fields above the table. The names of the fields are those of its components."""

    search: str = ""
    split: str = ALL
    shown: str = ALL  # ALL, USED, MARKED or MARK_PREFIX with a mark
    speaker: str | None = None
    language: str = ALL
    measure: str = ALL
    low: float | None = None
    high: float | None = None
    sort: str = FILE_ORDER
    descending: bool = False

    def row_filter(self) -> RowFilter:
        """Returns the filter of the query. Raises OptionError for values that the page does not send."""
        if self.split not in (ALL, *SPLITS) or self.measure not in (ALL, *MEASURES):
            raise OptionError("the page sent an unknown filter; reload the page")
        is_limited = self.measure != ALL and (self.low is not None or self.high is not None)
        return RowFilter.model_validate(
            {
                "search": self.search[:MAX_FIELD_CHARACTERS],
                "splits": () if self.split == ALL else (self.split,),
                "speakers": (self.speaker,) if self.speaker else (),
                "languages": () if self.language == ALL else (self.language,),
                "marks": (self.shown.removeprefix(MARK_PREFIX),) if self.shown.startswith(MARK_PREFIX) else (),
                "marked": {USED: False, MARKED: True}.get(self.shown),
                "ranges": {self.measure: Range(self.low, self.high)} if is_limited else {},
            }
        )


FILTER_FIELDS = tuple(TableFilter.model_fields)


def require_folder(data: Path, folder: str | None) -> Path:
    """Returns the folder of a dataset of the data folder. Raises CorpusError if none is chosen or it is gone."""
    if folder not in {value for _, value in corpus_choices(data)}:
        raise CorpusError("choose a dataset first")
    return Path(folder)


def version_of(folder: Path) -> Version:
    """Returns the state of the files that the page shows."""
    return str(folder), tuple(_modified_ns(folder / name) for name in VERSION_FILES)


def _modified_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def rows_page(folder: Path, wanted: TableFilter, number: int) -> ExamplePage:
    """Returns a page of the matching examples. Raises CorpusError."""
    return find_page(folder, wanted.row_filter(), number, ROWS_PER_PAGE, wanted.sort, wanted.descending)


def example_at(folder: Path, index: object) -> Example:
    """Returns the example at an index that the browser sent. Raises CorpusError."""
    if isinstance(index, int) and not isinstance(index, bool) and index >= 0:
        found = find_page(folder, number=index, size=1).examples
        if found and found[0].index == index:
            return found[0]
    raise CorpusError("that clip is no longer in the dataset; choose another one")


def audio_file(folder: Path, audio: str) -> Path:
    """Returns the path of an audio file. Raises CorpusError if it is outside of the dataset."""
    path = (folder / audio).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise CorpusError(f"the audio path '{audio}' points outside of the dataset; correct {MANIFEST_FILE}")
    return path


def babble_paths(folder: Path, audio: str, count: int) -> tuple[Path, ...]:
    """Audio files of other examples, spread over the dataset, for background voices in augmentation."""
    others = [other for other in matching_audio(folder, RowFilter()) if other != audio]
    sample = others[:: max(1, len(others) // count)][:count]
    return tuple(path for path in (audio_file(folder, other) for other in sample) if path.is_file())


def split_choices() -> Choices:
    return [("All", ALL), *((split.capitalize(), split) for split in SPLITS)]
