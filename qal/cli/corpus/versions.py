"""qal corpus versions|diff|restore: the recorded states of a corpus."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel

from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.manifest import read_corpus
from qal.corpus.versions.diff import describe_diff, diff_rows
from qal.corpus.versions.dvc_file import write_dvc_file
from qal.corpus.versions.history import (
    SHOWN_DIGITS,
    describe_versions,
    find_version,
    read_version,
    record_version,
    restore_version,
)
from qal.corpus.versions.store import list_versions
from qal.errors import CorpusError
from qal.json_text import json_text

MAX_LINES = 40  # of a diff that are printed


class VersionsOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    record: str | None = flag(None, "record the present state with this note", "NOTE")
    dvc: bool = flag(False, "write DIR.dvc, the pointer file for DVC and Git")
    json_: bool = flag(False, JSON_HELP)


class DiffOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    from_: str | None = flag(None, "the older version; unset: the last one that differs from the newer", "VERSION")
    to: str | None = flag(None, "the newer version; unset: the present state", "VERSION")
    json_: bool = flag(False, JSON_HELP)


class RestoreOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    version: str = positional("the first digits of its hash, as `qal corpus versions` prints them", "VERSION")
    json_: bool = flag(False, JSON_HELP)


def versions_main(arguments: Sequence[str]) -> None:
    about = "Lists the recorded versions of a corpus, the oldest first; a star is before the present one."
    options = parse_options("qal corpus versions", about, VersionsOptions, arguments)
    try:
        corpus = read_corpus(options.folder, max_missing_share=1)
    except CorpusError:
        for line in describe_versions(list_versions(options.folder), present=""):
            print(line)  # one of them can be restored
        raise
    if options.record is not None:
        record_version(corpus.folder, options.record)
    versions = list_versions(corpus.folder)
    for line in describe_versions(versions, corpus.info.version):
        print(line)
    if not versions or versions[-1].version != corpus.info.version:
        print(f"* {corpus.info.version[:SHOWN_DIGITS]}  (not recorded; --record NOTE records it)")
    if options.dvc:
        print(write_dvc_file(corpus.folder))
    if options.json_:
        print(json_text({"present": corpus.info.version, "versions": [v.model_dump() for v in versions]}))


def diff_main(arguments: Sequence[str]) -> None:
    about = "Compares two versions of a corpus: added (+), removed (-) and changed (~) examples."
    options = parse_options("qal corpus diff", about, DiffOptions, arguments)
    folder = options.folder
    if options.to:
        new = read_version(folder, find_version(folder, options.to))
    else:
        new = read_corpus(folder, max_missing_share=1)
    others = [version for version in list_versions(folder) if version.version != new.info.version]
    if options.from_ is None and not others:
        raise CorpusError(f"{folder}: no other version is recorded; record them with `qal corpus versions --record`")
    old = read_version(folder, find_version(folder, options.from_) if options.from_ else others[-1])
    diff = diff_rows(old.rows, new.rows)
    print(f"{old.info.version[:SHOWN_DIGITS]} -> {new.info.version[:SHOWN_DIGITS]}")
    for line in describe_diff(diff, MAX_LINES):
        print(line)
    if options.json_:
        found = {"counts": diff.counts(), "changes": [asdict(change) for change in diff.changes]}
        rows = {"added": [row.audio for row in diff.added], "removed": [row.audio for row in diff.removed]}
        print(json_text({"from": old.info.version, "to": new.info.version, **found, **rows}))


def restore_main(arguments: Sequence[str]) -> None:
    about = "Makes a recorded version the present state; the state before is recorded, too."
    options = parse_options("qal corpus restore", about, RestoreOptions, arguments)
    corpus = restore_version(options.folder, find_version(options.folder, options.version))
    print(f"{corpus.folder}: {len(corpus.rows)} examples, version {corpus.info.version[:SHOWN_DIGITS]}")
    if options.json_:
        print(json_text({"folder": str(corpus.folder), "version": corpus.info.version}))
