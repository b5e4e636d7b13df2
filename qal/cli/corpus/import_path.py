"""qal corpus import PATH: previews and imports a folder, a table or an archive, whose format is found."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import field_validator
from tqdm import tqdm

from qal.cli.corpus.import_options import OwnOptions
from qal.cli.corpus.import_results import show_corpus, show_skipped
from qal.cli.parsing import flag, parse_options, positional
from qal.corpus.importers.formats import FORMATS, format_named
from qal.corpus.importers.import_source import import_source, preview
from qal.corpus.importers.listing import ListingOptions, Role, SourceFormat
from qal.corpus.importers.results import MAX_PROBLEM_SHARE, ImportProgress, Preview, ProblemsError
from qal.corpus.importers.tables.columns import ColumnsError
from qal.engine.catalogue import DEFAULT_MODEL
from qal.engine.corpus_readers import EngineTranscriber
from qal.engine.interface import load_engine
from qal.errors import OptionError
from qal.json_text import json_text

ROLES = get_args(Role)
CONTINUED = "interrupted: the same command continues the import where it stopped"


class PathOptions(OwnOptions, frozen=True):
    """The options of an import of a folder, a table or an archive."""

    source: Path = positional("a folder, a table or an archive (.zip, .tar, .tar.gz …)", "PATH")
    language: str = flag(
        "", "language that is spoken, such as am, pt-BR or Amharic; unset: the one that the source names", "XX"
    )
    out: Path | None = flag(None, "the new corpus, such as data/my-voice", "DIR")
    format_: str = flag("", f"format of the source; unset: found. One of {', '.join(f.name for f in FORMATS)}", "NAME")
    columns: str = flag("", f"columns of its table, for {', '.join(ROLES)}; unset: found by name", "ROLE=COLUMN,…")
    audio_folder: Path | None = flag(None, "another folder in which the recordings of a table may be", "DIR")
    max_problems: float = flag(
        MAX_PROBLEM_SHARE, "share of the entries that may be unusable; above it, the import stops", ge=0, le=1
    )
    align: str = flag(
        DEFAULT_MODEL,
        "model that finds the times of a transcript without times, and in cues of more than 30 s",
        "MODEL",
    )
    dry_run: bool = flag(False, "print the first ten examples, counts and problems; write nothing")
    licence: str = flag("", "terms of use; unset: those that the source names")

    @field_validator("columns")
    @classmethod
    def _columns_have_roles(cls, text: str) -> str:
        parse_columns(text)
        return text


def parse_columns(text: str) -> dict[Role, str]:
    """Parses `text=sentence,file=path`. Raises ValueError, which names the roles, for anything else."""
    columns: dict[Role, str] = {}
    for pair in filter(None, text.split(",")):
        role, equals, column = pair.partition("=")
        if not equals or role.strip() not in ROLES or not column.strip():
            raise ValueError(f"'{pair}' is not ROLE=COLUMN; a role is one of {', '.join(ROLES)}")
        columns[cast("Role", role.strip())] = column.strip()
    return columns


def import_path_main(prog: str, about: str, arguments: Sequence[str]) -> None:
    """Runs `qal corpus import PATH`; `prog` and `about` are for its help."""
    options = parse_options(prog, about, PathOptions, arguments)
    if options.dry_run:
        _preview(options)
    elif options.out is None:
        raise OptionError("give --out, the folder of the new corpus, such as data/my-voice; or --dry-run")
    else:
        _import(options, options.out)


def _listing_options(options: PathOptions) -> ListingOptions:
    columns = parse_columns(options.columns)
    return ListingOptions(options.language, columns, options.no_text, transcriber=_transcriber(options))


def _transcriber(options: PathOptions) -> EngineTranscriber:
    """Returns the model of --align, which is loaded when a source needs it."""
    language = options.language or None
    return EngineTranscriber(lambda: load_engine(options.align, language), options.align)


def _format(options: PathOptions) -> SourceFormat | None:
    return format_named(options.format_) if options.format_ else None


def _audio_folders(options: PathOptions) -> list[Path]:
    return [options.audio_folder] if options.audio_folder else []


def _preview(options: PathOptions) -> None:
    """Prints what an import would make. Raises CorpusError if it would make nothing."""
    try:
        found = _found(options)
    except ColumnsError as error:
        if options.json_:  # with the columns there are, of which a page offers a choice
            print(json_text({"columns": error.columns, "stops": str(error)}))
        raise
    _show_preview(found, options.json_)


def _found(options: PathOptions) -> Preview:
    return preview(
        options.source,
        _listing_options(options),
        _format(options),
        max_problem_share=options.max_problems,
        audio_folders=_audio_folders(options),
        work_folder=options.out.parent if options.out and options.out.parent.is_dir() else None,
    )


def _import(options: PathOptions, out: Path) -> None:
    import_with_progress(
        options.source,
        out,
        _listing_options(options),
        options.json_,
        format=_format(options),
        licence=options.licence,
        attribution=options.attribution,
        force=options.force,
        max_problem_share=options.max_problems,
        audio_folders=_audio_folders(options),
    )


def import_with_progress(source: Path, out: Path, options: ListingOptions, as_json: bool, **settings: Any) -> None:
    """Imports a source with a progress bar; its problems are printed even when it stops.

    `settings` are other arguments of `import_source`."""
    try:
        with tqdm(desc="import", unit=" entries") as bar:
            result = import_source(
                source, out, options, on_progress=lambda progress: _advance(bar, progress), **settings
            )
    except ProblemsError as error:
        show_skipped([str(problem) for problem in error.problems])
        raise
    except KeyboardInterrupt:
        print(CONTINUED, file=sys.stderr)
        raise
    problems = [str(problem) for problem in result.problems]
    show_skipped(problems)
    if result.resumed:
        print(f"continued: {result.resumed:,} examples were converted before")
    for note in result.notes:
        print(f"note: {note}")
    show_corpus(result.corpus, problems, as_json, result.notes)


def _advance(bar: tqdm, progress: ImportProgress) -> None:
    """Shows the progress; the bar computes the time that is left."""
    if progress.stage != "convert":
        bar.set_description_str(progress.stage)
        return
    bar.set_description_str("import")
    if progress.total != bar.total:
        bar.total = progress.total
        bar.reset(progress.total)
    bar.n = progress.done
    bar.set_postfix_str(f"{progress.speech_s / 3600:.2f} h of speech, {progress.problems} problems")
    bar.refresh()


def _show_preview(found: Preview, as_json: bool) -> None:
    show_skipped([str(problem) for problem in found.problems])
    at_least = "" if found.count_is_complete else "at least "
    print(f"format: {found.format_title} ({found.format_name})")
    if found.columns:
        used = {column: role for role, column in found.roles.items()}
        print(f"columns: {', '.join(f'{c} ({used[c]})' if c in used else c for c in found.columns)}")
    print(f"{at_least}{found.count:,} examples, {len(found.problems):,} problems, {found.speakers} speakers")
    if found.split_counts:
        print(f"splits: {', '.join(f'{name} {count:,}' for name, count in found.split_counts.items())}")
    for row in found.rows:
        about = [f"{row.duration_s:.2f} s", row.language, row.speaker, row.split_name, *row.marks, *row.notes]
        print(f"  {row.audio} ({', '.join(filter(None, about))}): {row.text or '(no text)'}")
    for line in (found.notes, f"the import would stop: {found.stops}" if found.stops else "nothing was written"):
        if line:
            print(line)
    if as_json:
        print(json_text({**asdict(found), "problems": [str(problem) for problem in found.problems]}))
