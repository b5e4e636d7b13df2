"""The format "folder": recordings with a text file beside each, or audio alone."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av

from qal.audio.decode import AUDIO_SUFFIXES
from qal.audio.decoding.opening import open_audio
from qal.corpus.importers.given_splits import folder_split
from qal.corpus.importers.listing import AudioPiece, Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.corpus.importers.tables.json_objects import JSON_SUFFIX, read_clip_json
from qal.corpus.importers.tables.spoken_words import spoken_words
from qal.corpus.importers.tables.text_encoding import GUESSED_TEXT, find_encoding, is_damaged, read_text
from qal.corpus.importers.text_files import TextFiles
from qal.corpus.importers.timed.cue_text import unspoken_reason
from qal.corpus.importers.unread_files import ADVICE, unread_reason
from qal.corpus.words import has_words
from qal.errors import AudioDecodeError, CorpusError

LOSSLESS = (".wav", ".flac")
# Suffixes of recordings; a file with another one is opened if a text is beside it, or if audio alone is imported.
RECORDING_SUFFIXES = AUDIO_SUFFIXES | {
    *(".amr", ".awb", ".3gp", ".3g2", ".3ga", ".caf", ".mka", ".mkv", ".mov", ".avi", ".au", ".snd", ".w64", ".wv"),
    *(".ape", ".ac3", ".dts", ".m4b", ".m4r", ".mp2", ".mpg", ".mpeg", ".ts", ".mts", ".flv", ".asf", ".wmv", ".sph"),
    *(".nist", ".aifc", ".spx", ".tta", ".m4v", ".ogv", ".qoa", ".rm", ".voc"),
}
OTHER_SUFFIXES = {  # of files that are never opened as audio
    *ADVICE,
    *(".txt", ".lab", ".csv", ".tsv", ".json", ".jsonl", ".parquet", ".xlsx", ".md", ".pdf", ".html", ".xml"),
    *(".jpg", ".jpeg", ".png", ".gif", ".svg", ".py", ".sh", ".yaml", ".yml", ".log", ".srt"),
    *(
        ".vtt",
        ".ass",
        ".ssa",
        ".ttml",
        ".dfxp",
        ".sbv",
        ".lrc",
        ".textgrid",
        ".eaf",
        ".doc",
        ".docx",
        ".db",
        ".ini",
        ".npy",
        ".pt",
    ),
}
LOOKED_FOR = "metadata.csv/.tsv/.jsonl"
NOT_UTF8 = "{} is not UTF-8 text; save it as UTF-8"
OTHER_FORM = "is another form of {name}, which is used"
LINKED_FOLDER = "is a link to a folder elsewhere, which is not followed; import that folder, or move it here"
BROKEN_LINK = "is a link to a file that is not there; get that file"
NO_FILE = "is no regular file; delete it or put the recording there"
CLOSED = "cannot be read; check its permissions"


def list_folder(folder: Path, options: ListingOptions) -> Listing:
    """Lists every recording of a folder and its subfolders, with its text unless audio alone is imported.

    Args:
        folder: the folder, or a single recording.
        options: what the user states."""
    return Listing(_entries(folder, options))


def has_text_files(folder: Path) -> bool:
    """True if a recording of the folder has a text file beside it."""
    texts = TextFiles(folder)
    return any(texts.find(path) for path in _files(folder) if path.suffix.lower() not in OTHER_SUFFIXES)


def _entries(folder: Path, options: ListingOptions) -> Iterator[Candidate | Problem]:
    root = folder if folder.is_dir() else folder.parent
    texts, used = TextFiles(root), dict[Path, Path]()
    for path in _walk(folder):
        if isinstance(path, Problem):
            yield path
            continue
        suffix = path.suffix.lower()
        inner = path.relative_to(root)
        if suffix in OTHER_SUFFIXES:
            if reason := unread_reason(path):
                yield Problem(str(inner), reason, is_fault=False)
            continue
        text_file = None if options.no_text else texts.find(path)
        if suffix not in RECORDING_SUFFIXES and not text_file and not (options.no_text and _is_audio(path)):
            continue
        place = ascii(str(inner))[1:-1] if not _is_utf8(path.name) else str(inner)
        split_name = folder_split(inner)
        if options.no_text:
            yield Candidate(AudioPiece(path), split_name=split_name, place=place)
        elif text_file is None:
            looked_for = f"{path.with_suffix('.txt').name}, {path.with_suffix(JSON_SUFFIX).name} and {LOOKED_FOR}"
            yield Problem(place, f"no transcript found (looked for {looked_for})")
        elif (other := used.setdefault(text_file, path)) != path:
            yield Problem(place, OTHER_FORM.format(name=other.name), is_fault=False)
        else:
            yield _with_text(path, text_file, split_name, place, options)


def _with_text(
    path: Path, text_file: Path, split_name: str, place: str, options: ListingOptions
) -> Candidate | Problem:
    try:
        if text_file.suffix.lower() == JSON_SUFFIX:
            return _with_json(path, text_file, split_name, place, options)
        text = " ".join(read_text(text_file, options.language).split())
    except CorpusError as error:
        return Problem(place, str(error))
    except OSError:
        return Problem(place, f"{text_file.name} cannot be read; check its permissions")
    if is_damaged(text):
        return Problem(place, NOT_UTF8.format(text_file.name))
    candidate = Candidate(AudioPiece(path), text, split_name=split_name, place=place)
    return _spoken(candidate, _encoding_notes(text_file, options))


def _spoken(candidate: Candidate, notes: tuple[str, ...]) -> Candidate | Problem:
    """Returns a candidate without descriptions of sounds, and with notes; a problem if nothing is spoken in it."""
    spoken = spoken_words(candidate.text)
    if not spoken.text and has_words(candidate.text) and not candidate.translation:
        return Problem(candidate.place, unspoken_reason(candidate.text), is_fault=False)
    return replace(candidate, text=spoken.text, notes=(*notes, *spoken.notes))


def _with_json(
    path: Path, text_file: Path, split_name: str, place: str, options: ListingOptions
) -> Candidate | Problem:
    """Raises CorpusError if the file has no text."""
    found = read_clip_json(text_file, options)
    if any(map(is_damaged, found.values())):
        raise CorpusError(NOT_UTF8.format(text_file.name))
    candidate = Candidate(
        audio=AudioPiece(path),
        text=found.get("text", ""),
        language=found.get("language", ""),
        speaker=found.get("speaker", ""),
        translation=found.get("translation", ""),
        split_name=found.get("split") or split_name,
        place=place,
    )
    return _spoken(candidate, _encoding_notes(text_file, options))


def _encoding_notes(text_file: Path, options: ListingOptions) -> tuple[str, ...]:
    encoding = find_encoding(text_file, options.language)
    return (GUESSED_TEXT.format(encoding.name),) if encoding.is_guessed else ()


def _files(source: Path) -> Iterator[Path]:
    """Yields the files of a folder, or a single one, without hidden ones."""
    return (path for path in _walk(source) if isinstance(path, Path))


def _walk(source: Path) -> Iterator[Path | Problem]:
    """Yields the files of a folder in the order of their paths, and a problem for what cannot be read or is a link.

    Of recordings that differ in their suffix alone, those without loss come first."""
    if source.is_file():
        yield source
        return
    closed: list[OSError] = []
    for parent, folders, names in os.walk(source, onerror=closed.append):
        linked = [Path(parent, name) for name in folders if os.path.islink(os.path.join(parent, name))]
        yield from (Problem(_inner(path, source), LINKED_FOLDER) for path in linked if _leads_out(path, source))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names, key=_form_order):
            path = Path(parent, name)
            if name.startswith("."):
                continue
            if os.path.isfile(path):
                yield path
            elif path.suffix.lower() in RECORDING_SUFFIXES:
                yield Problem(_inner(path, source), BROKEN_LINK if path.is_symlink() else NO_FILE)
    yield from (Problem(_inner(Path(error.filename), source), CLOSED) for error in closed)


def _form_order(name: str) -> tuple[str, bool, str]:
    stem, suffix = os.path.splitext(name)
    return stem, suffix.lower() not in LOSSLESS, suffix


def _inner(path: Path, folder: Path) -> str:
    inner = str(path.relative_to(folder))
    return inner if _is_utf8(inner) else ascii(inner)[1:-1]


def _leads_out(path: Path, folder: Path) -> bool:
    return not path.name.startswith(".") and not path.resolve().is_relative_to(folder.resolve())


def _is_audio(path: Path) -> bool:
    try:
        with open_audio(path):
            return True
    except (AudioDecodeError, av.FFmpegError, ValueError, IndexError):
        return False


def _is_utf8(name: str) -> bool:
    return not is_damaged(name)


def _recognises(source: Path) -> bool:
    texts = TextFiles(source if source.is_dir() else source.parent)
    return any(_may_be_recording(path, texts) for path in _files(source))


def _may_be_recording(path: Path, texts: TextFiles) -> bool:
    suffix = path.suffix.lower()
    return suffix in RECORDING_SUFFIXES or (suffix not in OTHER_SUFFIXES and texts.find(path) is not None)


FOLDER = SourceFormat(
    name="folder",
    title="a folder of recordings with texts",
    description="recordings with a text file beside each: name.wav and name.txt (or name.json), in any subfolder",
    recognises=_recognises,
    list=list_folder,
)
