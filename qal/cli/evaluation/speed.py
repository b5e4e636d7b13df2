"""qal evaluate speed MODEL...: real-time factor, latency, load time and memory of models on this machine."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel
from tqdm import tqdm

from qal.audio.decode import decode
from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.cli.stopping import stop_on_signals
from qal.corpus.manifest import read_corpus
from qal.engine.catalogue import resolve
from qal.engine.engine import ContextChoice, Engine
from qal.engine.settings.device import MAX_CPU_WORKERS, Device
from qal.errors import EvaluationError, OptionError
from qal.evaluation.speed.clips import DURATIONS_S, Clip, clips_of_corpus, clips_of_sound
from qal.evaluation.speed.configurations import Axes, configurations
from qal.evaluation.speed.files import write_speed
from qal.evaluation.speed.records import SpeedReport, Timeline
from qal.evaluation.speed.report import speed_report
from qal.evaluation.speed.table import speed_table
from qal.evaluation.speed.timeline import timed_file
from qal.json_text import json_text
from qal.storage import storage_errors

HTML_FILE = "speed.html"
ABOUT = (
    "Measures real-time factor, latency, load time and peak memory of models on clips of several durations, one by "
    "one, in batches and in parallel; each configuration in a process of its own."
)


class SpeedOptions(BaseModel, frozen=True):
    models: list[str] = positional(MODEL_HELP, "MODEL")
    sound: Path = flag(..., "a recording, or a dataset folder: the clips are cut and joined from it", "PATH")
    durations: list[float] = flag(list(DURATIONS_S), "durations of the clips, in seconds", "S")
    clips: int = flag(20, "clips of each duration; p95 needs 20 and p99 needs 100", "N", ge=1)
    contexts: list[ContextChoice] = flag(["auto"], "auto: what qal.json allows; full: 30 s")
    compute_types: list[str] = flag(["auto"], "int8, float32 …; all: all that the device computes", "TYPE")
    beams: list[int] = flag([1], "hypotheses kept while decoding; 1 is greedy", "N")
    threads: list[int] = flag([0], "CPU threads of one call; 0: all cores", "N")
    batches: list[int] = flag([16], "clips in one call; one by one is always measured", "N")
    parallel: list[int] = flag([2], f"calls at the same time, such as 2 to {MAX_CPU_WORKERS} on a CPU", "N")
    only_one_by_one: bool = flag(False, "leave out batches and calls at the same time")
    timeline: Path | None = flag(None, "a long recording whose stretches are timed, too", "FILE")
    language: str | None = flag(None, "language to decode in; unset: of the dataset, or detected", "XX")
    device: Device = flag("auto", "auto: a GPU where there is one")
    seed: int = flag(0, "of the choice of the clips", "N", ge=0)
    out: Path | None = flag(None, "folder for speed.json, speed.csv and speed.html", "DIR")
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    options = parse_options("qal evaluate speed", ABOUT, SpeedOptions, arguments)
    chosen = configurations(axes_of(options), options.device)
    directories = {name: resolve(name) for name in options.models}
    clips = clips_of(options)
    long_file = decode(options.timeline) if options.timeline else None
    total_s = sum(clip.duration_s for clip in clips) * len(chosen)
    with (
        tqdm(total=round(total_s), unit="s", file=sys.stderr) as bar,
        stop_on_signals("configuration") as is_stopped,
    ):

        def progress(name: str, done_s: float, total_s: float) -> None:
            bar.set_description_str(name, refresh=False)
            bar.update(round(done_s) - bar.n)

        report = speed_report(chosen, directories, clips, options.sound.name, progress, is_stopped)
    if long_file is not None and options.timeline:
        timelines: list[Timeline] = []
        for name in options.models:
            engine = Engine(directories[name], options.device)
            timelines.append(timed_file(engine, long_file, name, options.timeline.name, options.language))
        report = report.model_copy(update={"timelines": timelines})
    if options.out:
        write_speed(options.out, report)
        write_page(options.out / HTML_FILE, report)
    print(json_text(report.model_dump(mode="json")) if options.json_ else speed_table(report))
    if all(found.problem for found in report.measurements):
        raise EvaluationError(f"no configuration could be measured: {report.measurements[0].problem}")


def axes_of(options: SpeedOptions) -> Axes:
    return Axes(
        models=options.models,
        contexts=options.contexts,
        compute_types=options.compute_types,
        beams=options.beams,
        threads=options.threads,
        batches=() if options.only_one_by_one else options.batches,
        parallel=() if options.only_one_by_one else options.parallel,
    )


def clips_of(options: SpeedOptions) -> list[Clip]:
    """Makes the clips from the dataset or the recording. Raises CorpusError, AudioDecodeError or OptionError."""
    if not options.durations:
        raise OptionError("give at least one duration with --durations")
    rng = np.random.default_rng(options.seed)
    if options.sound.is_dir() or options.sound.suffix == ".jsonl":
        corpus = read_corpus(options.sound)
        return clips_of_corpus(corpus, options.durations, options.clips, rng, options.language)
    return clips_of_sound(decode(options.sound), options.durations, options.clips, rng, options.language)


def write_page(path: Path, report: SpeedReport) -> None:
    """Writes the charts and the table as a page that needs no other file."""
    from ui_components.evaluate.speed.speed_figures import speed_page

    with storage_errors(str(path)):
        path.write_text(speed_page(report), encoding="utf-8")
