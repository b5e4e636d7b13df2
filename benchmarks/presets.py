"""python -m benchmarks.presets: time, memory and word error rates of a preset on this machine.

Runs the same command line that users type."""

import json
import tempfile
from pathlib import Path

from benchmarks.hardware import hardware
from benchmarks.job import ROOT, train
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.errors import TrainingError
from qal.jobs.options.yaml_file import load_config
from qal.text.normalisation.registry import SCORING


def main() -> None:
    parser = make_parser("python -m benchmarks.presets", __doc__ or "")
    parser.add_argument("preset", help="a file of configs/, without .yaml")
    parser.add_argument("--corpus", type=Path, default=Path("data/asterisk-ru"), help="corpus to train on")
    parser.add_argument("--base", default=None, help="another base model than the preset's")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options.preset, options.corpus, options.base, Path(folder))
    print(json.dumps(result, indent=None if options.json else 2))


def measure(preset: str, corpus: Path, base: str | None, folder: Path) -> dict:
    file = ROOT / "configs" / f"{preset}.yaml"
    settings = {"corpus": corpus.resolve(), "base": base or load_config(file).base, "retention.utterances": 0}
    run, peak_mb = train(file, settings, folder, preset)
    report = run.report()
    if report is None:
        raise TrainingError(f"the preset {preset} wrote no report: {run.status().reason}")
    steps = [row for row in run.metrics() if row["kind"] == "step"]
    return {
        "hardware": hardware(),
        "settings": {
            "preset": preset,
            "normaliser": SCORING.id,
            "corpus": corpus.name,
            "base": settings["base"],
            "steps": len(steps),
        },
        "figures": {
            "train_minutes": round(report.train_seconds / 60, 1),
            "train_peak_mb": round(peak_mb),
            "tuned_adaptive": report.tuned_adaptive.model_dump(),
        },
        "reference": {"stock_30s": report.stock_30s.model_dump()},
    }


if __name__ == "__main__":
    run_command(main)
