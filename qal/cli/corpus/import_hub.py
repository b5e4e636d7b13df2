"""qal corpus import hub: imports a data set of the Hugging Face hub, streamed or as files."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import field_validator

from qal.cli.corpus.import_options import OwnOptions
from qal.cli.corpus.import_path import import_with_progress, parse_columns, print_preview
from qal.cli.corpus.import_results import show_corpus, show_skipped
from qal.cli.parsing import flag, parse_options, positional
from qal.corpus.importers.hub import holds_audio_files, import_hub, preview_hub
from qal.corpus.importers.hugging_face.hub_stream import HubRequest, hub_format
from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.results import MAX_PROBLEM_SHARE, Preview
from qal.errors import OptionError

ABOUT = (
    "Imports a data set of the Hugging Face hub that has an audio column, such as --config am_et --split train[:500]: "
    "its rows are streamed, so that a part of it needs no full download. A data set that consists of audio files is "
    "downloaded whole unless one of --config, --split and --columns is given. --dry-run reads the first rows only."
)


class HubOptions(OwnOptions, frozen=True):
    repository: str = positional("the data set's name on the hub", "OWNER/NAME")
    language: str = flag("", "language that is spoken, such as am, pt-BR or Amharic; unset: the data set's own", "XX")
    config: str | None = flag(None, "configuration of a data set that has several, such as am_et", "NAME")
    split: str | None = flag(None, "split, or a range of its rows, such as train[:500]; unset: all", "SPLIT")
    columns: str = flag("", "columns for text, speaker and so on; unset: found by name", "ROLE=COLUMN,…")
    revision: str | None = flag(None, "branch, tag or commit; unset: the newest")
    licence: str | None = flag(None, "terms of use; unset: the data set's own")
    out: Path | None = flag(None, "the new corpus, such as data/my-voice", "DIR")
    max_problems: float = flag(
        MAX_PROBLEM_SHARE, "share of the entries that may be unusable; above it, the import stops", ge=0, le=1
    )
    dry_run: bool = flag(False, "print the first ten examples, counts and problems; downloads little more than these")

    @field_validator("columns")
    @classmethod
    def _columns_have_roles(cls, text: str) -> str:
        parse_columns(text)
        return text


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal corpus import hub", ABOUT, HubOptions, arguments)
    if options.out is None and not options.dry_run:
        raise OptionError("give --out, the folder of the new corpus, such as data/my-voice; or --dry-run")
    is_part = options.config or options.split or options.columns
    is_streamed = bool(is_part) or not holds_audio_files(options.repository, options.revision)
    if not is_streamed and not options.language and not options.dry_run:
        raise OptionError("give --language, the language that is spoken, such as am")
    if options.dry_run or options.out is None:
        print_preview(lambda: _preview(options, is_streamed), options.json_)
    elif is_streamed:
        _import_stream(options, options.out)
    else:
        _import_files(options, options.out)


def _request(options: HubOptions) -> HubRequest:
    return HubRequest(options.repository, options.config, options.split, options.revision)


def _listing_options(options: HubOptions) -> ListingOptions:
    return ListingOptions(options.language, parse_columns(options.columns), options.no_text)


def _preview(options: HubOptions, is_streamed: bool) -> Preview:
    """Returns what an import would make, from the first rows. Raises CorpusError if it would make nothing."""
    request, listing = _request(options), _listing_options(options)
    if not is_streamed:
        return preview_hub(request, listing, options.max_problems)
    return preview(Path(str(request)), listing, hub_format(request), max_problem_share=options.max_problems)


def _import_stream(options: HubOptions, out: Path) -> None:
    request = _request(options)
    import_with_progress(
        Path(str(request)),
        out,
        _listing_options(options),
        options.json_,
        format=hub_format(request),
        max_problem_share=options.max_problems,
        licence=options.licence or "",
        attribution=options.attribution,
        force=options.force,
    )


def _import_files(options: HubOptions, out: Path) -> None:
    """Imports a data set that consists of audio files; what it skipped is printed even when it fails."""
    skipped: list[str] = []
    try:
        corpus = import_hub(
            options.repository,
            options.language,
            out,
            revision=options.revision,
            no_text=options.no_text,
            licence=options.licence,
            attribution=options.attribution,
            force=options.force,
            max_problem_share=options.max_problems,
            on_skip=skipped.append,
        )
    finally:
        show_skipped(skipped)
    show_corpus(corpus, skipped, options.json_)
