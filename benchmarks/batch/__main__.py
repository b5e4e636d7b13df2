"""python -m benchmarks.batch: files, against faster-whisper one window at a time and in batches, in the same run.

Each system transcribes the same recordings in a process of its own, one after the other, `--rounds` times."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from jsonargparse import Namespace

from benchmarks.batch.features import log_mel_figures
from benchmarks.batch.long_file import long_file_figures
from benchmarks.batch.recordings import Recording, long_recording, mixed_recordings, short_recordings
from benchmarks.batch.scores import Errors, errors_of
from benchmarks.batch.systems import PEERS, Setting
from benchmarks.batch.word_times import word_time_bars, word_time_figures
from benchmarks.hardware import hardware, versions
from benchmarks.progress import report_progress
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.cores import usable_cores
from qal.engine.cache import load_for_many_callers
from qal.engine.catalogue import resolve
from qal.errors import ModelError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.scoring import SEED
from qal.text.normalisation.registry import SCORING

MIN_TIMES_WHISPER_MODEL, MIN_TIMES_BATCHED, MIN_TIMES_BATCHED_LONG, MIN_TIMES_STOCK = 5.0, 4.0, 1.5, 1.0
MAX_MEMORY_MB = 1500
WORD_TIMES = "word_times_"
MAX_MEL_DIFFERENCE = 1e-4


def main() -> None:
    parser = make_parser("python -m benchmarks.batch", __doc__ or "")
    parser.add_argument("--model", default="base-adaptive", help="weights that were adapted to short contexts")
    parser.add_argument("--stock", default="base", help="the stock weights of the other systems")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of corpora")
    parser.add_argument("--corpus", default="asterisk-en", help="corpus of the utterances")
    parser.add_argument("--utterances", type=int, default=120, help="short utterances")
    parser.add_argument("--minutes", type=float, default=15, help="duration of the long recording, at least")
    parser.add_argument("--hours", type=float, default=10, help="duration of the file whose memory is measured")
    parser.add_argument("--beam", type=int, default=1, help="beam size of all systems")
    parser.add_argument("--compute-type", default="int8", help="precision of all systems")
    parser.add_argument("--rounds", type=int, default=2, help="times that everything is timed; the median counts")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what to measure")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    figures: dict = {}
    reference: dict = {}
    for name in options.parts:
        report_progress(name)
        PARTS[name](options, figures, reference)
    result = {
        "hardware": hardware(),
        "settings": settings(options),
        "figures": figures,
        "reference": reference,
        "bars": bars(figures),
    }
    print(json.dumps(result, indent=None if options.json else 2))


def settings(options: Namespace) -> dict:
    return {
        "model": options.model,
        "stock": options.stock,
        "compute_type": options.compute_type,
        "beam_size": options.beam,
        "threads": usable_cores(),
        "rounds": options.rounds,
        "corpus": options.corpus,
        "normaliser": SCORING.id,
        **versions("ctranslate2", "faster-whisper"),
    }


def short(options: Namespace, figures: dict, reference: dict) -> None:
    utterances = short_recordings(options.data / options.corpus, options.utterances)
    compare("short", utterances, ("ours", "ours_together"), options, figures, reference)


def long(options: Namespace, figures: dict, reference: dict) -> None:
    utterances = short_recordings(options.data / options.corpus, 400)
    compare("long", [long_recording(utterances, options.minutes)], ("ours",), options, figures, reference)


def folder(options: Namespace, figures: dict, reference: dict) -> None:
    utterances = short_recordings(options.data / options.corpus, options.utterances)
    compare("folder", mixed_recordings(utterances), ("ours", "ours_together"), options, figures, reference)


def compare(
    part: str,
    recordings: Sequence[Recording],
    ways: Sequence[str],
    options: Namespace,
    figures: dict,
    reference: dict,
) -> None:
    """Times all systems on recordings, and compares their errors utterance by utterance."""
    adapted, stock = str(resolve(options.model)), str(resolve(options.stock))
    runs = {f"adapted_{way}": (way, adapted) for way in ways} | {f"stock_{way}": (way, stock) for way in ways}
    runs |= {name: (name, stock) for name in PEERS}
    audio_s = sum(recording.duration_s for recording in recordings)
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    errors: dict[str, Errors] = {}
    with tempfile.TemporaryDirectory() as folder_name:
        path = Path(folder_name) / "recordings.npz"
        write_recordings(path, recordings)
        for _ in range(options.rounds):
            for name, (system, model) in runs.items():
                found = run_system(system, path, Setting(model, options.compute_type, usable_cores(), options.beam))
                speeds[name].append(audio_s / found["took_s"])
                errors[name] = errors_of(recordings, found["texts"])
                report_progress(f"{part}: {name}: {speeds[name][-1]:.1f} times real time, WER {errors[name].wer:.2%}")
                into = reference if name in PEERS else figures
                into[f"{part}_{name}_peak_mb"] = round(found["peak_mb"])
    figures |= {f"{part}_audio_s": round(audio_s, 1), f"{part}_words": int(errors[PEERS[0]].words.sum())}
    for name in runs:
        into = reference if name in PEERS else figures
        into[f"{part}_{name}_audio_s_per_s"] = round(median(speeds[name]), 1)
        into |= errors[name].figures(f"{part}_{name}")
    for name in [name for name in runs if name not in PEERS]:
        figures |= against_peers(part, name, speeds, errors)


def against_peers(part: str, name: str, speeds: dict[str, list[float]], errors: dict[str, Errors]) -> dict[str, float]:
    """Returns how many times faster a system is than the peers, and its error rate less that of the best one."""
    found = {f"{part}_{name}_times_{peer}": round(median(speeds[name]) / median(speeds[peer]), 2) for peer in PEERS}
    best = min(PEERS, key=lambda peer: errors[peer].wer)
    paired = paired_difference(errors[name].counts, errors[best].counts, np.random.default_rng(SEED))
    differences = {"": paired.difference, "_low": paired.low, "_high": paired.high}
    return found | {f"{part}_{name}_wer_difference{key}": round(value, 4) for key, value in differences.items()}


def write_recordings(path: Path, recordings: Sequence[Recording]) -> None:
    arrays: dict[str, Any] = {f"samples{i}": recording.samples for i, recording in enumerate(recordings)}
    np.savez(path, languages=np.array([recording.language for recording in recordings]), **arrays)


def run_system(system: str, recordings: Path, setting: Setting) -> dict:
    """Runs one system in a process of its own. Raises ModelError if it fails."""
    command = [sys.executable, "-m", "benchmarks.batch.systems", system, str(recordings), json.dumps(setting)]
    job = subprocess.run(command, capture_output=True, text=True, check=False)
    if job.returncode:
        raise ModelError(f"{system} failed: {job.stderr[-300:]}")
    return json.loads(job.stdout.splitlines()[-1])


def memory(options: Namespace, figures: dict, reference: dict) -> None:
    utterances = short_recordings(options.data / options.corpus, options.utterances)
    figures |= long_file_figures(options.model, utterances, options.hours)


def words(options: Namespace, figures: dict, reference: dict) -> None:
    found = word_time_figures(load_for_many_callers(resolve(options.model)), options.data)
    figures |= {f"{WORD_TIMES}{name}": value for name, value in found.items()}


def log_mel(options: Namespace, figures: dict, reference: dict) -> None:
    ours, peer = log_mel_figures()
    figures |= ours
    reference |= peer


PARTS: dict[str, Callable[[Namespace, dict, dict], None]] = {
    "short": short,
    "long": long,
    "folder": folder,
    "memory": memory,
    "words": words,
    "log_mel": log_mel,
}


def bars(figures: dict) -> dict[str, dict]:
    """Returns every bar whose figure was measured."""
    at_least = {
        "short_adapted_ours_together_times_whisper_model": MIN_TIMES_WHISPER_MODEL,
        "short_adapted_ours_together_times_batched_8": MIN_TIMES_BATCHED,
        "short_adapted_ours_together_times_batched_16": MIN_TIMES_BATCHED,
        "long_adapted_ours_times_batched_8": MIN_TIMES_BATCHED_LONG,
        "long_adapted_ours_times_batched_16": MIN_TIMES_BATCHED_LONG,
        "short_stock_ours_times_whisper_model": MIN_TIMES_STOCK,
        "long_stock_ours_times_batched_8": MIN_TIMES_STOCK,
        "long_stock_ours_times_batched_16": MIN_TIMES_STOCK,
        "log_mel_times_faster_whisper": MIN_TIMES_STOCK,
    }
    at_most = {
        "memory_peak_mb": MAX_MEMORY_MB,
        "log_mel_difference": MAX_MEL_DIFFERENCE,
        **{f"{part}_{name}_wer_difference_low": 0.0 for part in ("short", "long") for name in JUDGED},
    }
    found = {
        name: {"value": figures[name], "bar": bar, "met": figures[name] >= bar}
        for name, bar in at_least.items()
        if name in figures
    }
    found |= word_time_bars({k.removeprefix(WORD_TIMES): v for k, v in figures.items() if k.startswith(WORD_TIMES)})
    return found | {
        name: {"value": figures[name], "bar": bar, "met": figures[name] <= bar}
        for name, bar in at_most.items()
        if name in figures
    }


JUDGED = ("adapted_ours", "adapted_ours_together", "stock_ours")  # whose error rate must not be worse

if __name__ == "__main__":
    run_command(main)
