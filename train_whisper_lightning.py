#!/usr/bin/env python3
"""One training job: config -> fit -> merge -> CTranslate2 -> conversion check -> report, in runs/<id>/.

Two methods: `finetune` learns transcripts; `distill` learns short contexts from audio alone. Both give the
same run folder, which the studio reads while the job runs. A stopped or killed job goes on with --resume."""

import functools
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from jsonargparse import ArgumentError, ArgumentParser, Namespace
from tqdm import tqdm

from augmentation.noise import check_folder
from corpus.manifest import Corpus, Row, read_corpus
from corpus.split import SPLITS, evenly
from engine.catalogue import models_folder, resolve, resolve_transformers
from engine.command_line import HelpFormatter, plain_reason
from engine.decoding import Tokenizer
from engine.engine import Engine, choose_device
from engine.languages import check_language
from engine.model_directory import MeasuredWer, ModelCard, read_card, write_card
from errors import CorpusError, OptionError, QalError, TrainingError, require_space, run_command
from evaluation.bootstrap import paired_difference
from evaluation.report import print_report
from evaluation.score import SEED, SpokenReference, load_references, score_engines, transcribe_each
from training.config import TrainingConfig, check_config, load_config
from training.job import device_lock, refuse_when_busy
from training.run import Run, RunLog, begin, create_run, open_run

RUN_SIZE = 5  # times the base's model.bin: the merged weights, the converted ones, checkpoints


def main() -> None:
    parser = make_parser()
    options = parse(parser, sys.argv[1:])
    if options.resume is not None:
        refuse_other_settings(options)
        run = open_run(Path(options.resume))
        config = load_config(run.config_file)
        with device_lock(run.folder.parent):
            report = run_job(run, config)
    else:
        config, runs = config_of(parser, sys.argv[1:]), Path(options.runs)
        refuse_when_busy(runs)
        check(config, runs)
        with device_lock(runs):
            report = run_job(create_run(config, runs, options.name), config)
    if report:
        print_report(report)
        if options.json:
            print(json.dumps(report))


def make_parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="train_whisper_lightning.py", description=__doc__, exit_on_error=False, formatter_class=HelpFormatter
    )
    parser.add_argument("--config", action="config", help="YAML file of settings, such as configs/quick.yaml")
    parser.add_argument("--resume", metavar="RUN_DIR", help="go on with a stopped, failed or killed run")
    parser.add_argument("--runs", default="runs", help="folder in which the run's folder is made")
    parser.add_argument("--name", default=None, help="name of the run's folder; unset: date and time")
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object at the end")
    parser.add_class_arguments(TrainingConfig)
    return parser


def parse(parser: ArgumentParser, arguments: list[str]) -> Namespace:
    try:
        return parser.parse_args(arguments)
    except ArgumentError as error:
        raise OptionError(f"{plain_reason(error)}; see --help") from error
    except UnicodeDecodeError as error:
        raise OptionError("the --config file is not text; give a YAML file such as configs/quick.yaml") from error


def refuse_other_settings(options: Namespace) -> None:
    """A resumed run keeps its settings; silently dropping new ones would mislead."""
    changed = [name for name in TrainingConfig.model_fields if options[name] != make_parser().get_defaults()[name]]
    if changed or options.config or options.name:
        what = changed[0] if changed else "config" if options.config else "name"
        raise OptionError(f"--{what} cannot change a run that is resumed; leave it out, or start a new run")


def config_of(parser: ArgumentParser, arguments: list[str]) -> TrainingConfig:
    """Of what was given alone: a preset of the augmentation stands behind what is given, before the defaults."""
    values = parser.parse_args(arguments, defaults=False).as_dict()
    given = {name: values[name] for name in TrainingConfig.model_fields if name in values}
    return check_config(given, "the command line")


def check(config: TrainingConfig, runs: Path) -> None:
    """What can be known to be wrong before anything is written."""
    if not config.corpus_folders:
        raise OptionError("no corpus was given; add --corpus data/NAME (make one with: python -m corpus import --help)")
    corpora = [read_corpus(folder) for folder in config.corpus_folders]
    for split in SPLITS:
        if not held_out_rows(corpora, config, (split,)):
            kind = "row" if config.method == "distill" else "row with text"
            raise CorpusError(f"{config.corpus}: no {kind} in split '{split}'; import more speech")
    for folder in config.sound_folders:
        check_folder(folder)
    choose_device(config.device)
    base = resolve(config.base, runs)
    require_space(runs, RUN_SIZE * (base / "model.bin").stat().st_size, "a training run")
    tokenizer = Tokenizer(base)
    known = tokenizer.languages
    if config.targets.translate_share:
        tokenizer.prompt(known[0], "translate")  # an English-only model says that it cannot
    for language in {config.language} if config.language else {row.language for c in corpora for row in c.rows}:
        check_language(language, known)


def run_job(run: Run, config: TrainingConfig) -> dict | None:
    """Trains, exports, checks and reports; None when the job was asked to stop. How it ended is in status.json."""
    print(f"run {run.id} in {run.folder}", file=sys.stderr)
    with RunLog(run):
        attempt = begin(run)
        try:
            return job_stages(run, config, attempt)
        except KeyboardInterrupt:
            run.update_status(state="interrupted", reason="stopped from the keyboard; resume it to go on")
            raise
        except QalError as error:
            run.update_status(state="failed", reason=str(error))
            raise
        except Exception as error:
            run.update_status(state="failed", reason=f"{type(error).__name__}: {error}; the traceback is in log.txt")
            raise


def job_stages(run: Run, config: TrainingConfig, attempt: int) -> dict | None:
    from training.fit import fit, quiet_libraries  # torch takes seconds; --help and wrong options should not

    quiet_libraries()
    runs = run.folder.parent
    check(config, runs)
    run.update_status(stage="prepare")
    corpora = [read_corpus(folder) for folder in config.corpus_folders]
    weights = transformers_weights(config.base, runs)
    adapter = fit(run, config, weights, corpora, attempt, lambda stage: progress(run, stage))
    if adapter is None:
        run.update_status(state="interrupted", reason="stopped on request; resume it to go on")
        return None
    card = ModelCard(
        base_model=read_card(resolve(config.base, runs)).base_model.replace("unknown", config.base),
        languages=sorted({config.language or row.language for c in corpora for row in c.rows}),
        run=run.id,
        corpus_version=corpora[0].info.version,
        context=config.context.ability,
    )
    export_model(run, config, weights, adapter, corpora, card)
    report = measure(run, config, corpora, card)
    run.report_file.write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    run.update_status(state="finished", stage="report")
    return report


def transformers_weights(base: str, runs: Path) -> Path:
    """The base in Transformers' form; converted once and kept beside the models."""
    from export.from_ctranslate2 import converted

    return resolve_transformers(base, lambda directory: converted(directory, models_folder() / "transformers"), runs)


def export_model(
    run: Run, config: TrainingConfig, weights: Path, adapter: Path, corpora: list[Corpus], card: ModelCard
) -> None:
    """Adapter -> merged -> CTranslate2 -> check -> model directory; renamed into place only when it passed."""
    from export.merge import merge
    from export.to_ctranslate2 import to_ctranslate2

    run.update_status(stage="merge")
    merged, beside = run.folder / "merged", run.folder / "model.new"
    to_ctranslate2(merge(weights, adapter, merged), beside)
    write_card(beside, card)
    run.update_status(stage="check")
    held_out = references(corpora, config, ("validation", "test"), config.check_utterances, run.folder.parent)
    check_forms(run, merged, beside, held_out, config)
    shutil.rmtree(run.model, ignore_errors=True)
    beside.rename(run.model)
    shutil.rmtree(merged)


def check_forms(run: Run, merged: Path, model: Path, held_out: list[SpokenReference], config: TrainingConfig) -> None:
    from export.conversion_check import check_conversion
    from training.transcribe import transcribe_with_transformers

    ability = config.context.ability

    def bar(form: str) -> Callable[[int, int], None]:
        return progress(run, f"check {form}")

    def converted(compute_type: str) -> list[str]:
        return transcribe_each(Engine(model, config.device, compute_type), held_out, bar(compute_type))

    types = ("float16", "int8_float16") if choose_device(config.device) == "cuda" else ("float32", "int8")
    forms: dict[str, Callable[[], list[str]]] = {
        "transformers": lambda: transcribe_with_transformers(merged, held_out, ability, bar("transformers"))
    }
    forms |= {f"ctranslate2 {t}": functools.partial(converted, t) for t in types}
    found = check_conversion([r.text for r in held_out], forms)
    (run.folder / "conversion_check.json").write_text(json.dumps(found.as_dict(), indent=2), encoding="utf-8")
    found.require()


def measure(run: Run, config: TrainingConfig, corpora: list[Corpus], card: ModelCard) -> dict:
    """The report: stock weights at 30 s against the tuned ones at both contexts, on the test split, one engine."""
    held_out = references(corpora, config, ("test",), config.report_utterances, run.folder.parent)
    engines = {
        "stock_30s": Engine(resolve(card.base_model, run.folder.parent), config.device, context="full"),
        "tuned_30s": Engine(run.model, config.device, context="full"),
        "tuned_adaptive": Engine(run.model, config.device),
    }
    scored = score_engines(engines, held_out, progress(run, "report"))
    tuned = scored["tuned_adaptive"].score
    measured = MeasuredWer(
        wer=tuned.wer, low=tuned.wer_low, high=tuned.wer_high, corpus=", ".join(c.info.name for c in corpora)
    )
    write_card(run.model, card.model_copy(update={"measured": measured}))
    paired = paired_difference(scored["tuned_adaptive"].counts, scored["stock_30s"].counts, rng())
    return {
        "run": run.id,
        "base_model": card.base_model,
        "corpus": measured.corpus,
        "corpus_version": card.corpus_version,
        "language": config.language or ", ".join(card.languages),
        "utterances": len(held_out),
        "words": int(scored["stock_30s"].counts.words.sum()),
        "train_seconds": run.train_seconds(),
        **{name: s.score.as_dict() for name, s in scored.items()},
        "paired": {name: round(value, 5) for name, value in asdict(paired).items()},
    }


def rng():
    import numpy as np

    return np.random.default_rng(SEED)


def references(
    corpora: list[Corpus], config: TrainingConfig, splits: tuple, n: int, runs: Path
) -> list[SpokenReference]:
    """At most n held-out utterances; where nobody wrote down what is said, what the base writes at 30 s."""
    rows = evenly(held_out_rows(corpora, config, splits), n)
    found = [x for corpus, row in rows for x in load_references(corpus, [row], config.language)]
    if all(r.text for r in found):
        return found
    base = Engine(resolve(config.base, runs), config.device, context="full")
    said = [r if r.text else replace(r, text=transcribe_each(base, [r])[0]) for r in found]
    spoken = [r for r in said if r.text]
    if not spoken:
        raise TrainingError("nothing is understood in the held-out rows; import speech in a language the base knows")
    return spoken


def held_out_rows(corpora: list[Corpus], config: TrainingConfig, splits: tuple) -> list[tuple[Corpus, Row]]:
    """What the engine can hear at once and, but for distillation, what has a text."""
    rows = [(c, r) for c in corpora for split in splits for r in c.select(split)]
    textless = config.method == "distill"
    return [(c, r) for c, r in rows if r.duration_s <= config.max_utterance_s and (r.text or textless)]


def progress(run: Run, stage: str) -> Callable[[int, int], None]:
    """A bar in the terminal and the stage in status.json."""
    bar = tqdm(desc=stage, unit="utterance", file=sys.stderr, dynamic_ncols=True)

    def show(done: int, of: int) -> None:
        if done <= 1 or time.time() - run.status().heartbeat > 1:
            run.update_status(stage=stage.split()[0])
        bar.total = of
        bar.update(done - bar.n)
        if done >= of:
            bar.close()

    return show


if __name__ == "__main__":
    run_command(main)
