"""python -m benchmarks.retention: the accuracy that fine-tuning on one language costs in another, setting by setting.

Trains the preset once with the settings of each --try, then measures the test and validation examples of the trained
language and all examples of the other one, at 30 s and at adaptive context, paired against stock base at 30 s. Runs are
kept under --runs and not repeated."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jsonargparse import Namespace

from benchmarks.hardware import hardware
from benchmarks.job import ROOT, train
from benchmarks.progress import report_progress
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import Corpus, Split, read_corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import ContextChoice, Engine, Utterance
from qal.engine.model_directory import is_model_directory
from qal.errors import OptionError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.scoring import SEED, SpokenReference, load_references
from qal.jobs.run import Run
from qal.text.normalisation.registry import SCORING

MAX_WER_LOSS = 0.005
BATCH = 8  # utterances per decoding batch
CONTEXTS: dict[str, ContextChoice] = {"30s": "full", "adaptive": "auto"}
# This benchmark measures by itself: no validation during training, no report after it.
QUIET = {  # the stages besides training are as short as they can be
    "validation_utterances": 8,
    "report_utterances": 1,
    "check_utterances": 10,
    "retention.utterances": 0,
    "result.gate": "off",
    "tracker": "none",
}


def main() -> None:
    parser = make_parser("python -m benchmarks.retention", __doc__ or "")
    parser.add_argument("--corpus", type=Path, default=Path("data/asterisk-ru"), help="trained on")
    parser.add_argument(
        "--kept", type=Path, default=Path("data/asterisk-en"), help="not trained on; measured for forgetting"
    )
    parser.add_argument("--preset", default="quick", help="a file of configs/, without .yaml")
    parser.add_argument("--stock", default="base", help="the stock model, decoded at 30 s")
    parser.add_argument(
        "--try",
        dest="tries",
        nargs="*",
        default=[""],
        metavar="SETTINGS",
        help="each a run: options of the trainer, such as 'lora.rank=8 epochs=2'; '' is the preset as it is",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/retention"), help="folder of the runs")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    tries = {" ".join(settings.split()) or "preset": as_settings(settings) for settings in options.tries}
    print(json.dumps(measure(tries, options), indent=None if options.json else 2, ensure_ascii=False))


def as_settings(given: str) -> dict[str, str]:
    pairs = [word.partition("=") for word in given.split()]
    if any(not (name and value) for name, _, value in pairs):
        raise OptionError(f"--try '{given}' is not NAME=VALUE, or several of them with spaces between")
    return {name: value for name, _, value in pairs}


def measure(tries: dict[str, dict[str, str]], options: Namespace) -> dict:
    learned, kept = read_corpus(options.corpus), read_corpus(options.kept)
    references = {
        "learned": spoken(learned, ("validation", "test")),
        "kept": spoken(kept, ("train", "validation", "test")),
    }
    stock = read(Engine(resolve(options.stock), context="full"), references)
    figures = {}
    for name, settings in tries.items():
        report_progress(name)
        model = model_of(name, settings, options)
        figures[name] = {
            context: {what: against(counts, stock[what]) for what, counts in read(engine, references).items()}
            for context, engine in ((c, Engine(model, context=choice)) for c, choice in CONTEXTS.items())
        }
    return {
        "hardware": hardware(),
        "settings": {
            "preset": options.preset,
            "normaliser": SCORING.id,
            "learned": options.corpus.name,
            "kept": options.kept.name,
        },
        "figures": figures,
        "reference": {
            what: {"utterances": len(c.words), "words": int(c.words.sum()), "wer": round(c.wer, 4)}
            for what, c in stock.items()
        },
        "bars": {
            f"{name}, {context}": {"value": loss, "bar": MAX_WER_LOSS, "met": loss <= MAX_WER_LOSS}
            for name, contexts in figures.items()
            for context, loss in ((c, both["kept"]["difference"]) for c, both in contexts.items())
        },
    }


def model_of(name: str, settings: dict[str, str], options: Namespace) -> Path:
    options.runs.mkdir(parents=True, exist_ok=True)
    folder = options.runs.resolve()
    plain = "".join(c if c.isalnum() or c in ".-" else "_" for c in name)
    if not is_model_directory(Run(folder / plain).model):
        chosen = {"corpus": options.corpus.resolve(), **QUIET, **settings}
        train(ROOT / "configs" / f"{options.preset}.yaml", chosen, folder, plain)
    return Run(folder / plain).model


def spoken(corpus: Corpus, splits: Sequence[Split]) -> list[SpokenReference]:
    """Sorts by length, so that utterances of similar length are decoded together."""
    rows = [r for split in splits for r in corpus.select(split) if r.text and r.duration_s < 29]
    return load_references(corpus, sorted(rows, key=lambda r: r.duration_s))


def read(engine: Engine, references: dict[str, list[SpokenReference]]) -> dict[str, ErrorCounts]:
    found = {}
    for what, every in references.items():
        utterances = [Utterance(r.samples, r.language) for r in every]
        batches = [utterances[i : i + BATCH] for i in range(0, len(utterances), BATCH)]
        texts = [t.text for batch in batches for t in engine.transcribe(batch)]
        found[what] = count_errors([r.text for r in every], texts)
    return found


def against(tuned: ErrorCounts, stock: ErrorCounts) -> dict[str, float]:
    paired = paired_difference(tuned, stock, np.random.default_rng(SEED))
    return {"wer": round(tuned.wer, 4), **{key: round(value, 4) for key, value in paired.model_dump().items()}}


if __name__ == "__main__":
    run_command(main)
