"""A training run through the same command line that users type."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.memory import watched
from qal.errors import TrainingError
from qal.jobs.run import Run
from qal.subcommand import qal_command

ROOT = Path(__file__).parents[1]
UNTIL_TRAINED = ("prepare", "teach", "train", "validate")  # the stages whose memory is measured


def train(config: Path, settings: Mapping[str, object], folder: Path, name: str) -> tuple[Run, float]:
    """Trains, and measures the memory.

    Args:
        config: the YAML file of settings.
        settings: options of the command line, which win over the file.
        folder: the runs folder.
        name: the run's name.

    Returns:
        The finished run, and the peak memory in MB of its process and workers until training ended.

    Raises:
        TrainingError: the run failed; the message holds the end of its log.
    """
    run = Run(folder / name)
    options = {**settings, "runs": folder, "name": name}
    command = qal_command("train", "--config", str(config))
    for key, value in options.items():  # the job runs in another folder
        command.append(f"--{key}={value.absolute() if isinstance(value, Path) else value}")
    with (folder / f"{name}.log").open("w") as log:
        job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, text=True, cwd=ROOT)
        peak_mb = watched(job, lambda: run.status_file.exists() and run.status().stage in UNTIL_TRAINED)[1]
    if job.returncode:
        raise TrainingError(f"this trainer failed: {(folder / f'{name}.log').read_text()[-300:]}")
    return run, peak_mb
