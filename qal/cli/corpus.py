"""qal corpus import|stats: import speech with transcripts, and print statistics."""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, create_model

from qal.cli.command import interrupt_on_sigterm, run_subcommand
from qal.cli.parsing import JSON_HELP, Options, flag, parse_options, positional
from qal.corpus.importers.asterisk import VOICES, import_asterisk
from qal.corpus.importers.debian_sources import DEBIAN_SOURCES, DebianSource
from qal.corpus.importers.folder import import_folder
from qal.corpus.importers.hub import import_hub
from qal.corpus.manifest import UNKNOWN, Corpus, read_corpus
from qal.corpus.split_assignment import describe_split
from qal.corpus.statistics import corpus_statistics, format_table
from qal.json_text import json_text

MAX_SKIPPED_LINES = 20  # of skipped files that are printed; the others are counted
SPLIT_HELP = (
    "The split (train, validation, test) is the one that the source gives, in a column split or by folders of these "
    "names. Otherwise no speaker of a test example is trained on, or, without several speakers, no sentence. A corpus "
    "that is imported again with --force keeps its split, also where a text was corrected."
)
ABOUT_ASTERISK = "telephone prompts of Asterisk, one professional voice a language, from Debian's packages"
ABOUT_FOLDER = (
    "your own recordings: name.wav with name.txt beside it, or a metadata.csv, .tsv or .jsonl with the columns "
    "file (or file_name, audio, path), text (or sentence, transcription) and, if known, speaker and translation"
)
ABOUT_HUB = "a dataset of the Hugging Face hub in the audiofolder layout: audio files and a metadata table"
SUBCOMMANDS = {
    "import": (f"{__name__}:import_main", "make a corpus"),
    "stats": (f"{__name__}:stats_main", "print how much speech a corpus holds, by split and language"),
    "label": (
        "qal.cli.corpus_verbs.label",
        "make examples of recordings without transcripts, where two readings agree",
    ),
    "synthesize": (
        "qal.cli.corpus_verbs.synthesize",
        "make examples of a text with the speech synthesis of this machine",
    ),
}
SOURCES = {
    "folder": (f"{__name__}:folder_main", ABOUT_FOLDER),
    "hub": (f"{__name__}:hub_main", ABOUT_HUB),
    "asterisk": (f"{__name__}:asterisk_main", ABOUT_ASTERISK),
    **{
        name: (f"{__name__}:import_main", f"{source.description}, from Debian's packages")
        for name, source in DEBIAN_SOURCES.items()
    },
}


class StatsOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    json_: bool = flag(False, JSON_HELP)


class ImportOptions(BaseModel, frozen=True):
    """The options of every importer."""

    force: bool = flag(False, "replace an existing corpus")
    json_: bool = flag(False, JSON_HELP)


class OwnOptions(ImportOptions, frozen=True):
    """The options of the importers of your own speech."""

    language: str = flag(..., "language that is spoken: two or three letters, such as am", "XX")
    out: Path = flag(..., "the new corpus, such as data/my-voice", "DIR")
    no_text: bool = flag(False, "import the audio alone, for distillation")
    attribution: str = flag("", "name to credit")


class FolderOptions(OwnOptions, frozen=True):
    folder: Path = positional("the folder of the recordings", "DIR")
    licence: str = flag(UNKNOWN, "terms of use")


class HubOptions(OwnOptions, frozen=True):
    repository: str = positional("the dataset's name on the hub", "OWNER/NAME")
    revision: str | None = flag(None, "branch, tag or commit; unset: the newest")
    licence: str | None = flag(None, "terms of use; unset: the dataset's own")


class DebianOptions(ImportOptions, frozen=True):
    out: Path | None = flag(None, "the new corpus; unset: data/SOURCE-LANGUAGE", "DIR")


def main(arguments: Sequence[str]) -> None:
    run_subcommand("qal corpus", "Imports speech with transcripts and prints statistics.", SUBCOMMANDS, arguments)


def stats_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal corpus stats", "Prints how much speech a corpus holds.", StatsOptions, arguments)
    _show_statistics(read_corpus(options.folder), options.json_)


def import_main(arguments: Sequence[str]) -> None:
    interrupt_on_sigterm()  # an unfinished corpus is removed
    about = f"Makes a corpus. {SPLIT_HELP}"
    if arguments and arguments[0] in DEBIAN_SOURCES:
        return _import_debian_source(arguments[0], DEBIAN_SOURCES[arguments[0]], arguments[1:])
    return run_subcommand("qal corpus import", about, SOURCES, arguments)


def folder_main(arguments: Sequence[str]) -> None:
    options = _parse("folder", ABOUT_FOLDER, FolderOptions, arguments)
    _import(options, import_folder, options.folder, options.language, options.out, **_own(options))


def hub_main(arguments: Sequence[str]) -> None:
    options = _parse("hub", ABOUT_HUB, HubOptions, arguments)
    own = _own(options)
    _import(options, import_hub, options.repository, options.language, options.out, revision=options.revision, **own)


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


def _own(options: FolderOptions | HubOptions) -> dict[str, Any]:
    return {"no_text": options.no_text, "attribution": options.attribution, "licence": options.licence}


def _import(options: ImportOptions, importer: Callable[..., Corpus], *arguments: Any, **settings: Any) -> None:
    """Runs an importer; what it skipped is printed even when it fails."""
    skipped: list[str] = []
    try:
        corpus = importer(*arguments, force=options.force, on_skip=skipped.append, **settings)
    finally:
        _show_skipped(skipped)
    _show_corpus(corpus, len(skipped), options.json_)


def _show_statistics(corpus: Corpus, as_json: bool) -> None:
    lines = corpus_statistics(corpus)
    print(f"{corpus.info.name}, version {corpus.info.version[:12]}, licence {corpus.info.licence}")
    print(format_table(lines))
    _show_split(corpus)
    if as_json:
        print(json_text({**corpus.info.model_dump(), "statistics": [line.model_dump() for line in lines]}))


def _show_split(corpus: Corpus) -> None:
    print(f"split: {describe_split(corpus.info) or 'not recorded'}")


def _show_skipped(skipped: list[str]) -> None:
    for reason in skipped[:MAX_SKIPPED_LINES]:
        print(f"skipped: {reason}", file=sys.stderr)
    if len(skipped) > MAX_SKIPPED_LINES:
        print(f"skipped: {len(skipped) - MAX_SKIPPED_LINES} more", file=sys.stderr)


def _show_corpus(corpus: Corpus, skipped: int, as_json: bool) -> None:
    info = corpus.info
    print(f"{corpus.folder}: {len(corpus.rows)} utterances, {skipped} skipped, version {info.version[:12]}")
    print(format_table(corpus_statistics(corpus)))
    _show_split(corpus)
    print(f"licence: {info.licence}")
    for line in (info.attribution, info.notes):
        if line:
            print(line)
    if as_json:
        print(json_text({"folder": str(corpus.folder), "left_out": skipped, **info.model_dump()}))
