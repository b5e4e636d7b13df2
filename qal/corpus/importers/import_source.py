"""Previews and imports any source that one of the formats recognises: a folder, a table or an archive."""

from collections.abc import Sequence
from pathlib import Path

from qal.audio.decode import Check, no_check
from qal.corpus.importers.listing import ListingOptions, SourceFormat
from qal.corpus.importers.results import (
    MAX_PROBLEM_SHARE,
    PREVIEW_ROWS,
    ImportResult,
    OnProgress,
    Preview,
    ignore_progress,
)


def preview(
    source: Path,
    options: ListingOptions,
    format: SourceFormat | None = None,  # noqa: A002 - the word of the command line
    rows: int = PREVIEW_ROWS,
    *,
    max_problem_share: float = MAX_PROBLEM_SHARE,
    audio_folders: Sequence[Path] = (),
    work_folder: Path | None = None,
    check: Check = no_check,
) -> Preview:
    """Lists a source and decodes its first examples. Nothing is written; an archive is unpacked for that time.

    Args:
        source: a folder, a table or an archive.
        options: what the user states about it.
        format: its format; None: the first one that recognises it.
        rows: number of the first examples that are decoded.
        max_problem_share: share of the entries, 0 to 1, above which the import would stop.
        audio_folders: folders beside the source in which its recordings may be.
        work_folder: where an archive is unpacked; None: the folder of temporary files.
        check: called often; may raise to stop.

    Raises:
        CorpusError: no format recognises the source, or nothing in it can be read.
        StorageError: an archive cannot be unpacked.
    """
    raise NotImplementedError


def import_source(
    source: Path,
    out: Path,
    options: ListingOptions,
    *,
    format: SourceFormat | None = None,  # noqa: A002 - the word of the command line
    source_name: str = "",
    licence: str = "",
    attribution: str = "",
    force: bool = False,
    max_problem_share: float = MAX_PROBLEM_SHARE,
    audio_folders: Sequence[Path] = (),
    on_progress: OnProgress = ignore_progress,
    check: Check = no_check,
) -> ImportResult:
    """Imports a source into the new corpus `out`. An import that was interrupted is continued.

    Args:
        source: a folder, a table or an archive. It is never changed.
        out: folder of the new corpus.
        options: what the user states about the source.
        format: its format; None: the first one that recognises it.
        source_name: for corpus.json; empty: what the format says, else the name of the folder or file.
        licence: terms of use; empty: what the format says.
        attribution: name to credit; empty: what the format says.
        force: replaces an existing corpus.
        max_problem_share: share of the entries, 0 to 1, above which the import stops.
        audio_folders: folders beside the source in which its recordings may be.
        on_progress: called about twice a second.
        check: called often; an error that it raises stops the import, which can be continued.

    Raises:
        CorpusError: no format recognises the source, too many problems, no usable example, or `out` is in use.
        StorageError: `out` cannot be written.
    """
    raise NotImplementedError
