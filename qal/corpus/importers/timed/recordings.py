"""Finds recordings with a file of times and texts of the same name beside them, such as talk.mp3 and talk.en.srt.

A video without a text beside it may hold its subtitles in a track."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from qal.audio.blocks import read_audio_format
from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.file_names import name_key
from qal.corpus.importers.tables.json_objects import JSON_SUFFIX, recognised_language
from qal.corpus.importers.timed.cue_tables import CUE_TABLE_SUFFIXES, is_cue_table, read_cue_table
from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.embedded import (
    VIDEO_SUFFIXES,
    SubtitleTrack,
    pictures_reason,
    read_track,
    subtitle_tracks,
)
from qal.corpus.importers.timed.labels import is_label_track, read_labels
from qal.corpus.importers.timed.sbv_lrc import read_lrc, read_sbv
from qal.corpus.importers.timed.subtitles import read_ass, read_srt, read_vtt
from qal.corpus.importers.timed.tiers import read_elan, read_textgrid
from qal.corpus.importers.timed.ttml import read_ttml
from qal.errors import AudioDecodeError
from qal.text.languages import resolve_language

Reader = Callable[[Path, str], list[Cue]]  # path, language code or ""
READERS: Mapping[str, Reader] = {  # by suffix; of several files, the first kind is read
    ".eaf": read_elan,
    ".textgrid": read_textgrid,
    ".srt": read_srt,
    ".vtt": read_vtt,
    ".ass": read_ass,
    ".ssa": read_ass,
    ".ttml": read_ttml,
    ".dfxp": read_ttml,
    ".sbv": read_sbv,
    ".lrc": read_lrc,
    ".txt": read_labels,
    **dict.fromkeys(CUE_TABLE_SUFFIXES, read_cue_table),
}
TEXT_SUFFIXES = frozenset({*READERS, ".jsonl", ".xlsx", ".parquet", ".md", ".lab", ".xml"})
KINDS = list(READERS)
MAX_LISTED_FILES = 20_000  # that are looked at to recognise a folder
MAX_RECOGNISED = 2000  # recordings by which a folder is recognised
TABLE_SUFFIXES = {".csv", ".tsv", ".jsonl", ".ndjson", ".xlsx", ".parquet"}  # of tables that may name videos
MAX_CODE_LETTERS, MIN_NAME_LETTERS = 3, 4  # of a language
PREFERRED_FORMS = (".wav", ".flac")  # of a recording that is there in several forms
OTHER_LANGUAGES = "has cues in {found}, but not in {language}; state their language, or add those in {language}"
SEVERAL_LANGUAGES = "has cues in {found}; choose one with --language"
OTHER_FORM = "is another form of {name}, which is used"


@dataclass(frozen=True)
class TimedRecording:
    """A recording and the file with its cues; without one if it has none.

    The file is the recording itself if the cues are in a track of it."""

    recording: Path
    cue_file: Path | None
    language: str = ""  # as the name of the file of cues states it
    reason: str = ""  # why none of the files of cues that are there is used
    form_of: Path | None = None  # the same recording in another form, which is used
    track: int | None = None  # number of the subtitle track that holds the cues; None: they are in a file beside it

    def read_cues(self, language: str) -> list[Cue]:
        """Reads the cues. Raises CorpusError or AudioDecodeError if they cannot be read.

        Args:
            language: code of the language that the user states; "": none."""
        assert self.cue_file
        if self.track is not None:
            return read_track(self.recording, self.track)
        return READERS[self.cue_file.suffix.lower()](self.cue_file, language or self.language)


def find_recordings(source: Path, language: str = "") -> Iterator[TimedRecording]:
    """Yields the recordings of a folder, or that of a single file, with the files of their cues.

    Args:
        source: a folder, a recording, or a file of cues.
        language: code of the language of the cues, where a recording has several files of them; "": any."""
    folder = source if source.is_dir() else source.parent
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in _files(folder) if source.is_dir() else sorted(folder.iterdir()):
        by_folder[path.parent].append(path)
    has_table = any(path.suffix.lower() in TABLE_SUFFIXES for files in by_folder.values() for path in files)
    for files in by_folder.values():
        for found in _pairs(files, None if source.is_dir() else source, language):
            yield found if source.is_dir() and has_table else _with_track(found, files, language)


def has_mostly_cues(source: Path) -> bool:
    """True if at least half of the recordings of a source have a file of cues; others may be listed in a table."""
    pairs = islice(find_recordings(source), MAX_RECOGNISED) if source.exists() else ()
    found = [pair for pair in pairs if not pair.form_of]
    with_cues = sum(pair.cue_file is not None or bool(pair.reason) for pair in found)
    return with_cues > 0 and 2 * with_cues >= len(found)


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


def _pairs(files: Sequence[Path], only: Path | None, language: str) -> Iterator[TimedRecording]:
    """Yields the recordings of one folder; `only` is the recording or the file of cues that is asked for."""
    cue_files = _cue_files(files)
    recordings = [path for path in files if _may_be_recording(path, name_key(path.stem) in cue_files)]
    if len(recordings) == 1 and not cue_files.get(name_key(recordings[0].stem)):
        all_cues = list(dict.fromkeys(path for paths in cue_files.values() for path in paths))
        has_own_text = any(path.stem == recordings[0].stem for path in files if path.suffix.lower() in TEXT_SUFFIXES)
        if len(all_cues) == 1 and not has_own_text:  # nothing else can be meant
            cue_files[name_key(recordings[0].stem)] = all_cues
    used: dict[str, Path] = {}
    for recording in sorted(recordings, key=lambda path: path.suffix.lower() not in PREFERRED_FORMS):
        key = name_key(recording.stem)
        beside = cue_files.get(key, [])
        if only is not None and only != recording and only not in beside:
            continue
        if beside and key in used:
            yield TimedRecording(recording, None, form_of=used[key])
            continue
        used[key] = recording
        yield _paired(recording, [only] if only in beside else beside, language)


def _cue_files(files: Sequence[Path]) -> dict[str, list[Path]]:
    """Returns the files of cues by the keys of the names of their recordings."""
    found: dict[str, list[Path]] = defaultdict(list)
    others = {name_key(path.stem) for path in files if path.suffix.lower() not in TEXT_SUFFIXES}
    for path in files:
        is_alone = len(others) > 1 and name_key(path.stem) not in others
        if is_alone and path.suffix.lower() in CUE_TABLE_SUFFIXES:
            continue  # it is not opened: folders may hold many large tables
        if _holds_cues(path):
            found[name_key(path.stem)].append(path)
            if _stated_language(path):
                found[name_key(path.stem.rpartition(".")[0])].append(path)
    return found


def _holds_cues(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix == ".txt":
        return is_label_track(path)
    return is_cue_table(path) if suffix in CUE_TABLE_SUFFIXES else suffix in READERS


def _paired(recording: Path, beside: Sequence[Path], language: str) -> TimedRecording:
    """Chooses the file in the stated language, else one that states none."""
    by_language: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(
        beside, key=lambda path: (not _is_named_alike(path, recording), KINDS.index(path.suffix.lower()))
    ):
        by_language["" if path.stem == recording.stem else _stated_language(path)].append(path)
    fitting = by_language.get(language) or by_language.get("")
    stated = sorted(code for code in by_language if code)
    if not fitting and stated and language:
        found = " and ".join(stated)
        return TimedRecording(recording, None, reason=OTHER_LANGUAGES.format(found=found, language=language))
    if not fitting and len(stated) > 1:
        return TimedRecording(recording, None, reason=SEVERAL_LANGUAGES.format(found=" and ".join(stated)))
    cue_file = next(iter(fitting or (by_language[stated[0]] if stated else [])), None)
    return TimedRecording(recording, cue_file, _language_of(cue_file) if cue_file else "")


def _language_of(cue_file: Path) -> str:
    """Returns the language that a file of cues states by its name, or in its content; "" if it states none."""
    is_json = cue_file.suffix.lower() == JSON_SUFFIX
    return _stated_language(cue_file) or (recognised_language(cue_file) if is_json else "")


def _with_track(found: TimedRecording, files: Sequence[Path], language: str) -> TimedRecording:
    """Returns a video without a text beside it with the subtitle track that holds its cues.

    Args:
        found: the recording.
        files: the files of its folder.
        language: code of the language of the cues; "": any."""
    recording = found.recording
    if found.cue_file or found.reason or found.form_of or recording.suffix.lower() not in VIDEO_SUFFIXES:
        return found
    key = name_key(recording.stem)
    if any(path.suffix.lower() in TEXT_SUFFIXES and name_key(path.stem) == key for path in files):
        return found
    tracks = subtitle_tracks(recording)
    texts = sorted((track for track in tracks if track.is_text), key=lambda track: track.is_forced)
    if not texts:
        return replace(found, reason=pictures_reason(recording, tracks)) if tracks else found
    chosen = _chosen_track(texts, language)
    if isinstance(chosen, str):
        return replace(found, reason=chosen)
    return replace(found, cue_file=recording, language=chosen.language, track=chosen.index)


def _chosen_track(tracks: Sequence[SubtitleTrack], language: str) -> SubtitleTrack | str:
    """Returns the track in the stated language, else one that states none, or why none can be chosen."""
    by_language: dict[str, SubtitleTrack] = {}
    for track in tracks:
        by_language.setdefault(track.language, track)
    if fitting := by_language.get(language) or by_language.get(""):
        return fitting
    found = " and ".join(sorted(by_language))
    if language:
        return OTHER_LANGUAGES.format(found=found, language=language)
    return SEVERAL_LANGUAGES.format(found=found) if len(by_language) > 1 else tracks[0]


def _is_named_alike(path: Path, recording: Path) -> bool:
    """True if the names agree to the letter, but for a language."""
    return path.stem == recording.stem or path.stem.rpartition(".")[0] == recording.stem


def _stated_language(path: Path) -> str:
    """Returns the language that a name such as talk.en.srt or talk.English.srt states; "" for other names."""
    _, dot, word = path.stem.rpartition(".")
    letters = len(word.partition("-")[0])
    is_name = letters >= MIN_NAME_LETTERS and word.isalpha()
    is_code = 2 <= letters <= MAX_CODE_LETTERS
    return (resolve_language(word) or "") if dot and (is_code or is_name) else ""


def _may_be_recording(path: Path, has_cue_file: bool) -> bool:
    """True for the suffixes of audio, and for any audio or video that has a file of cues."""
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        return False
    if suffix in AUDIO_SUFFIXES or not has_cue_file:
        return suffix in AUDIO_SUFFIXES or (suffix in VIDEO_SUFFIXES and bool(subtitle_tracks(path)))
    try:
        read_audio_format(path)
    except AudioDecodeError:
        return False
    return True
