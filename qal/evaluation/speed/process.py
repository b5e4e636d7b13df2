"""Measures each configuration in a process of its own, so that the peak memory is that of one configuration.

The process writes one JSON object a line to its standard output: {"audio_s": …} after each call, and the measurement
as the last one."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from qal.errors import QalError
from qal.evaluation.speed.clips import read_clips
from qal.evaluation.speed.measure import CallProgress, measure, no_progress
from qal.evaluation.speed.records import Configuration, Measurement
from qal.subcommand import qal_environment

MODULE = "qal.evaluation.speed.process"
AUDIO_S, MEASUREMENT = "audio_s", "measurement"
KILLED = "it was killed, probably because the memory was full; measure fewer or smaller configurations"


def measure_in_process(
    configuration: Configuration, directory: Path, clips_file: Path, progress: CallProgress = no_progress
) -> Measurement:
    """Measures one configuration in another process; what went wrong there stands in the measurement.

    Args:
        configuration: how the model is run.
        directory: its model directory.
        clips_file: the clips, from `write_clips`.
        progress: called after each call."""
    command = [sys.executable, "-m", MODULE, configuration.model_dump_json(), str(directory), str(clips_file)]
    found: Measurement | None = None
    popen = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=qal_environment(), start_new_session=True
    )  # Ctrl-C reaches this process, which then ends the other one
    with popen as process:
        try:
            for line in process.stdout or ():
                content = json.loads(line)
                if MEASUREMENT in content:
                    found = Measurement.model_validate(content[MEASUREMENT])
                else:
                    progress(content[AUDIO_S])
        except BaseException:  # an interruption must not leave the process behind
            process.kill()
            raise
    return found or Measurement(configuration=configuration, problem=_problem(process.returncode))


def _problem(returncode: int) -> str:
    if returncode == -signal.SIGKILL:
        return KILLED
    return f"the process that measures ended with exit code {returncode}; its error stands above"


def main(arguments: Sequence[str]) -> None:
    """Measures what the parent process asked for; an error of the user is passed to it."""
    configuration = Configuration.model_validate_json(arguments[0])
    try:
        found = measure(configuration, Path(arguments[1]), read_clips(Path(arguments[2])), _report)
    except QalError as error:
        found = Measurement(configuration=configuration, problem=str(error))
    _write({MEASUREMENT: found.model_dump(mode="json")})


def _report(audio_s: float) -> None:
    _write({AUDIO_S: audio_s})


def _write(content: dict) -> None:
    sys.stdout.write(json.dumps(content) + "\n")  # in one piece: several threads write
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
