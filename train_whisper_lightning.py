#!/usr/bin/env python3
"""One training job: config -> fit -> merge -> CTranslate2 -> conversion check -> report, in runs/<id>/.

Two methods: `finetune` learns from transcripts; `distill` learns short contexts from audio alone. Both write the same
files to the run's folder, which the studio reads while the job runs. --resume continues a stopped or killed job."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from augmentation.noise import check_audio_folder
from qal.cli.train_arguments import TrainArguments, parse_train_arguments
from qal.corpus.manifest import Corpus, read_corpus
from qal.engine.catalogue import models_folder, resolve, resolve_transformers
from qal.engine.decoding import Tokenizer
from qal.engine.languages import check_language
from qal.engine.model_directory import ModelMetadata, read_metadata
from qal.errors import OptionError, QalError, TrainingError
from qal.evaluation.model_readme import write_readme
from qal.evaluation.report import RunReport, print_report, write_report
from qal.jobs.example_selection import read_corpora, require_examples
from qal.jobs.job_progress import JobProgress
from qal.jobs.left_out import left_out_of_run
from qal.jobs.machine import check_machine, launched_process_count, launcher_command
from qal.jobs.measured_runs import plan_stages
from qal.jobs.options.training_config import TrainingConfig, require_tracker
from qal.jobs.options.yaml_file import load_config
from qal.jobs.queue import device_lock, require_free_device
from qal.jobs.run import Run, Stopped, begin_attempt, create_run, is_launched, open_run
from qal.jobs.run_log import RunLog
from qal.jobs.stages import PREPARE_UNITS, StageProgress
from qal.jobs.status import LEFT_QUEUE, STOPPED_BY_SIGNAL, STOPPED_BY_USER
from qal.jobs.suites.run_check import check_run
from qal.jobs.suites.suite_file import read_suite
from qal.json_text import json_text
from qal.storage import require_space, storage_errors
from qal.subcommand import qal_environment
from qal.training.report.dataset_findings import record_leakage, record_left_out
from qal.training.report.environment import record_environment, require_unchanged_inputs
from qal.training.report.measure import corpora_version, dataset_descriptions, measure_model, stock_model_name

if TYPE_CHECKING:  # torch takes seconds to import; --help and wrong options need none of it
    from qal.training.loop.distributed import JobBroadcast

FULL_DISK_BYTES = 1_000_000  # a disk with less free space is full


def main(arguments: Sequence[str]) -> None:
    """Runs the command `qal train`. Raises a QalError if the job fails, after recording it in the run's folder."""
    options = parse_train_arguments("qal train", __doc__ or "", arguments)
    run = open_run(options.resume) if options.resume else None
    if run and run.status().state == "finished":
        raise TrainingError(f"run {run.id} has finished; start a new one, with --config {run.config_file}")
    try:
        with storage_errors(f"the run in {run.folder if run else options.runs}"):
            report = launch_or_run(options, run, arguments)
    except QalError as error:
        if run and is_launched(run):  # a job that the page started reports errors only in the run's folder
            run.update_status(state="failed", reason=str(error), queue_position=None)
        raise
    if report:
        print_report(report)
        if options.json:
            print(report.to_json())


def launch_or_run(options: TrainArguments, run: Run | None, arguments: Sequence[str]) -> RunReport | None:
    """Runs the job in this process, or replaces this process by a launcher of several training processes."""
    config = load_config(run.config_file) if run else options.config
    runs = run.folder.parent if run else options.runs
    command = launcher_command(config, arguments)
    if command:
        if run is None:
            check_job(config, runs)
        elif not wait_for_device(run):
            return None
        os.execve(command[0], command, qal_environment())
    start_job = run_main_process if launched_process_count() == 1 else run_distributed
    return start_job(config, runs, run, options.name)


def run_main_process(
    config: TrainingConfig, runs: Path, run: Run | None, name: str | None, job_broadcast: "JobBroadcast | None" = None
) -> RunReport | None:
    """Runs the job in the process that writes the run's folder.

    Args:
        config: the settings of the job.
        runs: the folder of all runs.
        run: the run to resume or to start from the queue; None creates one.
        name: name of the new run; None: date and time.
        job_broadcast: the communication with the other training processes, if there are any.

    Returns:
        the report; None if the job was stopped.
    """
    if run is None:
        require_free_device(runs)
        check_job(config, runs)
    try:
        with device_lock(runs, run):
            return run_job(run or create_run(config, runs, name), config, job_broadcast)
    except Stopped:
        record_left_queue(run)
        return None


def run_distributed(config: TrainingConfig, runs: Path, run: Run | None, name: str | None) -> RunReport | None:
    """Runs the job in one of the processes that torchrun or SLURM started: rank 0 leads, the others only train."""
    from qal.training.loop.distributed import JobBroadcast, join_process_group
    from qal.training.loop.worker_rank import run_worker_rank

    process = join_process_group(config)
    if not process.is_main:
        return run_worker_rank(config, process)
    with JobBroadcast(process) as job_broadcast:
        return run_main_process(config, runs, run, name, job_broadcast)


def wait_for_device(run: Run) -> bool:
    """Waits in the queue before the other ranks start, whose connections time out; False if the run was stopped."""
    try:
        with device_lock(run.folder.parent, run):
            return True
    except Stopped:
        record_left_queue(run)
        return False


def record_left_queue(run: Run | None) -> None:
    if run:
        run.update_status(state="interrupted", queue_position=None, reason=LEFT_QUEUE)


def check_job(config: TrainingConfig, runs: Path) -> None:
    """Checks the options, the datasets, the base model and the disk before anything is written.

    Raises a QalError that names the first problem."""
    if not config.corpus_folders:
        raise OptionError("no dataset is given; add --corpus data/NAME (create one with: qal corpus import --help)")
    corpora = read_corpora(config)
    require_examples(corpora, config)
    for folder in config.retention.corpora:
        read_corpus(Path(folder))
    if config.result.suite:
        read_suite(Path(config.result.suite))
    for folder in config.audio_folders:
        check_audio_folder(folder)
    check_machine(config)
    require_tracker(config.tracker)
    base = resolve(config.base, runs)
    resolve(stock_model_name(config, runs), runs)  # needed for the report at the end of the job
    require_space(runs, config.disk_space_factor * (base / "model.bin").stat().st_size, "a training run")
    tokenizer = Tokenizer(base)
    if config.targets.translate_share:
        tokenizer.prompt(tokenizer.languages[0], "translate")  # raises for an English-only model
    for language in languages_of(config, corpora):
        check_language(language, tokenizer.languages)


def languages_of(config: TrainingConfig, corpora: Sequence[Corpus]) -> list[str]:
    return sorted({config.language or row.language for c in corpora for row in c.rows})


def run_job(run: Run, config: TrainingConfig, job_broadcast: "JobBroadcast | None" = None) -> RunReport | None:
    """Runs all stages and records the final state in status.json. Returns the report, or None if it was stopped."""
    print(f"run {run.id} in {run.folder}", file=sys.stderr)
    with RunLog(run):
        attempt = begin_attempt(run)
        try:
            with storage_errors(f"the run in {run.folder}"), JobProgress(run) as progress:
                report = run_stages(run, config, attempt, progress, job_broadcast)
            run.update_status(state="finished")
            return report
        except Stopped:
            run.update_status(state="interrupted", reason=STOPPED_BY_USER)
            return None
        except KeyboardInterrupt:
            run.update_status(state="interrupted", reason=STOPPED_BY_SIGNAL)
            print(f"\nStopped. Continue with: qal train --resume {shlex.quote(str(run.folder))}", file=sys.stderr)
            raise
        except QalError as error:
            run.update_status(state="failed", reason=str(error))
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}; the traceback is in log.txt"
            if shutil.disk_usage(run.folder).free < FULL_DISK_BYTES:  # few libraries report a full disk as such
                reason = f"The disk of {run.folder} is full ({error}); free some space, then press Resume."
            if run.rank_error_file.exists():  # another rank failed first, and this error follows from it
                reason = run.rank_error_file.read_text(encoding="utf-8")
            run.update_status(state="failed", reason=reason)
            raise


def run_stages(
    run: Run,
    config: TrainingConfig,
    attempt: int,
    progress: JobProgress,
    job_broadcast: "JobBroadcast | None" = None,
) -> RunReport | None:
    """Trains, exports and checks the model, and writes the report. Raises Stopped if a stop was requested."""
    from qal.cli.quiet import hide_deepspeed
    from qal.training.loop.distributed import SINGLE_PROCESS, leave_process_group
    from qal.training.loop.fit import fit, silence_libraries

    silence_libraries()
    if not config.machine.strategy.startswith("deepspeed"):
        hide_deepspeed()
    runs, prepared = run.folder.parent, progress.stage("prepare")
    check_job(config, runs)
    corpora, base = read_corpora(config), resolve(config.base, runs)
    progress.plan(plan_stages(config, corpora, runs))
    prepared(1, PREPARE_UNITS)
    require_unchanged_inputs(run, base, corpora)
    record_environment(run, base, corpora, attempt)
    record_left_out(run, left_out_of_run(corpora, config, Tokenizer(base)))
    record_leakage(run, corpora)
    prepared(2, PREPARE_UNITS)
    weights = transformers_weights(config.base, runs)
    prepared(3, PREPARE_UNITS)
    if config.find_learning_rate:
        return search_learning_rate(run, config, weights, corpora, progress.stage)
    if job_broadcast:
        job_broadcast.send(run.folder, weights, attempt)
    process = job_broadcast.process if job_broadcast else SINGLE_PROCESS
    adapter = fit(run, config, weights, corpora, attempt, progress.stage, process)
    leave_process_group()
    if adapter is None:
        raise Stopped
    return finish_run(run, config, weights, adapter, corpora, progress.stage)


def finish_run(
    run: Run,
    config: TrainingConfig,
    weights: Path,
    adapter: Path,
    corpora: list[Corpus],
    stage_progress: StageProgress,
) -> RunReport:
    """Exports and checks the trained model, measures it and writes the report.

    Args:
        run: the run.
        config: its settings.
        weights: folder of the base model in Transformers format.
        adapter: folder of the trained weights.
        corpora: the run's corpora.
        stage_progress: gives the progress function of a stage."""
    from qal.export.run_export import export_model
    from qal.training.report.transformers_transcription import transcribe_with_transformers

    runs = run.folder.parent
    base = resolve(config.base, runs)
    metadata = ModelMetadata(
        base_model=stock_model_name(config, runs),
        languages=languages_of(config, corpora),
        run=run.id,
        corpus_version=corpora_version(corpora),
        data=[*read_metadata(base).data, *dataset_descriptions(corpora, config)],
        context=config.context.ability,
    )
    gate = export_model(run, config, weights, adapter, corpora, metadata, transcribe_with_transformers, stage_progress)
    report = measure_model(run, config, corpora, metadata, stage_progress).model_copy(update={"gate": gate})
    write_readme(run.model, read_metadata(run.model), report)
    write_report(run.report_file, report)
    if config.result.suite:
        check_run(run, Path(config.result.suite), stage_progress("suite"))
    return report


def search_learning_rate(
    run: Run, config: TrainingConfig, weights: Path, corpora: list[Corpus], stage_progress: StageProgress
) -> None:
    """Writes learning_rate.json instead of training, and prints the suggested rate. Raises Stopped."""
    from qal.training.loop.learning_rate_finder import find_learning_rate

    curve = find_learning_rate(run, config, weights, corpora, stage_progress)
    if curve is None:
        raise Stopped
    print(json_text({"run": run.id, "suggestion": curve["suggestion"], "curve": str(run.learning_rate_file)}))


def transformers_weights(base: str, runs: Path) -> Path:
    """Returns the base model in Transformers format; it is converted once and cached in the models folder."""
    from qal.export.from_ctranslate2 import cached_transformers

    cache = models_folder() / "transformers"
    return resolve_transformers(base, lambda directory: cached_transformers(directory, cache), runs)


if __name__ == "__main__":
    from qal.cli.main import main as qal

    qal(["train", *sys.argv[1:]])
