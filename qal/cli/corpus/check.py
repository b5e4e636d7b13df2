"""qal corpus check|mark: finds doubtful examples, shows why, and marks them or removes marks."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from tqdm import tqdm

from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.edit import add_mark, edit_rows, remove_mark
from qal.corpus.left_out import count_marked, describe_left_out
from qal.corpus.manifest import Corpus, read_corpus
from qal.corpus.quality.audio_measures import measure_audio
from qal.corpus.quality.check import CheckLimits, Finding, as_edits, counts_by_mark, find_problems
from qal.corpus.quality.letters import writing_style_notes
from qal.errors import OptionError
from qal.json_text import json_text

SHOWN = 8  # examples of each reason that are printed
TEXT_CHARACTERS = 60  # of a text that is printed
ABOUT_CHECK = (
    "Finds doubtful examples and prints why; nothing is changed without --mark. The audio is measured once and the "
    "results are kept in the corpus folder. --model compares each text with what a model recognises, which finds wrong "
    "texts."
)
ABOUT_MARK = (
    "Marks examples with a reason, so that training and scores leave them out; nothing is deleted. --remove removes "
    "the mark again."
)


class CheckOptions(CheckLimits, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    model: str | None = flag(None, f"compare text and audio with this model: {MODEL_HELP}", "MODEL")
    dnsmos: bool = flag(False, "predict the opinion of listeners (DNSMOS), too, at about 0.2 s per example")
    mark: list[str] = flag([], 'mark the examples of these reasons, such as "noisy"; all: of every reason', "REASON")
    shown: int = flag(SHOWN, "examples printed of each reason", "N", ge=0)
    json_: bool = flag(False, JSON_HELP)


class MarkOptions(BaseModel, frozen=True):
    folder: Path = positional("the corpus, a folder with manifest.jsonl", "DIR")
    mark: str | None = flag(None, "the reason, such as noisy; unset with --remove: all marks", "REASON")
    audio: list[str] = flag([], "examples, by their path in the manifest; unset with --remove: all", "PATH")
    remove: bool = flag(False, "remove the mark")
    json_: bool = flag(False, JSON_HELP)


def check_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal corpus check", ABOUT_CHECK, CheckOptions, arguments)
    corpus = read_corpus(options.folder, max_missing_share=1)
    with _progress("audio") as progress:
        measure_audio(corpus, options.dnsmos, progress)
    if options.model:
        _measure_agreement(corpus, options.model)
    limits = CheckLimits.model_validate({name: getattr(options, name) for name in CheckLimits.model_fields})
    findings = find_problems(corpus, limits, options.model)
    _show(corpus, findings, options.shown)
    marked = _mark(options, findings) if options.mark else 0
    if options.json_:
        print(json_text(_as_json(corpus, findings, marked)))


def mark_main(arguments: Sequence[str]) -> None:
    options = parse_options("qal corpus mark", ABOUT_MARK, MarkOptions, arguments)
    if not options.remove and (options.mark is None or not options.audio):
        raise OptionError("give the reason with --mark and the examples with --audio, or use --remove")
    if options.remove:
        paths = options.audio or [row.audio for row in read_corpus(options.folder, 1).rows if row.marks]
        _require_marked(options, paths)
        corpus = remove_mark(options.folder, paths, options.mark)
    else:
        corpus = add_mark(options.folder, options.audio, options.mark or "")
    counts = count_marked(corpus.rows)
    print(f"{describe_left_out(counts)}." if counts else "No example is marked.")
    if options.json_:
        print(json_text({"folder": str(corpus.folder), "marked": counts, "version": corpus.info.version}))


def _require_marked(options: MarkOptions, paths: Sequence[str]) -> None:
    """Raises OptionError if none of the examples has the mark that is to be removed."""
    wanted = set(paths)
    rows = [row for row in read_corpus(options.folder, 1).rows if row.audio in wanted]
    if options.mark is not None and rows and not any(options.mark in row.marks for row in rows):
        marks = ", ".join(f'"{mark}"' for mark in sorted({mark for row in rows for mark in row.marks})) or "none"
        raise OptionError(f'no example has the mark "{options.mark}"; the marks are: {marks}')


def _measure_agreement(corpus: Corpus, model: str) -> None:
    from qal.engine.interface import load_engine
    from qal.evaluation.agreement import measure_agreement

    with _progress("text and audio") as progress:
        measure_agreement(corpus, load_engine(model), model, progress)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    with tqdm(desc=name, unit="example", file=sys.stderr) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update


def _show(corpus: Corpus, findings: Sequence[Finding], shown: int) -> None:
    texts = {row.audio: row.text for row in corpus.rows}
    for note in writing_style_notes(corpus.rows):
        print(note)
    if not findings:
        print(f"{len(corpus.rows):,} examples checked, none is doubtful.")
    for mark, found in groupby(findings, key=lambda finding: finding.mark):
        group = list(found)
        print(f"{mark}: {len(group):,}")
        for finding in group[:shown]:
            print(f"  {finding.audio}: {finding.detail} ({texts[finding.audio][:TEXT_CHARACTERS]!r})")
        if len(group) > shown:
            print(f"  … and {len(group) - shown:,} more")
    if findings:
        folder = shlex.quote(str(corpus.folder))
        print(f"To leave examples out of training and scores: qal corpus check {folder} --mark REASON …")


def _mark(options: CheckOptions, findings: Sequence[Finding]) -> int:
    """Marks the examples of the chosen reasons and returns their number. Raises OptionError for an unknown reason."""
    reasons = counts_by_mark(findings)
    chosen = list(reasons) if options.mark == ["all"] else options.mark
    unknown = [mark for mark in chosen if mark not in reasons]
    if unknown:
        found = ", ".join(f'"{reason}"' for reason in reasons) or "none"
        raise OptionError(f'no example was found for "{unknown[0]}"; the reasons found are: {found}')
    edits = as_edits(findings, chosen)
    counts = ", ".join(f"{mark} {reasons[mark]:,}" for mark in chosen)
    corpus = edit_rows(options.folder, edits, f"marked by the quality check: {counts}")
    print(f"{describe_left_out(count_marked(corpus.rows))}.")
    return len({edit.audio for edit in edits})


def _as_json(corpus: Corpus, findings: Sequence[Finding], marked: int) -> Mapping[str, Any]:
    return {
        "folder": str(corpus.folder),
        "examples": len(corpus.rows),
        "counts": counts_by_mark(findings),
        "style": writing_style_notes(corpus.rows),
        "findings": [
            {"audio": f.audio, "mark": f.mark, "severity": round(f.severity, 4), "detail": f.detail} for f in findings
        ],
        "marked": marked,
    }
