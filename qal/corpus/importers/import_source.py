"""Previews and imports any source that one of the formats recognises: a folder, a table or an archive."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

from qal.audio.decoding.opening import Check, no_check
from qal.corpus.importers.conversion.archives import is_archive
from qal.corpus.importers.conversion.build import CorpusBuilder, audio_notes, list_first, require_few_problems
from qal.corpus.importers.conversion.checking import NO_LANGUAGE, EntryChecker
from qal.corpus.importers.conversion.first_rows import SampledEntries, SampleLimits, sample_entries
from qal.corpus.importers.conversion.journal import Journal, delete_unused_audio
from qal.corpus.importers.conversion.sources import OpenedSource, open_source
from qal.corpus.importers.conversion.staging_folder import CORPUS_FOLDER, resumable_staging
from qal.corpus.importers.given_splits import given_by_path
from qal.corpus.importers.listing import Listing, ListingOptions, Problem, SourceFormat
from qal.corpus.importers.results import (
    MAX_PROBLEM_SHARE,
    PREVIEW_ROWS,
    ImportProgress,
    ImportResult,
    OnProgress,
    Preview,
    ProblemsError,
    ignore_progress,
)
from qal.corpus.importers.staging import check_language_code, write_split_corpus
from qal.corpus.manifest import Corpus, Origin
from qal.errors import CorpusError
from qal.storage import storage_errors

NO_EXAMPLES = "contains no recordings that can be imported"
WHAT_IS_EXPECTED = "put name.wav and name.txt beside each other, or list the recordings in a table"
REMOTE_PREVIEW_ENTRIES, REMOTE_PREVIEW_BYTES = 100, 20_000_000  # of audio; each entry is downloaded


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

    Of a remote source little more than these examples is read.

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
    options = _checked(options, audio_folders)
    with storage_errors("the preview"), tempfile.TemporaryDirectory(dir=work_folder, prefix=".preview-") as work:
        opened = open_source(source, format, Path(work), check)
        listing = opened.source_format.list(opened.path, options)
        checker = EntryChecker(options, opened.roots(options.audio_folders), requires_language=False)
        limits = SampleLimits(rows)
        if opened.source_format.is_remote:
            limits = SampleLimits(rows, REMOTE_PREVIEW_BYTES, REMOTE_PREVIEW_ENTRIES)
        sample = sample_entries(checker.check(chain(opened.problems, listing.entries)), limits, check)
    found = _preview(source, opened, listing, sample, max_problem_share)
    return replace(found, stops=NO_LANGUAGE) if checker.lacks_language and not found.stops else found


def _preview(
    source: Path, opened: OpenedSource, listing: Listing, sample: SampledEntries, max_problem_share: float
) -> Preview:
    total, stops = sample.count + len(sample.problems), ""
    try:
        require_few_problems(sample.problems, total, max_problem_share)
    except ProblemsError as error:
        stops = str(error)
    if not sample.count and not stops:
        stops = f"{source.name} {NO_EXAMPLES}"
    return Preview(
        format_name=opened.source_format.name,
        format_title=opened.source_format.title,
        rows=tuple(sample.rows),
        count=sample.count,
        count_is_complete=sample.is_complete,
        problems=tuple(sample.problems),
        columns=listing.columns,
        roles=listing.roles,
        split_counts=dict(sample.split_counts),
        speakers=len(sample.speakers),
        licence=listing.licence,
        attribution=listing.attribution,
        source=listing.source or _described(source),
        notes=" ".join(
            filter(None, [listing.notes, *sample.describe_changes(), sample.describe_part(listing.stated_count)])
        ),
        stops=stops,
    )


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
        check: called often, also by other threads; an error that it raises stops the import, which can be continued.

    Raises:
        ProblemsError: too many entries cannot be used; it holds all problems.
        CorpusError: no format recognises the source, no usable example, or `out` is in use.
        StorageError: `out` cannot be written.
    """
    options = _checked(options, audio_folders)
    _check_apart(source, out)
    identity = [str(source.resolve()), format.name if format else "", _as_json(options)]
    with resumable_staging(out, force, identity) as staging:
        on_progress(ImportProgress("unpack" if is_archive(source) else "list"))
        opened = open_source(source, format, staging, check)
        listing = opened.source_format.list(opened.path, options)
        checker = EntryChecker(options, opened.roots(options.audio_folders))
        listed = list_first(checker.check(chain(opened.problems, listing.entries)), check)
        folder = staging / CORPUS_FOLDER
        with closing(Journal(staging, folder)) as journal:
            builder = CorpusBuilder(folder, journal, max_problem_share, on_progress, check)
            builder.build(listed, listing.stated_count)
        on_progress(ImportProgress("write", len(builder.problems), None, len(builder.problems)))
        origin = Origin(
            name=out.resolve().name,
            source=source_name or listing.source or _described(source),
            licence=licence or listing.licence,
            attribution=attribution or listing.attribution,
            notes=listing.notes,
        )
        corpus = _write(folder, out, origin, builder, checker, listing.speakers_are_people)
    notes = tuple(audio_notes(corpus.rows))
    return ImportResult(replace(corpus, folder=out), tuple(builder.problems), notes, builder.resumed)


def _write(
    folder: Path, out: Path, origin: Origin, builder: CorpusBuilder, checker: EntryChecker, speakers_are_people: bool
) -> Corpus:
    """Splits the rows and writes the corpus into the staged folder. Raises CorpusError if there are none."""
    rows, split_names = builder.rows(checker.contradicted)
    if not rows:
        raise no_examples(origin.source, builder.problems)
    given = given_by_path([row.audio for row in rows], split_names)
    corpus = write_split_corpus(folder, out, origin, rows, given, speakers_are_people, stratified=True)
    if builder.journal.was_begun:
        delete_unused_audio(folder, rows)
    return corpus


def no_examples(name: str, problems: Sequence[Problem]) -> CorpusError:
    """Returns the error for a source without a usable example."""
    if not problems:
        return CorpusError(f"{name} {NO_EXAMPLES}; {WHAT_IS_EXPECTED}")
    return ProblemsError(problems, len(problems), 0)


def _checked(options: ListingOptions, audio_folders: Sequence[Path]) -> ListingOptions:
    """Returns the options with the further folders and the language's code. Raises CorpusError if it is no language."""
    language = check_language_code(options.language) if options.language else ""
    return replace(options, language=language, audio_folders=(*options.audio_folders, *audio_folders))


def _check_apart(source: Path, out: Path) -> None:
    """Raises CorpusError if one of the folders is in the other, so that the source might be changed."""
    inner, target = source.resolve(), out.resolve()
    if inner.is_relative_to(target) or (inner.is_dir() and target.is_relative_to(inner)):
        raise CorpusError(f"{out}: overlaps with the folder of the recordings; choose another --out")


def _as_json(options: ListingOptions) -> dict[str, object]:
    """Returns the options in a form that is the same in every process; a transcriber is its name."""
    return {
        **vars(options),
        "columns": dict(options.columns),
        "audio_folders": list(map(str, options.audio_folders)),
        "transcriber": options.transcriber.name if options.transcriber else "",
    }


def _described(source: Path) -> str:
    return f"the {'folder' if source.is_dir() else 'file'} '{source.resolve().name}'"
