"""Finds recordings with a file of times and texts of the same name beside them, such as talk.mp3 and talk.en.srt."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from qal.audio.blocks import read_audio_format
from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.labels import is_label_track, read_labels
from qal.corpus.importers.timed.subtitles import read_ass, read_srt, read_vtt
from qal.corpus.importers.timed.tiers import read_elan, read_textgrid
from qal.corpus.importers.timed.ttml import read_ttml
from qal.errors import AudioDecodeError
from qal.text.languages import resolve_language

READERS: Mapping[str, Callable[[Path], list[Cue]]] = {  # by suffix; of several files, the first kind is read
    ".eaf": read_elan,
    ".textgrid": read_textgrid,
    ".srt": read_srt,
    ".vtt": read_vtt,
    ".ass": read_ass,
    ".ssa": read_ass,
    ".ttml": read_ttml,
    ".dfxp": read_ttml,
    ".txt": read_labels,
}
TEXT_SUFFIXES = frozenset({*READERS, ".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".parquet", ".md", ".lab", ".xml"})
KINDS = list(READERS)
MAX_LISTED_FILES = 20_000  # that are looked at to recognise a folder
MAX_CODE_LETTERS = 3  # of a language


@dataclass(frozen=True)
class TimedRecording:
    """A recording and the file with its cues; without one if it has none."""

    recording: Path
    cue_file: Path | None
    language: str = ""  # as the name of the file of cues states it


def find_recordings(source: Path, language: str = "") -> Iterator[TimedRecording]:
    """Yields the recordings of a folder, or that of a single file, with the files of their cues.

    Args:
        source: a folder, a recording, or a file of cues.
        language: code of the language of the cues, where a recording has several files of them; "": any."""
    folder = source if source.is_dir() else source.parent
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in _files(folder) if source.is_dir() else sorted(folder.iterdir()):
        by_folder[path.parent].append(path)
    for files in by_folder.values():
        yield from _pairs(files, None if source.is_dir() else source, language)


def has_mostly_cues(source: Path) -> bool:
    """True if at least half of the recordings of a source have a file of cues; others may be listed in a table."""
    pairs = list(find_recordings(source)) if source.exists() else []
    with_cues = sum(pair.cue_file is not None for pair in pairs)
    return with_cues > 0 and 2 * with_cues >= len(pairs)


def _files(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder and the folders in it, in order; hidden ones and linked folders are left out."""
    left = MAX_LISTED_FILES
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            left -= 1
            if left < 0:
                return
            if not name.startswith("."):
                yield Path(parent, name)


def _pairs(files: list[Path], only: Path | None, language: str) -> Iterator[TimedRecording]:
    """Yields the recordings of one folder; `only` is the recording or the file of cues that is asked for."""
    cue_files: dict[str, list[Path]] = defaultdict(list)  # by the stem of the recording
    for path in files:
        if path.suffix.lower() in READERS and (path.suffix.lower() != ".txt" or is_label_track(path)):
            cue_files[path.stem].append(path)
            if _stated_language(path):
                cue_files[path.stem.rpartition(".")[0]].append(path)
    for recording in files:
        beside = cue_files.get(recording.stem, [])
        if only is not None and only != recording and only not in beside:
            continue
        if recording.suffix.lower() in TEXT_SUFFIXES or not _is_recording(recording, bool(beside)):
            continue
        cue_file = only if only in beside else _preferred(beside, recording.stem, language)
        yield TimedRecording(recording, cue_file, _stated_language(cue_file) if cue_file else "")


def _preferred(cue_files: list[Path], stem: str, language: str) -> Path | None:
    """Returns the file in the wanted language, else one that states none, else the first."""

    def rank(path: Path) -> tuple[bool, bool, int]:
        stated = _stated_language(path) if path.stem != stem else ""
        return (not language or stated != language, bool(stated), KINDS.index(path.suffix.lower()))

    return min(cue_files, key=rank, default=None)


def _stated_language(path: Path) -> str:
    """Returns the language that a name such as talk.en.srt states; "" for other names."""
    _, dot, code = path.stem.rpartition(".")
    is_code = dot and 2 <= len(code.partition("-")[0]) <= MAX_CODE_LETTERS
    return (resolve_language(code) or "") if is_code else ""


def _is_recording(path: Path, has_cue_file: bool) -> bool:
    """True for the suffixes of audio, and for any audio or video that has a file of cues."""
    if path.suffix.lower() in AUDIO_SUFFIXES or not has_cue_file:
        return path.suffix.lower() in AUDIO_SUFFIXES
    try:
        read_audio_format(path)
    except AudioDecodeError:
        return False
    return True
