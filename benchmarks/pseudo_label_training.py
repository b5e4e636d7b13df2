"""python -m benchmarks.pseudo_label_training: what pseudo-labels bring to a training.

Trains the preset three times: with a few of a dataset's transcripts, with these and pseudo-labels of the other training
recordings, and with these and the transcripts of the other recordings. The validation and test examples are measured
with each model, paired against the first. What is under --runs is used again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from jsonargparse import Namespace

from benchmarks.hardware import hardware
from benchmarks.job import ROOT, train
from benchmarks.progress import report_progress
from benchmarks.retention import QUIET, against, read, spoken
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.split import evenly_spaced
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.engine.model_directory import is_model_directory
from qal.errors import OptionError
from qal.evaluation.error_rates import ErrorCounts
from qal.jobs.run import Run
from qal.subcommand import qal_command
from qal.text.normalisation.registry import SCORING


def main() -> None:
    parser = make_parser("python -m benchmarks.pseudo_label_training", __doc__ or "")
    parser.add_argument("--corpus", type=Path, default=Path("data/festvox-ru"), help="speech (default: %(default)s)")
    parser.add_argument("--transcripts", type=int, default=60, help="training examples with their transcripts")
    parser.add_argument("--recordings", type=int, help="other training recordings, evenly spaced; unset: all")
    parser.add_argument("--preset", default="quick", help="a file of configs/, without .yaml (default: %(default)s)")
    parser.add_argument("--model", default="base-adaptive", help="model of the labels (default: %(default)s)")
    parser.add_argument("--second", default="", help="model of the second reading; unset: as in qal corpus label")
    parser.add_argument("--runs", type=Path, default=Path("runs/pseudo-labels"), help="folder of datasets and runs")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    print(json.dumps(measure(options), indent=None if options.json else 2, ensure_ascii=False))


def measure(options: Namespace) -> dict:
    corpus = read_corpus(options.corpus)
    training = corpus.select("train")
    if not 0 < options.transcripts < len(training):
        raise OptionError(f"--transcripts must be below the {len(training)} training examples of {options.corpus}")
    few = evenly_spaced(training, options.transcripts)
    chosen = {row.audio for row in few}
    others = evenly_spaced([row for row in training if row.audio not in chosen], options.recordings)
    held_out = [*corpus.select("validation"), *corpus.select("test")]
    datasets = options.runs.resolve() / "data"
    own = make_dataset(corpus, [*few, *held_out], datasets / "own")
    every = make_dataset(corpus, [*few, *others, *held_out], datasets / "all")
    labelled = label_recordings(corpus, others, datasets, options)
    trained = {"transcripts": [own], "with pseudo-labels": [own, labelled.folder], "all transcripts": [every]}
    references = {"held out": spoken(corpus, ("validation", "test"))}
    counts: dict[str, ErrorCounts] = {"not trained": read(Engine(resolve(options.model)), references)["held out"]}
    for name, folders in trained.items():
        report_progress(name)
        counts[name] = read(Engine(trained_model(name, folders, options)), references)["held out"]
    return {
        "hardware": hardware(),
        "settings": {
            "preset": options.preset,
            "corpus": corpus.info.name,
            "version": corpus.info.version[:12],
            "normaliser": SCORING.id,
            "held_out": len(references["held out"]),
            "transcripts": len(few),
            "other_recordings": len(others),
            "pseudo_labels": len(labelled.rows),
            "labelled_by": labelled.info.source,
        },
        "figures": {name: against(found, counts["transcripts"]) for name, found in counts.items()},
        "bars": {},
    }


def make_dataset(corpus: Corpus, rows: Iterable[Row], folder: Path) -> Path:
    """Makes a dataset of some rows; the recordings are links to those of `corpus`."""
    rows = list(rows)
    link_recordings(corpus, rows, folder)
    write_corpus(folder, Origin(name=folder.name, source=f"part of {corpus.info.name}"), rows)
    return folder


def link_recordings(corpus: Corpus, rows: Sequence[Row], folder: Path) -> None:
    for row in rows:
        target = folder / row.audio
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.link(corpus.audio_path(row), target)


def label_recordings(corpus: Corpus, rows: Sequence[Row], datasets: Path, options: Namespace) -> Corpus:
    """Labels recordings as if they had no transcripts."""
    recordings, out = datasets / "recordings", datasets / "labels"
    if not out.exists():
        report_progress("labels")
        link_recordings(corpus, rows, recordings)
        chosen = {"language": rows[0].language, "out": out, "model": options.model, "second": options.second}
        flags = [f"--{name}={value}" for name, value in chosen.items() if value]
        subprocess.run(qal_command("corpus", "label", str(recordings), *flags), check=True, stdout=sys.stderr)
    return read_corpus(out)


def trained_model(name: str, folders: Sequence[Path], options: Namespace) -> Path:
    runs, plain = options.runs.resolve(), name.replace(" ", "-")
    if not is_model_directory(Run(runs / plain).model):
        corpora = json.dumps([str(folder) for folder in folders])
        train(ROOT / "configs" / f"{options.preset}.yaml", {"corpus": corpora, **QUIET}, runs, plain)
    return Run(runs / plain).model


if __name__ == "__main__":
    run_command(main)
