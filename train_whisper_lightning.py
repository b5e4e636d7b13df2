#!/usr/bin/env python3
"""One training job: config -> fit -> merge -> CTranslate2 -> conversion check -> report, in runs/<id>/.

Two methods: `finetune` learns transcripts; `distill` learns short contexts from audio alone. Both give the
same run folder, which the studio reads while the job runs. A stopped or killed job goes on with --resume."""

import functools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from augmentation.noise import check_folder
from qal.cli.train_arguments import Asked, parse
from qal.corpus.manifest import Corpus, read_corpus
from qal.engine.catalogue import models_folder, resolve, resolve_transformers
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Engine, choose_device
from qal.engine.languages import check_language
from qal.engine.model_directory import ModelCard, read_card, write_card
from qal.errors import OptionError, QalError, TrainingError
from qal.evaluation.model_readme import write_readme
from qal.evaluation.report import print_report
from qal.evaluation.scoring import SpokenReference, transcribe_each
from qal.jobs.example_selection import read_corpora, references, require_rows
from qal.jobs.job import device_lock, refuse_when_busy
from qal.jobs.machine import check_machine, engine_device, launched_processes, launcher_command
from qal.jobs.options.training_config import TrainingConfig, require_tracker
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, RunLog, Stopped, begin, create_run, is_launched, open_run
from qal.storage import require_space, storage_errors
from qal.subcommand import qal_environment
from qal.training.report.environment import record_environment, refuse_other_materials
from qal.training.report.measure import data_sentences, measure, stock_of, version_of


def main(arguments: Sequence[str]) -> None:
    options = parse("qal train", __doc__ or "", arguments)
    run = open_run(options.resume) if options.resume else None
    if run and run.status().state == "finished":
        raise TrainingError(f"run {run.id} has finished; start a new one, with --config {run.config_file}")
    try:
        with storage_errors(f"the run in {run.folder if run else options.runs}"):
            report = whole_job(options, run, arguments)
    except QalError as error:
        if run and is_launched(run):  # nobody reads what it says but those who look at the run
            run.update_status(state="failed", reason=str(error), queue_position=None)
        raise
    if report:
        print_report(report)
        if options.json:
            print(json.dumps(report))


def whole_job(options: Asked, run: Run | None, arguments: Sequence[str]) -> dict | None:
    config = load_config(run.config_file) if run else options.config
    runs = run.folder.parent if run else options.runs
    command = launcher_command(config, arguments)
    if command:
        if run is None:
            check(config, runs)
        elif not my_turn(run):
            return None
        os.execve(command[0], command, qal_environment())
    begin_job = lead if launched_processes() == 1 else one_of_many
    return begin_job(config, runs, run, options.name)


def lead(config: TrainingConfig, runs: Path, run: Run | None, name: str | None, orders=None) -> dict | None:
    """The whole job, in the process that writes the run's folder."""
    if run is None:
        refuse_when_busy(runs)
        check(config, runs)
    try:
        with device_lock(runs, run):
            return run_job(run or create_run(config, runs, name), config, orders)
    except Stopped:
        return left_queue(run)


def my_turn(run: Run) -> bool:
    """Waits before the other ranks are started, for they would not wait for long; False when it was stopped."""
    try:
        with device_lock(run.folder.parent, run):
            return True
    except Stopped:
        left_queue(run)
        return False


def left_queue(run: Run | None) -> None:
    if run:
        run.update_status(
            state="interrupted", queue_position=None, reason="taken out of the queue on request; resume it to go on"
        )


def one_of_many(config: TrainingConfig, runs: Path, run: Run | None, name: str | None) -> dict | None:
    """One of the processes that torchrun or SLURM has started: rank 0 leads, the others train and go."""
    from qal.training.loop.distributed import Orders, join
    from qal.training.loop.worker_rank import follow

    ranks = join(config)
    if not ranks.leads:
        return follow(config, ranks)
    with Orders(ranks) as orders:
        return lead(config, runs, run, name, orders)


def check(config: TrainingConfig, runs: Path) -> None:
    """What can be known to be wrong before anything is written."""
    if not config.corpus_folders:
        raise OptionError("no corpus was given; add --corpus data/NAME (make one with: qal corpus import --help)")
    corpora = read_corpora(config)
    require_rows(corpora, config)
    for folder in config.retention.corpora:
        read_corpus(Path(folder))
    for folder in config.sound_folders:
        check_folder(folder)
    check_machine(config)
    require_tracker(config.tracker)
    base = resolve(config.base, runs)
    resolve(stock_of(config, runs), runs)  # the report compares with it, hours later
    require_space(runs, config.run_size * (base / "model.bin").stat().st_size, "a training run")
    tokenizer = Tokenizer(base)
    known = tokenizer.languages
    if config.targets.translate_share:
        tokenizer.prompt(known[0], "translate")  # an English-only model says that it cannot
    for language in {config.language} if config.language else {row.language for c in corpora for row in c.rows}:
        check_language(language, known)


def run_job(run: Run, config: TrainingConfig, orders=None) -> dict | None:
    """Trains, exports, checks and reports; None when the job was asked to stop. How it ended is in status.json."""
    print(f"run {run.id} in {run.folder}", file=sys.stderr)
    with RunLog(run):
        attempt = begin(run)
        try:
            return job_stages(run, config, attempt, orders)
        except Stopped:
            run.update_status(state="interrupted", reason="stopped on request; resume it to go on")
            return None
        except KeyboardInterrupt:
            run.update_status(
                state="interrupted", reason="stopped from the keyboard or by a signal; resume it to go on"
            )
            raise
        except QalError as error:
            run.update_status(state="failed", reason=str(error))
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}; the traceback is in log.txt"
            if run.rank_error_file.exists():  # ours is only that another rank is gone
                reason = run.rank_error_file.read_text(encoding="utf-8")
            run.update_status(state="failed", reason=reason)
            raise


def job_stages(run: Run, config: TrainingConfig, attempt: int, orders=None) -> dict | None:
    from qal.training.loop.distributed import ALONE, leave
    from qal.training.loop.fit import fit, quiet_libraries  # torch takes seconds; --help and wrong options should not

    quiet_libraries()
    runs = run.folder.parent
    check(config, runs)
    run.update_status(stage="prepare")
    corpora, base = read_corpora(config), resolve(config.base, runs)
    refuse_other_materials(run, base, corpora)
    record_environment(run, base, corpora, attempt)
    weights = transformers_weights(config.base, runs)
    if config.find_learning_rate:
        return find_rate(run, config, weights, corpora)
    if orders:
        orders.give(run.folder, weights, attempt)
    ranks = orders.ranks if orders else ALONE
    adapter = fit(run, config, weights, corpora, attempt, lambda stage: progress(run, stage), ranks)
    leave()
    if adapter is None:
        raise Stopped
    card = ModelCard(
        base_model=stock_of(config, runs),
        languages=sorted({config.language or row.language for c in corpora for row in c.rows}),
        run=run.id,
        corpus_version=version_of(corpora),
        data=[*read_card(base).data, *data_sentences(corpora, config)],
        context=config.context.ability,
    )
    export_model(run, config, weights, adapter, corpora, card)
    report = measure(run, config, corpora, card, lambda stage: progress(run, stage))
    write_readme(run.model, read_card(run.model), report)
    run.report_file.write_text(json.dumps(report, indent=2, ensure_ascii=False), encoding="utf-8")
    run.update_status(state="finished", stage="report")
    return report


def find_rate(run: Run, config: TrainingConfig, weights: Path, corpora: list[Corpus]) -> None:
    """No training: the curve goes into the run's folder, what it suggests is printed."""
    from qal.training.loop.learning_rate_finder import LEARNING_RATE_FILE, find_learning_rate

    found = find_learning_rate(run, config, weights, corpora, lambda stage: progress(run, stage))
    if found is None:
        raise Stopped
    run.update_status(state="finished", stage="find")
    print(json.dumps({"run": run.id, "suggestion": found["suggestion"], "curve": str(run.folder / LEARNING_RATE_FILE)}))


def transformers_weights(base: str, runs: Path) -> Path:
    """The base in Transformers' form; converted once and kept beside the models."""
    from qal.export.from_ctranslate2 import converted

    return resolve_transformers(base, lambda directory: converted(directory, models_folder() / "transformers"), runs)


def export_model(
    run: Run, config: TrainingConfig, weights: Path, adapter: Path, corpora: list[Corpus], card: ModelCard
) -> None:
    """Adapter -> merged -> CTranslate2 -> check -> model directory; renamed into place only when it passed."""
    from qal.export.merge import merge
    from qal.export.to_ctranslate2 import to_ctranslate2

    run.update_status(stage="merge")
    merged, beside = run.folder / "merged", run.folder / "model.new"
    to_ctranslate2(merge(weights, adapter, merged), beside)
    write_card(beside, card)
    run.update_status(stage="check")
    held_out = references(run, corpora, config, ("validation", "test"), config.check_utterances)
    check_forms(run, merged, beside, held_out, config)
    shutil.rmtree(run.model, ignore_errors=True)
    beside.rename(run.model)
    shutil.rmtree(run.transformers, ignore_errors=True)
    if config.result.keeps_transformers(config.trained.adapter):
        merged.rename(run.transformers)
    else:
        shutil.rmtree(merged)


def check_forms(run: Run, merged: Path, model: Path, held_out: list[SpokenReference], config: TrainingConfig) -> None:
    from qal.export.conversion_check import check_conversion
    from qal.training.report.transformers_transcription import transcribe_with_transformers

    ability = config.context.ability

    def bar(form: str) -> Callable[[int, int], None]:
        return progress(run, f"check {form}")

    def converted(compute_type: str) -> list[str]:
        return transcribe_each(Engine(model, engine_device(config), compute_type), held_out, bar(compute_type))

    types = ("float16", "int8_float16") if choose_device(engine_device(config)) == "cuda" else ("float32", "int8")
    forms: dict[str, Callable[[], list[str]]] = {
        "transformers": lambda: transcribe_with_transformers(merged, held_out, ability, bar("transformers"))
    }
    forms |= {f"ctranslate2 {t}": functools.partial(converted, t) for t in types}
    found = check_conversion([r.text for r in held_out], forms)
    (run.folder / "conversion_check.json").write_text(json.dumps(found.as_dict(), indent=2), encoding="utf-8")
    found.require()


def progress(run: Run, stage: str) -> Callable[[int, int], None]:
    """A bar in the terminal and the stage in status.json; raises Stopped where the run was asked to stop."""
    bar = tqdm(desc=stage, unit="utterance", file=sys.stderr, dynamic_ncols=True)

    def show(done: int, of: int) -> None:
        run.require_wanted()
        if done <= 1 or time.time() - run.status().heartbeat > 1:
            run.update_status(stage=stage.split()[0])
        bar.total = of
        bar.update(done - bar.n)
        if done >= of:
            bar.close()

    return show


if __name__ == "__main__":
    from qal.cli.main import main as qal

    qal(["train", *sys.argv[1:]])
