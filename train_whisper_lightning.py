#!/usr/bin/env python3
"""One training job: config -> fit -> merge -> CTranslate2 -> conversion check -> report, in runs/<id>/.

Two methods: `finetune` learns from transcripts; `distill` learns short contexts from audio alone. Both write the same
files to the run's folder, which the studio reads while the job runs. --resume continues a stopped or killed job."""

import functools
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from augmentation.noise import check_audio_folder
from qal.cli.train_arguments import TrainArguments, parse_train_arguments
from qal.corpus.left_out import describe_left_out
from qal.corpus.manifest import Corpus, read_corpus
from qal.engine.catalogue import models_folder, resolve, resolve_transformers
from qal.engine.decoding import Tokenizer
from qal.engine.languages import check_language
from qal.engine.model_directory import ModelMetadata, read_metadata
from qal.errors import OptionError, QalError, TrainingError
from qal.evaluation.model_readme import write_readme
from qal.evaluation.report import RunReport, print_report, write_report
from qal.evaluation.scoring import ProgressCallback
from qal.jobs.example_selection import read_corpora, require_examples
from qal.jobs.left_out import left_out_of_run
from qal.jobs.machine import check_machine, launched_process_count, launcher_command
from qal.jobs.options.training_config import TrainingConfig, require_tracker
from qal.jobs.options.yaml_file import load_config
from qal.jobs.queue import device_lock, require_free_device
from qal.jobs.run import Run, Stopped, begin_attempt, create_run, is_launched, open_run
from qal.jobs.run_log import RunLog
from qal.jobs.status import RESUME_HINT
from qal.json_text import json_text
from qal.storage import require_space, storage_errors
from qal.subcommand import qal_environment
from qal.training.report.environment import record_environment, require_unchanged_inputs
from qal.training.report.measure import corpora_version, dataset_descriptions, measure_model, stock_model_name

if TYPE_CHECKING:  # torch takes seconds to import; --help and wrong options need none of it
    from qal.training.loop.distributed import JobBroadcast

HEARTBEAT_S = 1.0


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
        reason = f"You took the run out of the queue. {RESUME_HINT}"
        run.update_status(state="interrupted", queue_position=None, reason=reason)


def check_job(config: TrainingConfig, runs: Path) -> None:
    """Checks the options, the datasets, the base model and the disk before anything is written.

    Raises a QalError that names the first problem."""
    if not config.corpus_folders:
        raise OptionError("no dataset is given; add --corpus data/NAME (create one with: qal corpus import --help)")
    corpora = read_corpora(config)
    require_examples(corpora, config)
    for folder in config.retention.corpora:
        read_corpus(Path(folder))
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
            return run_stages(run, config, attempt, job_broadcast)
        except Stopped:
            run.update_status(state="interrupted", reason=f"Stopped by you. {RESUME_HINT}")
            return None
        except KeyboardInterrupt:
            reason = f"Stopped from the keyboard or by a signal. {RESUME_HINT}"
            run.update_status(state="interrupted", reason=reason)
            raise
        except QalError as error:
            run.update_status(state="failed", reason=str(error))
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}; the traceback is in log.txt"
            if run.rank_error_file.exists():  # another rank failed first, and this error follows from it
                reason = run.rank_error_file.read_text(encoding="utf-8")
            run.update_status(state="failed", reason=reason)
            raise


def run_stages(
    run: Run, config: TrainingConfig, attempt: int, job_broadcast: "JobBroadcast | None" = None
) -> RunReport | None:
    """Trains, exports and checks the model, and writes the report. Raises Stopped if a stop was requested."""
    from qal.cli.quiet import hide_deepspeed
    from qal.export.run_export import export_model
    from qal.training.loop.distributed import SINGLE_PROCESS, leave_process_group
    from qal.training.loop.fit import fit, silence_libraries
    from qal.training.report.transformers_transcription import transcribe_with_transformers

    silence_libraries()
    if not config.machine.strategy.startswith("deepspeed"):
        hide_deepspeed()
    runs = run.folder.parent
    check_job(config, runs)
    run.update_status(stage="prepare")
    corpora, base = read_corpora(config), resolve(config.base, runs)
    require_unchanged_inputs(run, base, corpora)
    record_environment(run, base, corpora, attempt)
    record_left_out(run, left_out_of_run(corpora, config, Tokenizer(base)))
    weights = transformers_weights(config.base, runs)
    stage_progress = functools.partial(show_progress, run)
    if config.find_learning_rate:
        return search_learning_rate(run, config, weights, corpora)
    if job_broadcast:
        job_broadcast.send(run.folder, weights, attempt)
    process = job_broadcast.process if job_broadcast else SINGLE_PROCESS
    adapter = fit(run, config, weights, corpora, attempt, stage_progress, process)
    leave_process_group()
    if adapter is None:
        raise Stopped
    metadata = ModelMetadata(
        base_model=stock_model_name(config, runs),
        languages=languages_of(config, corpora),
        run=run.id,
        corpus_version=corpora_version(corpora),
        data=[*read_metadata(base).data, *dataset_descriptions(corpora, config)],
        context=config.context.ability,
    )
    export_model(run, config, weights, adapter, corpora, metadata, transcribe_with_transformers, stage_progress)
    report = measure_model(run, config, corpora, metadata, stage_progress)
    write_readme(run.model, read_metadata(run.model), report)
    write_report(run.report_file, report)
    run.update_status(state="finished", stage="report")
    return report


def record_left_out(run: Run, left_out: dict[str, int]) -> None:
    """Writes to the terminal and to status.json which examples the run does not use."""
    run.update_status(left_out=left_out)
    if left_out:
        print(describe_left_out(left_out), file=sys.stderr)


def search_learning_rate(run: Run, config: TrainingConfig, weights: Path, corpora: list[Corpus]) -> None:
    """Writes learning_rate.json instead of training, and prints the suggested rate. Raises Stopped."""
    from qal.training.loop.learning_rate_finder import find_learning_rate

    curve = find_learning_rate(run, config, weights, corpora, functools.partial(show_progress, run))
    if curve is None:
        raise Stopped
    run.update_status(state="finished", stage="find")
    print(json_text({"run": run.id, "suggestion": curve["suggestion"], "curve": str(run.learning_rate_file)}))


def transformers_weights(base: str, runs: Path) -> Path:
    """Returns the base model in Transformers format; it is converted once and cached in the models folder."""
    from qal.export.from_ctranslate2 import cached_transformers

    cache = models_folder() / "transformers"
    return resolve_transformers(base, lambda directory: cached_transformers(directory, cache), runs)


def show_progress(run: Run, stage: str) -> ProgressCallback:
    """Returns a function that shows a progress bar and updates the stage and the heartbeat in status.json.

    The function raises Stopped if a stop of the run was requested."""
    bar = tqdm(desc=stage, unit="utterance", file=sys.stderr, dynamic_ncols=True)

    def update(done: int, total: int) -> None:
        run.raise_if_stop_requested()
        if done <= 1 or time.time() - run.status().heartbeat > HEARTBEAT_S:
            run.update_status(stage=stage.split()[0])
        bar.total = total
        bar.update(done - bar.n)
        if done >= total:
            bar.close()

    return update


if __name__ == "__main__":
    from qal.cli.main import main as qal

    qal(["train", *sys.argv[1:]])
