"""python -m benchmarks.training: this trainer against the standard recipe on the same corpus, weights and machine.

The standard recipe is Transformers' Seq2SeqTrainer with PEFT and every input padded to 30 s. Both are run one after the
other, each in a process of its own; then this trainer once more, for as long as the standard recipe took. All results
are decoded by the same engine on the test examples: the standard one at 30 s, ours at its adaptive context."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import Namespace

from benchmarks.bars import MAX_TRAINING_MEMORY_SHARE, MIN_TRAINING_TIMES_FASTER
from benchmarks.hardware import hardware, versions
from benchmarks.job import ROOT, train
from benchmarks.memory import watched
from benchmarks.progress import report_progress
from benchmarks.training.recipe_settings import RecipeSettings, write
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.corpus.split import evenly_spaced
from qal.engine.catalogue import models_folder, resolve, resolve_transformers
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Engine
from qal.engine.settings.device import choose_device
from qal.errors import CorpusError, TrainingError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.scoring import SEED, Scored, load_references, score_engines
from qal.jobs.example_selection import training_examples
from qal.jobs.machine import engine_device
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.text.normalisation.registry import SCORING

PRESET = ROOT / "configs" / "quick.yaml"
GUIDES_RATE = 1e-3  # the usual rate for LoRA with the standard recipe
MAX_WAIT = 0.25


def main() -> None:
    parser = make_parser("python -m benchmarks.training", __doc__ or "")
    parser.add_argument("--corpus", type=Path, default=Path("data/asterisk-ru"), help="corpus to train on")
    parser.add_argument("--base", default="base", help="weights that both begin with")
    parser.add_argument("--utterances", type=int, default=200, help="trained on by both")
    parser.add_argument("--minutes", type=float, default=6.0, help="at most, of the standard recipe")
    parser.add_argument("--batch", type=int, default=8, help="utterances a step")
    parser.add_argument("--test", type=int, default=100, help="test rows that are scored")
    parser.add_argument("--learning_rate", type=float, help="of this trainer")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    config = load_config(PRESET)
    options.learning_rate = options.learning_rate or config.learning_rate
    config = config.model_copy(
        update={"base": options.base, "batch_size": options.batch, "learning_rate": options.learning_rate}
    )
    corpus = read_corpus(options.corpus)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(config, corpus, options, Path(folder))
    print(json.dumps(result, indent=None if options.json else 2))


def measure(config: TrainingConfig, corpus: Corpus, options: Namespace, folder: Path) -> dict:
    weights = transformers_weights(options.base)
    usable = [row for _, row in training_examples([corpus], config)]
    if not usable:
        raise CorpusError("the corpus has no usable training row with text; import more speech")
    rows = evenly_spaced(usable, options.utterances)
    report_progress(f"the standard recipe, {len(rows)} utterances or {options.minutes:g} minutes")
    standard = run_standard(settings(config, corpus, rows, weights, folder / "standard", options.minutes * 60), folder)
    report_progress(f"this trainer, {standard['utterances']} utterances")
    same_data = run_ours(options, folder, "same-data", epochs=1, utterances=standard["utterances"])
    epochs = max(1, int(standard["seconds"] * same_data["utterances_per_second"] / len(usable)))
    report_progress(f"this trainer, {epochs} epochs of all rows in the same time")
    same_time = run_ours(options, folder, "same-time", epochs, utterances=None)
    report_progress("word error rates")
    scored = score(weights, folder, corpus, options)
    return report(standard, same_data, same_time, scored, config, options)


def run_standard(what: RecipeSettings, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.training.standard", str(write(what, folder / "settings.json"))]
    with (folder / "standard.log").open("w") as log:
        output, peak_mb = watched(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT))
    if not output.strip():
        raise TrainingError(f"the standard recipe failed: {(folder / 'standard.log').read_text()[-300:]}")
    done = json.loads(output.splitlines()[-1])
    return {**done, "utterances_per_second": done["utterances"] / done["seconds"], "peak_mb": peak_mb}


def run_ours(options: Namespace, folder: Path, name: str, epochs: int, utterances: int | None) -> dict:
    """Trains with the command line that users type; the stages after training are not measured."""
    chosen = {"base": options.base, "corpus": options.corpus, "batch_size": options.batch, "epochs": epochs}
    chosen |= {"learning_rate": options.learning_rate}
    few = {"validation_utterances": 1, "check_utterances": 20, "report_utterances": 1, "retention.utterances": 0}
    limits = {} if utterances is None else {"max_utterances": utterances}
    run, peak_mb = train(PRESET, {**chosen, **few, **limits}, folder, name)
    steps = [row for row in run.metrics() if row["kind"] == "step"]
    seconds = sum(options.batch / row["utterances_per_second"] for row in steps)
    waits = [row["data_wait_fraction"] for row in steps if "data_wait_fraction" in row]
    return {
        "utterances_per_second": len(steps) * options.batch / seconds,
        "seconds": seconds,
        "peak_mb": peak_mb,
        **({"data_wait_fraction": float(np.mean(waits))} if waits else {}),
    }


def settings(
    config: TrainingConfig, corpus: Corpus, rows: list[Row], weights: Path, out: Path, seconds: float
) -> RecipeSettings:
    from qal.training.loop.precision import resolved_precision

    tokenizer = Tokenizer(weights)
    tokens = [[*tokenizer.prompt(r.language), *tokenizer.encode(r.text), tokenizer.end] for r in rows]
    lora = config.lora
    return RecipeSettings(
        weights=str(weights),
        audio=[str(corpus.audio_path(r).resolve()) for r in rows],
        tokens=tokens,
        out=str(out),
        batch_size=config.batch_size,
        learning_rate=GUIDES_RATE,
        rank=lora.rank,
        alpha=lora.alpha,
        dropout=lora.dropout,
        bfloat16=resolved_precision(config) == "bf16-mixed",
        device=choose_device(engine_device(config)),
        max_seconds=seconds,
        seed=config.seed,
    )


def score(weights: Path, folder: Path, corpus: Corpus, options: Namespace) -> dict[str, Scored]:
    from qal.export.merge import merge
    from qal.export.to_ctranslate2 import to_ctranslate2

    standard = to_ctranslate2(merge(weights, folder / "standard", folder / "merged"), folder / "standard-model")
    rows = [r for r in evenly_spaced(corpus.select("test"), options.test) if r.text and r.duration_s < 29]
    engines = {
        "stock": Engine(resolve(options.base), context="full"),
        "standard": Engine(standard, context="full"),
        "same_data": Engine(folder / "same-data" / "model"),
        "same_time": Engine(folder / "same-time" / "model"),
    }
    return score_engines(engines, load_references(corpus, rows))


def report(
    standard: dict, same_data: dict, same_time: dict, scored: dict[str, Scored], config: TrainingConfig, options: Any
) -> dict:
    times = same_data["utterances_per_second"] / standard["utterances_per_second"]
    memory = max(same_data["peak_mb"], same_time["peak_mb"]) / standard["peak_mb"]
    rng = np.random.default_rng(SEED)
    paired = paired_difference(scored["same_time"].counts, scored["standard"].counts, rng)
    bars = {
        "utterances_per_second_times": (times, MIN_TRAINING_TIMES_FASTER, times >= MIN_TRAINING_TIMES_FASTER),
        "peak_memory_share": (memory, MAX_TRAINING_MEMORY_SHARE, memory <= MAX_TRAINING_MEMORY_SHARE),
        "same_time_wer_difference_high": (paired.high, 0, paired.high < 0),
    }
    if "data_wait_fraction" in same_time:
        wait = same_time["data_wait_fraction"]
        bars["data_wait_fraction"] = (wait, MAX_WAIT, wait <= MAX_WAIT)
    wer = {name: {"wer": s.score.wer, "low": s.score.wer_low, "high": s.score.wer_high} for name, s in scored.items()}
    return {
        "hardware": hardware(),
        "settings": {
            "corpus": str(options.corpus),
            "base": options.base,
            "normaliser": SCORING.id,
            "batch_size": config.batch_size,
            "lora": config.lora.model_dump(),
            "learning_rate": {"standard": GUIDES_RATE, "ours": config.learning_rate},
            **versions("torch", "transformers", "peft", "pytorch-lightning"),
        },
        "figures": {"same_data": same_data, "same_time": same_time, "wer": wer},
        "reference": standard,
        "bars": {name: {"value": v, "bar": bar, "met": bool(met)} for name, (v, bar, met) in bars.items()},
    }


def transformers_weights(base: str) -> Path:
    from qal.export.from_ctranslate2 import cached_transformers

    cache = models_folder() / "transformers"
    return resolve_transformers(base, lambda directory: cached_transformers(directory, cache))


if __name__ == "__main__":
    run_command(main)
