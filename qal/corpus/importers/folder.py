"""The format "folder": recordings with a text file beside each, or audio alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import av

from qal.audio.decode import AUDIO_SUFFIXES, open_audio
from qal.corpus.importers.given_splits import folder_split
from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.corpus.importers.tables.text_encoding import is_damaged, read_text
from qal.errors import AudioDecodeError, CorpusError

TEXT_SUFFIXES = (".txt", ".lab")
# Suffixes of recordings; a file with another one is opened if a text is beside it, or if audio alone is imported.
RECORDING_SUFFIXES = AUDIO_SUFFIXES | {
    *(".amr", ".awb", ".3gp", ".3g2", ".3ga", ".caf", ".mka", ".mkv", ".mov", ".avi", ".au", ".snd", ".w64", ".wv"),
    *(".ape", ".ac3", ".dts", ".m4b", ".m4r", ".mp2", ".mpg", ".mpeg", ".ts", ".mts", ".flv", ".asf", ".wmv", ".sph"),
    *(".nist", ".aifc", ".spx", ".tta", ".m4v", ".ogv", ".qoa", ".rm", ".voc"),
}
OTHER_SUFFIXES = {  # of files that are never opened as audio
    *(".txt", ".lab", ".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xlsx", ".xls", ".md", ".pdf", ".html", ".xml"),
    *(".jpg", ".jpeg", ".png", ".gif", ".svg", ".zip", ".gz", ".tar", ".py", ".sh", ".yaml", ".yml", ".log", ".srt"),
    *(".vtt", ".ass", ".textgrid", ".eaf", ".doc", ".docx", ".db", ".ini", ".npy", ".pt"),
}
LOOKED_FOR = "metadata.csv/.tsv/.jsonl"


def list_folder(folder: Path, options: ListingOptions) -> Listing:
    """Lists every recording of a folder and its subfolders, with its text unless audio alone is imported."""
    return Listing(_entries(folder, options))


def has_text_files(folder: Path) -> bool:
    """True if a recording of the folder has a text file beside it."""
    return any(_text_file(path) for path in _files(folder) if path.suffix.lower() not in OTHER_SUFFIXES)


def _entries(folder: Path, options: ListingOptions) -> Iterator[Candidate | Problem]:
    for path in _files(folder):
        suffix = path.suffix.lower()
        if suffix in OTHER_SUFFIXES:
            continue
        text_file = None if options.no_text else _text_file(path)
        if suffix not in RECORDING_SUFFIXES and not text_file and not (options.no_text and _is_audio(path)):
            continue
        place = ascii(str(path.relative_to(folder)))[1:-1] if not _is_utf8(path.name) else str(path.relative_to(folder))
        split_name = folder_split(path.relative_to(folder))
        if options.no_text:
            yield Candidate(AudioPiece(path), split_name=split_name, place=place)
        elif text_file is None:
            looked_for = f"{path.with_suffix('.txt').name} and {LOOKED_FOR}"
            yield Problem(place, f"no transcript found (looked for {looked_for})")
        else:
            yield _with_text(path, text_file, split_name, place, options)


def _with_text(
    path: Path, text_file: Path, split_name: str, place: str, options: ListingOptions
) -> Candidate | Problem:
    try:
        text = " ".join(read_text(text_file, options.language).split())
    except CorpusError as error:
        return Problem(place, str(error))
    except OSError:
        return Problem(place, f"{text_file.name} cannot be read; check its permissions")
    if is_damaged(text):
        return Problem(place, f"{text_file.name} is not UTF-8 text; save it as UTF-8")
    return Candidate(AudioPiece(path), text, split_name=split_name, place=place)


def _text_file(path: Path) -> Path | None:
    """Returns the text beside a recording: name.txt, or name.wav.txt."""
    for suffix in TEXT_SUFFIXES:
        for text_file in (path.with_suffix(suffix), path.with_name(f"{path.name}{suffix}")):
            if os.path.isfile(text_file):
                return text_file
    return None


def _files(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder in the order of their paths, without hidden ones."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            path for name in sorted(names) if not name.startswith(".") and os.path.isfile(path := Path(parent, name))
        )


def _is_audio(path: Path) -> bool:
    try:
        with open_audio(path):
            return True
    except (AudioDecodeError, av.FFmpegError, ValueError, IndexError):
        return False


def _is_utf8(name: str) -> bool:
    return not is_damaged(name)


def _recognises(source: Path) -> bool:
    return source.is_dir() and any(_may_be_recording(path) for path in _files(source))


def _may_be_recording(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in RECORDING_SUFFIXES or (suffix not in OTHER_SUFFIXES and _text_file(path) is not None)


FOLDER = SourceFormat(
    name="folder",
    title="a folder of recordings with texts",
    description="recordings with a text file beside each: name.wav and name.txt, in any subfolder",
    recognises=_recognises,
    list=list_folder,
)
