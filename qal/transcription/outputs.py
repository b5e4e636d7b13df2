"""Texts and subtitles of transcripts as files, and all of them in one archive."""

import os
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Literal, NamedTuple

from qal.errors import OptionError
from qal.storage import storage_errors
from qal.text.subtitles.formats import SUBTITLE_FORMATS, TranscriptDetails
from qal.transcription.document import read_document
from qal.transcription.options import OutputOptions
from qal.transcription.sources import Source, name_without_suffix, output_stems
from qal.transcription.store import StoredTranscript

FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')  # in names of files, on Windows
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)

OptionsOf = Callable[[StoredTranscript], OutputOptions]  # of each transcript its own
Outcome = Literal["written", "same", "kept"]  # same: it was there already; kept: another file is there


class Output(NamedTuple):
    """One file that was asked for, and whether it was written."""

    path: Path
    outcome: Outcome


def render(transcript: StoredTranscript, form: str, options: OutputOptions, title: str | None = None) -> bytes:
    """Returns a transcript, as corrected, in one of the formats of subtitles and texts.

    `title` is that of a document; None: the name of the file that was transcribed, which may have copies."""
    state = transcript.state()
    title = name_without_suffix(state.name) if title is None else title
    details = TranscriptDetails(state.options.task, state.duration_s, title)
    segments = read_document(transcript).finished(options)
    return SUBTITLE_FORMATS[form].format(segments, options.subtitles, details)


def output_paths(stem: Path, formats: Sequence[str]) -> dict[str, Path]:
    """Returns the file of each format: "a.b" -> "a.b.srt"."""
    return {form: stem.with_name(f"{stem.name}.{form}") for form in formats}


def missing_formats(stem: Path, formats: Sequence[str], overwrite: bool) -> list[str]:
    """Returns the formats that are to be written: those whose file is not there yet, or all."""
    return [form for form, path in output_paths(stem, formats).items() if overwrite or not os.path.lexists(path)]


def write_outputs(
    transcript: StoredTranscript, stem: Path, formats: Sequence[str], options: OutputOptions, overwrite: bool = False
) -> list[Output]:
    """Writes a transcript in several formats, and makes the folder.

    A file that is there already is written over only with `overwrite`; its outcome is "same" if it has the same
    content, else "kept". Raises StorageError."""
    outputs = []
    for form, path in output_paths(stem, formats).items():
        outputs.append(Output(path, _write_output(path, render(transcript, form, options, stem.name), overwrite)))
    return outputs


def _write_output(path: Path, content: bytes, overwrite: bool) -> Outcome:
    with storage_errors(str(path)):
        if os.path.lexists(path) and path.is_file() and path.read_bytes() == content:
            return "same"
        if os.path.lexists(path) and not overwrite:
            return "kept"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".qal-{secrets.token_hex(4)}.partial")
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return "written"


class ArchiveItem(NamedTuple):
    """A transcript in an archive, and its place there, without the suffix of a format."""

    stem: PurePath
    transcript: StoredTranscript


def archive_items(transcripts: Sequence[StoredTranscript]) -> list[ArchiveItem]:
    """Returns the transcripts with places like the names of their files; no two are the same."""
    states = [transcript.state() for transcript in transcripts]
    stems = output_stems([Source(Path(state.source), PurePath(Path(state.name).name)) for state in states])
    return [ArchiveItem(stem, transcript) for stem, transcript in zip(stems, transcripts, strict=True)]


def write_archive(
    target: Path,
    items: Iterable[ArchiveItem],
    formats: Sequence[str],
    options: OutputOptions | OptionsOf,
    overwrite: bool = False,
) -> int:
    """Writes a ZIP file of all transcripts in all formats, one file after the other, and returns their number.

    Names that Windows does not take are changed. Raises OptionError if the target exists, and StorageError."""
    if os.path.lexists(target) and not overwrite:
        raise OptionError(f"{target}: exists already and is not written over; choose another name, or --overwrite")
    count = 0
    temporary = target.with_name(f".qal-{secrets.token_hex(4)}.partial")
    with storage_errors(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in _entries(items, formats, options):
                    archive.writestr(_entry(name), content)
                    count += 1
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return count


def _entries(
    items: Iterable[ArchiveItem], formats: Sequence[str], options: OutputOptions | OptionsOf
) -> Iterator[tuple[str, bytes]]:
    taken: set[str] = set()
    for item in items:
        stem = _unused("/".join(safe_name(part) for part in item.stem.parts), taken)
        chosen = options if isinstance(options, OutputOptions) else options(item.transcript)
        for form in formats:
            yield f"{stem}.{form}", render(item.transcript, form, chosen, item.stem.name)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _unused(stem: str, taken: set[str]) -> str:
    """Returns the stem, with a number if another one became the same by `safe_name`."""
    unused, number = stem, 1
    while unused.casefold() in taken:
        number += 1
        unused = f"{stem} ({number})"
    taken.add(unused.casefold())
    return unused


def safe_name(name: str) -> str:
    """Returns a name that every file system takes: without signs that Windows forbids, and none of its devices."""
    name = FORBIDDEN.sub("_", os.fsencode(name).decode(errors="replace")).rstrip(" .") or "_"
    return f"_{name}" if RESERVED.match(name) else name
