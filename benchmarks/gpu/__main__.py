"""python -m benchmarks.gpu: speed and memory of inference, training and live captions on a GPU, or on the CPU.

Needs nothing that is not in the repository: weights are random, in the shapes of Whisper's sizes, because speed and
memory do not depend on what they say. Where true weights and corpora are on this machine, transcriptions are scored,
too. The parts are measured in order of worth until the time is up; --out receives the results as they come."""

import json
import logging
import platform
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.gpu.budget import Budget, budget_of
from benchmarks.gpu.options import PARTS, WORTH, GpuOptions, Part
from benchmarks.gpu.results import Results
from benchmarks.hardware import hardware
from benchmarks.progress import report_progress
from qal.cli.command import run_command
from qal.cli.parsing import parse_options
from qal.engine.settings.device import choose_device

PACKAGES = ("torch", "ctranslate2", "faster-whisper", "transformers", "peft", "pytorch-lightning", "numpy")
NOT_INSTALLED = "not installed"
EXIT_FAILED = 1  # a part raised an error; the results of the others are printed

Measure = Callable[[Budget, Results], None]


def main() -> None:
    options = parse_options("python -m benchmarks.gpu", __doc__ or "", GpuOptions)
    budget, began = budget_of(options.seconds), time.monotonic()
    silence_libraries()
    device = choose_device(options.device)
    results = Results(described_hardware(device), settings(options, device), options.out)
    with tempfile.TemporaryDirectory() as folder:
        run_parts(measurements(options, device, Path(folder)), budget, results)
    results.settings["took_s"] = round(time.monotonic() - began, 1)
    results.save()
    print(json.dumps(results.as_dict(), indent=None if options.json_ else 2, ensure_ascii=False))
    if results.failed:
        sys.exit(EXIT_FAILED)


def measurements(options: GpuOptions, device: str, folder: Path) -> dict[Part, Measure]:
    """Returns the chosen parts in order of worth; their libraries are imported here."""
    from benchmarks.gpu.live import measure_live
    from benchmarks.gpu.random_weights import RandomModels
    from benchmarks.gpu.speed import measure_speed
    from benchmarks.gpu.training import measure_training
    from benchmarks.gpu.transcription import measure_transcription

    models = RandomModels(folder, device)
    found: dict[Part, Measure] = {
        "speed": partial(measure_speed, models, options, device),
        "training": partial(measure_training, models, options, device),
        "live": partial(measure_live, models, options, device),
        "transcription": partial(measure_transcription, options, device),
    }
    return {part: found[part] for part in PARTS if part in options.parts}


def run_parts(parts: dict[Part, Measure], budget: Budget, results: Results) -> None:
    """Runs the parts; time that one leaves goes to the next ones, and an error in one does not end the others."""
    worth_left = sum(WORTH[part] for part in parts)
    for part, measure in parts.items():
        share = budget.share(WORTH[part], worth_left)
        worth_left -= WORTH[part]
        report_progress(f"{part}: up to {share.left_s:.0f} s")
        began = time.monotonic()
        try:
            measure(share, results)
        except Exception as error:  # the time on such a machine is short: the other parts are worth having
            traceback.print_exc()
            results.failed[part] = f"{type(error).__name__}: {error}"
        results.settings[f"{part}_took_s"] = round(time.monotonic() - began, 1)
        results.save()


def described_hardware(device: str) -> dict:
    import torch

    found = {**hardware(), "device": device, "machine": platform.machine()}
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        found |= {
            "gpu": properties.name,
            "gpu_memory_mb": round(properties.total_memory / 1e6),
            "cuda": torch.version.cuda,
            "compute_capability": f"{properties.major}.{properties.minor}",
        }
    return found


def settings(options: GpuOptions, device: str) -> dict:
    chosen = options.model_dump(mode="json", exclude={"out", "json_"})
    versions = {name: installed_version(name) for name in PACKAGES}
    return {**chosen, "device": device, "weights": "random, but for transcription", "beam_size": 1, **versions}


def installed_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


def silence_libraries() -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pytorch_lightning")
    warnings.filterwarnings("ignore", module="lightning_fabric")


if __name__ == "__main__":
    run_command(main)
