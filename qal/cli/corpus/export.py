"""qal corpus export: writes a corpus in a form that other programs read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from qal.cli.command import interrupt_on_sigterm
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.exporters.exports import PUSHED, export_corpus
from qal.corpus.manifest import read_corpus
from qal.errors import OptionError
from qal.hub_connection import push_folder, require_login
from qal.json_text import json_text

ABOUT = (
    "Writes a corpus in a form that other programs read. hf: Parquet files for `datasets`; audiofolder: folders for "
    "`datasets`; folder: the recordings and a metadata.csv; lhotse, nemo: manifests. Importing an export gives the "
    "same examples again."
)


class ExportOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    to: Literal["hf", "audiofolder", "folder", "lhotse", "nemo"] = flag(..., "the form")
    out: Path = flag(..., "the new folder", "DIR")
    without_marked: bool = flag(False, "leave out the examples that have marks")
    push: str | None = flag(None, "also upload it to the Hugging Face hub; only with hf or audiofolder", "OWNER/NAME")
    public: bool = flag(False, "everybody may see the uploaded data set; otherwise a new one is private")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    interrupt_on_sigterm()  # an unfinished export is removed
    options = parse_options("qal corpus export", ABOUT, ExportOptions, arguments)
    if options.push and options.to not in PUSHED:
        raise OptionError(f"--push needs --to {' or '.join(PUSHED)}")
    if options.push:
        require_login()
    corpus = read_corpus(options.folder)
    export_corpus(corpus, options.to, options.out, with_marked=not options.without_marked)
    print(f"{options.out}: exported version {corpus.info.version[:12]}, licence {corpus.info.licence}")
    address = push_folder(options.out, options.push, "dataset", private=not options.public) if options.push else None
    if address:
        print(address)
    if options.json_:
        print(json_text({"folder": str(options.out), "version": corpus.info.version, "address": address}))
