"""qal corpus import|stats|check|mark|split|leakage: import speech with transcripts, and print statistics."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, create_model

from qal.cli.command import HELP, interrupt_on_sigterm, run_subcommand
from qal.cli.corpus.import_options import ImportOptions
from qal.cli.corpus.import_path import import_path_main
from qal.cli.corpus.import_results import show_corpus, show_skipped, show_split
from qal.cli.parsing import JSON_HELP, Options, flag, parse_options, positional
from qal.corpus.importers.asterisk import VOICES, import_asterisk
from qal.corpus.importers.debian_sources import DEBIAN_SOURCES, DebianSource
from qal.corpus.left_out import count_marked, describe_left_out
from qal.corpus.manifest import Corpus, read_corpus
from qal.corpus.quality.letters import writing_style_notes
from qal.corpus.statistics import corpus_statistics, format_table
from qal.json_text import json_text

SPLIT_HELP = (
    "The split (train, validation, test) is the one that the source gives, in a column split or by folders of these "
    "names. Otherwise no speaker of a test example is trained on, or, without several speakers, no sentence. A corpus "
    "that is imported again with --force keeps its split, also where a text was corrected."
)
ABOUT_ASTERISK = "telephone prompts of Asterisk, one professional voice a language, from Debian's packages"
ABOUT_PATH = (
    "a folder of recordings, a table that lists them, or an archive of either. The format is found: name.wav with "
    "name.txt beside it; a CSV, TSV, JSON, Parquet or XLSX table with columns for the file and the text; a long "
    "recording with subtitles, labels or a transcript beside it; and the "
    "formats of --format. An import that was interrupted is continued by the same command"
)
ABOUT_HUB = "a data set of the Hugging Face hub, or a part of it"
IMPORT_HELP = (
    f"Makes a corpus. {SPLIT_HELP}\n\n`qal corpus import PATH --language XX --out DIR` imports your own recordings, "
    "whatever their format; `--dry-run` shows what would be made, and `qal corpus import folder --help` all options. "
    "The commands below import from elsewhere."
)
SUBCOMMANDS = {
    "import": (f"{__name__}:import_main", "make a corpus"),
    "stats": (f"{__name__}:stats_main", "print how much speech a corpus holds, by split and language"),
    "check": ("qal.cli.corpus.check:check_main", "find doubtful examples: noise, wrong texts, duplicates"),
    "mark": ("qal.cli.corpus.check:mark_main", "leave examples out of training and scores, or take them back"),
    "split": ("qal.cli.corpus.split:split_main", "split a corpus anew by speaker, text or recording"),
    "leakage": ("qal.cli.corpus.split:leakage_main", "find test examples that are also trained on"),
    "export": ("qal.cli.corpus.export:main", "write a corpus for datasets, Lhotse, NeMo or as a folder with a table"),
    "versions": ("qal.cli.corpus.versions:versions_main", "list or record the versions of a corpus"),
    "diff": ("qal.cli.corpus.versions:diff_main", "compare two versions of a corpus"),
    "restore": ("qal.cli.corpus.versions:restore_main", "restore a version of a corpus"),
    "label": (
        "qal.cli.corpus.label",
        "make examples of recordings without transcripts, where two readings agree",
    ),
    "synthesize": (
        "qal.cli.corpus.synthesize",
        "make examples of a text with the speech synthesis of this machine",
    ),
}
SOURCES = {
    "folder": (f"{__name__}:folder_main", "the same as `qal corpus import PATH`"),
    "hub": ("qal.cli.corpus.import_hub:main", ABOUT_HUB),
    "asterisk": (f"{__name__}:asterisk_main", ABOUT_ASTERISK),
    **{
        name: (f"{__name__}:import_main", f"{source.description}, from Debian's packages")
        for name, source in DEBIAN_SOURCES.items()
    },
}


class StatsOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    json_: bool = flag(False, JSON_HELP)


class DebianOptions(ImportOptions, frozen=True):
    out: Path | None = flag(None, "the new corpus; unset: data/SOURCE-LANGUAGE", "DIR")


def main(arguments: Sequence[str]) -> None:
    about = "Imports speech with transcripts, checks, splits and exports it."
    run_subcommand("qal corpus", about, SUBCOMMANDS, arguments)


def stats_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal corpus stats", "Prints how much speech a corpus holds.", StatsOptions, arguments)
    _show_statistics(read_corpus(options.folder), options.json_)


def import_main(arguments: Sequence[str]) -> None:
    interrupt_on_sigterm()  # what is unfinished is removed, or left in a state in which it can be continued
    name = arguments[0] if arguments else HELP[0]
    if name in DEBIAN_SOURCES:
        return _import_debian_source(name, DEBIAN_SOURCES[name], arguments[1:])
    if name in SOURCES or name in HELP:
        return run_subcommand("qal corpus import", IMPORT_HELP, SOURCES, arguments)
    return import_path_main("qal corpus import", f"Imports {ABOUT_PATH}. {SPLIT_HELP}", arguments)


def folder_main(arguments: Sequence[str]) -> None:
    import_path_main("qal corpus import folder", f"Imports {ABOUT_PATH}. {SPLIT_HELP}", arguments)


def asterisk_main(arguments: Sequence[str]) -> None:
    model = _with_language(VOICES)
    options = _parse("asterisk", ABOUT_ASTERISK, model, arguments)
    language = options.language  # pyright: ignore[reportAttributeAccessIssue]
    _import(options, import_asterisk, language, options.out or Path(f"data/asterisk-{language}"))


def _import_debian_source(name: str, source: DebianSource, arguments: Sequence[str]) -> None:
    model = _with_language(source.languages) if source.languages else DebianOptions
    options = _parse(name, f"{source.description}, from Debian's packages", model, arguments)
    languages = (options.language,) if source.languages else ()  # pyright: ignore[reportAttributeAccessIssue]
    out = options.out or Path("data", "-".join((name, *languages)))
    _import(options, source.import_corpus, *languages, out)


def _with_language(languages: Iterable[str]) -> type[DebianOptions]:
    choices: Any = Literal[*sorted(languages)]  # pyright: ignore[reportInvalidTypeForm]
    return create_model(
        "LanguageOptions", __base__=DebianOptions, language=(choices, flag(..., "language that is spoken"))
    )


def _parse(name: str, about: str, model: type[Options], arguments: Sequence[str]) -> Options:
    return parse_options(f"qal corpus import {name}", f"Imports {about}. {SPLIT_HELP}", model, arguments)


def _import(options: ImportOptions, importer: Callable[..., Corpus], *arguments: Any, **settings: Any) -> None:
    """Runs an importer; what it skipped is printed even when it fails."""
    skipped: list[str] = []
    try:
        corpus = importer(*arguments, force=options.force, on_skip=skipped.append, **settings)
    finally:
        show_skipped(skipped)
    show_corpus(corpus, skipped, options.json_)


def _show_statistics(corpus: Corpus, as_json: bool) -> None:
    lines = corpus_statistics(corpus)
    print(f"{corpus.info.name}, version {corpus.info.version[:12]}, licence {corpus.info.licence}")
    print(format_table(lines))
    show_split(corpus)
    marked, style = count_marked(corpus.rows), writing_style_notes(corpus.rows)
    if marked:
        print(f"{describe_left_out(marked)}.")
    for note in style:
        print(note)
    if as_json:
        found = {"statistics": [line.model_dump() for line in lines], "marked": marked, "style": style}
        print(json_text({**corpus.info.model_dump(), **found}))
