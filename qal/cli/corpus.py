"""python -m corpus import asterisk|folder|hub|... --out DIR        python -m corpus stats DIR"""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus.importers.asterisk import VOICES, import_asterisk
from corpus.importers.folder import import_folder
from corpus.importers.hub import import_hub
from corpus.importers.packaged import PACKAGED, PackagedSpeech
from corpus.manifest import UNKNOWN, Corpus, read_corpus
from corpus.statistics import as_table, corpus_statistics
from errors import CommandParser, run_command

AddParser = Callable[..., argparse.ArgumentParser]

MAX_SKIPPED_LINES = 20  # shown; the rest is counted

SPLIT_HELP = (
    "The split (train, validation, test) comes from a hash of each sentence, so that the same sentence "
    "never sits on two sides and a corpus that grows keeps its test rows."
)


def main() -> None:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was half made is put away
    if options.command == "stats":
        _show_statistics(read_corpus(options.folder), options.json)
        return
    skipped: list[str] = []
    try:
        corpus = _import(options, skipped)
    finally:
        _show_skipped(skipped)
    _show_corpus(corpus, len(skipped), options.json)


def _import(options: argparse.Namespace, skipped: list[str]) -> Corpus:
    common: dict[str, Any] = {"force": options.force, "on_skip": skipped.append}
    if options.format == "asterisk":
        out = options.out or Path(f"data/asterisk-{options.language}")
        return import_asterisk(options.language, out, **common)
    if options.format in PACKAGED:
        words = (options.language,) if PACKAGED[options.format].languages else ()
        out = options.out or Path("data", "-".join((options.format, *words)))
        return PACKAGED[options.format].import_corpus(*words, out, **common)
    common |= {"no_text": options.no_text, "attribution": options.attribution, "licence": options.licence}
    if options.format == "folder":
        return import_folder(options.folder, options.language, options.out, **common)
    return import_hub(options.repository, options.language, options.out, revision=options.revision, **common)


def _show_statistics(corpus: Corpus, as_json: bool) -> None:
    lines = corpus_statistics(corpus)
    print(f"{corpus.info.name}, version {corpus.info.version[:12]}, licence {corpus.info.licence}")
    print(as_table(lines))
    if as_json:
        print(json.dumps({**corpus.info.model_dump(), "statistics": [line.model_dump() for line in lines]}))


def _show_skipped(skipped: list[str]) -> None:
    for clause in skipped[:MAX_SKIPPED_LINES]:
        print(f"left out: {clause}", file=sys.stderr)
    if len(skipped) > MAX_SKIPPED_LINES:
        print(f"left out: {len(skipped) - MAX_SKIPPED_LINES} more", file=sys.stderr)


def _show_corpus(corpus: Corpus, skipped: int, as_json: bool) -> None:
    info = corpus.info
    print(f"{corpus.folder}: {len(corpus.rows)} utterances, {skipped} left out, version {info.version[:12]}")
    print(as_table(corpus_statistics(corpus)))
    print(f"licence: {info.licence}")
    for line in (info.attribution, info.notes):
        if line:
            print(line)
    if as_json:
        print(json.dumps({"folder": str(corpus.folder), "left_out": skipped, **info.model_dump()}))


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(prog="python -m corpus", description="Bring speech in, and look at what there is.")
    commands = parser.add_subparsers(dest="command", required=True)
    imports = commands.add_parser("import", help="make a corpus", description=f"Make a corpus. {SPLIT_HELP}")
    formats = imports.add_subparsers(dest="format", required=True)
    _add_asterisk(formats.add_parser)
    for name, source in PACKAGED.items():
        _add_packaged(formats.add_parser, name, source)
    _add_folder(formats.add_parser)
    _add_hub(formats.add_parser)
    stats = commands.add_parser("stats", help="how much speech a corpus holds, by split and language")
    stats.add_argument("folder", type=Path, metavar="DIR", help="the corpus, a folder with manifest.jsonl")
    stats.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def _add_asterisk(add_parser: AddParser) -> None:
    about = "telephone prompts of Asterisk, one professional voice a language, from Debian's packages (no root needed)"
    parser = add_parser("asterisk", help=about, description=f"{about}. {SPLIT_HELP}")
    parser.add_argument("--language", required=True, choices=sorted(VOICES), help="which voice")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the new corpus (default: data/asterisk-LANGUAGE)")
    _add_common(parser)


def _add_packaged(add_parser: AddParser, name: str, source: PackagedSpeech) -> None:
    about = f"{source.about}, from Debian's packages (no root needed)"
    parser = add_parser(name, help=about, description=f"{about}. {SPLIT_HELP}")
    if source.languages:
        parser.add_argument("--language", required=True, choices=sorted(source.languages), help="what is spoken")
    default = f"data/{name}-LANGUAGE" if source.languages else f"data/{name}"
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"the new corpus (default: {default})")
    _add_common(parser)


def _add_folder(add_parser: AddParser) -> None:
    about = "recordings of your own: name.wav with name.txt beside it, or a metadata.csv, .tsv or .jsonl"
    columns = (
        "Its columns are file (or file_name, audio, path), text (or sentence, transcription) and, if known, speaker "
        "and translation (into English)."
    )
    parser = add_parser("folder", help=about, description=f"{about}. {columns} {SPLIT_HELP}")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder that holds the recordings")
    _add_own(parser, UNKNOWN)


def _add_hub(add_parser: AddParser) -> None:
    about = "a data set of the Hugging Face hub in the audiofolder layout: audio files and a metadata table"
    parser = add_parser("hub", help=about, description=f"{about}. {SPLIT_HELP}")
    parser.add_argument("repository", metavar="OWNER/NAME", help="the data set's name on the hub")
    parser.add_argument("--revision", help="branch, tag or commit (default: the newest)")
    _add_own(parser, None)


def _add_own(parser: argparse.ArgumentParser, licence: str | None) -> None:
    default = licence or "what the data set's card says"
    parser.add_argument(
        "--language", required=True, metavar="XX", help="what is spoken: two or three letters, such as am"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new corpus, such as data/my-voice")
    parser.add_argument(
        "--no-text", action="store_true", help="take the audio alone, for distillation; split by its hash"
    )
    parser.add_argument("--licence", default=licence, help=f"on what terms it may be used (default: {default})")
    parser.add_argument("--attribution", default="", help="whom to name")
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="replace a corpus that is there already")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")


if __name__ == "__main__":
    run_command(main)
