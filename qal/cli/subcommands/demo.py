"""qal demo (make demo): import, fine-tune, report and caption on real speech, without a page.

Imports Russian telephone prompts, fine-tunes base-adaptive on them, reports stock against tuned, and plays a
held-out recording through the live line as if spoken into a microphone. Each step is one command of the project,
printed before it runs."""

import shlex
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, seconds
from qal.cli.command import EXIT_INTERRUPTED
from qal.cli.parsing import flag, parse_options
from qal.corpus.manifest import read_corpus
from qal.errors import QalError
from qal.evaluation.report import print_report
from qal.jobs.run import Run
from qal.resources import CONFIGS
from qal.subcommand import qal_command, qal_environment

CORPUS = Path("data/asterisk-ru")
IMPORT, TRAIN, CAPTION = ("corpus", "import", "asterisk"), ("train",), ("captions", "--realtime")
PRESET = CONFIGS / "quick.yaml"
STEPS = 4
SPOKEN_S = 20  # duration of the held-out speech that is captioned
SHORTEST_S, LONGEST_S = 2.0, 8.0  # duration of an utterance
PAUSE_S = 1.0
INTERRUPT_TIMEOUT_S = 10  # until a command that was interrupted is sent the signal again


class DemoOptions(BaseModel, frozen=True):
    runs: Path = flag(Path("runs"), "folder of the run")
    language: Literal["ru", "it", "fr", "es"] = flag("ru", "language of the prompts")
    epochs: int = flag(4, "passes over the training examples", ge=1)


def main(arguments: Sequence[str]) -> None:
    about = "Imports telephone prompts, fine-tunes on them, reports, and captions a held-out recording."
    options = parse_options("qal demo", about, DemoOptions, arguments)
    language, corpus = options.language, CORPUS.with_name(f"asterisk-{options.language}")
    name = f"demo-{language}-{time.strftime('%Y%m%d-%H%M%S')}"
    started = time.time()
    if not corpus.exists():
        step(1, f"Import {language} telephone prompts", *IMPORT, language=language, out=corpus)
    else:
        print(f"\n[1 of {STEPS}] {corpus} is here already")
    settings = {"config": PRESET, "corpus": corpus, "language": language, "epochs": options.epochs}
    run = Run(options.runs / name)
    step(2, "Fine-tune, export, check and report", *TRAIN, **settings, runs=options.runs, name=name, of_run=run)
    spoken = speak(corpus, run.folder / "held-out.wav")
    step(3, "Play held-out speech through the live line", *CAPTION, str(run.model), str(spoken), language=language)
    print(f"\n[4 of {STEPS}] Stock against tuned ({(time.time() - started) / 60:.1f} minutes in all)")
    if report := run.report():
        print_report(report)
    print(f"The model is in {run.model}. Caption with it: qal live --model {run.id}")


def step(number: int, title: str, *command: str, of_run: Run | None = None, **options: object) -> None:
    """Prints and runs one command in the foreground; Ctrl-C ends it and says how to continue.

    Args:
        number: the number of the step, from 1.
        title: what the step does.
        command: the command's words.
        of_run: the run that the command creates.
        options: the command's options.
    """
    arguments = [*command, *(part for name, value in options.items() for part in (f"--{name}", str(value)))]
    print(f"\n[{number} of {STEPS}] {title}\n    qal {shlex.join(arguments)}", flush=True)
    code = run_in_foreground(qal_command(*arguments))
    if code == EXIT_INTERRUPTED:
        if of_run is None or not of_run.config_file.is_file():  # otherwise the command said how to resume the run
            print("\nStopped. Start the demo again with: qal demo (or make demo)", file=sys.stderr)
        raise KeyboardInterrupt
    if code:
        raise QalError(f"step {number} failed; its output is above")


def run_in_foreground(command: Sequence[str]) -> int:
    """Runs a command and returns its exit code; EXIT_INTERRUPTED after Ctrl-C.

    Ctrl-C reaches the command as well, which is given time to record its state. subprocess.run would kill it."""
    with subprocess.Popen(command, env=qal_environment()) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            end_interrupted(process)
            return EXIT_INTERRUPTED
    return EXIT_INTERRUPTED if code == -signal.SIGINT else code


def end_interrupted(process: subprocess.Popen) -> None:
    """Waits until an interrupted process has ended; one that received no signal of its own is sent it."""
    try:
        process.wait(INTERRUPT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait()


def speak(corpus: Path, target: Path) -> Path:
    """Writes a WAV file of some held-out utterances with pauses between them."""
    whole = read_corpus(corpus)
    parts: list[np.ndarray] = []
    for row in whole.select("test"):
        if SHORTEST_S < row.duration_s < LONGEST_S:
            parts += [decode(whole.audio_path(row)), np.zeros(int(PAUSE_S * SAMPLE_RATE), np.float32)]
            print(f"    will be said: {row.text}")
        if sum(map(seconds, parts)) > SPOKEN_S:
            break
    with wave.open(str(target), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.concatenate(parts) * 32767).astype("<i2").tobytes())
    return target
