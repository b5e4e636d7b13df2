"""Training on ranks other than 0: they receive the job by broadcast and write no files of the run."""

import sys

from qal.errors import EXIT_USER_ERROR, QalError
from qal.evaluation.scoring import no_progress
from qal.jobs.example_selection import read_corpora
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.training.loop.distributed import JobMessage, TrainingProcess, broadcast, leave_process_group
from qal.training.loop.fit import fit, silence_libraries


def run_worker_rank(config: TrainingConfig, process: TrainingProcess) -> None:
    """Trains the job that rank 0 broadcasts; on several nodes all of them must share the runs folder.

    An error is written to the run's folder, and the process exits with EXIT_USER_ERROR."""
    silence_libraries()
    job: JobMessage | None = broadcast(None)
    if job is None:
        return  # rank 0 failed before training and has reported the error
    run = Run(job.run_folder)
    try:
        corpora = read_corpora(config)
        fit(run, config, job.weights, corpora, job.attempt, lambda _: no_progress, process)
        leave_process_group()
    except QalError as error:
        message = f"rank {process.rank}: {error}"
        print(message, file=sys.stderr)
        run.rank_error_file.write_text(message, encoding="utf-8")
        sys.exit(EXIT_USER_ERROR)
