"""python -m evaluation MODEL MANIFEST: word error rate and speed of a model on a corpus, alone or against another."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from corpus.manifest import read_corpus
from corpus.split import SPLITS, evenly
from engine.catalogue import resolve
from engine.engine import Engine
from errors import CommandParser, CorpusError, OptionError, run_command
from evaluation.bootstrap import paired_difference
from evaluation.score import SEED, Scored, SpokenReference, load_references, score_engines


def main() -> None:
    parser = CommandParser(prog="python -m evaluation", description=__doc__)
    parser.add_argument("model", metavar="MODEL", help="a catalogue name, a run's id or a model directory")
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="a corpus folder or its manifest.jsonl")
    parser.add_argument("--split", default="test", choices=SPLITS, help="rows to score (default: test)")
    parser.add_argument("--language", help="language to decode in (default: what each row says)")
    parser.add_argument(
        "--context", default="auto", choices=["auto", "full"], help="auto: what qal.json allows; full: 30 s"
    )
    parser.add_argument("--against", metavar="MODEL", help="a second model, heard at 30 s, for a paired comparison")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help="where to compute")
    parser.add_argument("--compute-type", default="auto", help="int8, float16, float32 … (default: auto)")
    parser.add_argument("--max", type=int, metavar="N", help="at most N rows, spread evenly over the split")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    spoken = held_out(options)
    engines = {"score": Engine(resolve(options.model), options.device, options.compute_type, options.context)}
    if options.against:
        engines["against"] = Engine(resolve(options.against), options.device, options.compute_type, "full")
    with tqdm(total=len(spoken), unit="utterance", file=sys.stderr) as bar:
        found = score_engines(engines, spoken, lambda done, of: bar.update(done - bar.n))
    result = {"model": options.model, "corpus": str(options.manifest), "utterances": len(spoken)}
    result["score"] = found["score"].score.as_dict()
    if options.against:
        result |= compare(found["score"], found["against"])
    print(json.dumps(result) if options.json else table(result, options))


def held_out(options: argparse.Namespace) -> list[SpokenReference]:
    corpus = read_corpus(options.manifest)
    rows = [r for r in corpus.select(options.split) if r.text and r.duration_s < 29]
    if not rows:
        raise CorpusError(f"{options.manifest}: no rows with text in split '{options.split}'; choose another split")
    if options.max is not None and options.max < 1:
        raise OptionError(f"--max {options.max} is below 1; leave it out to score all rows")
    return load_references(corpus, evenly(rows, options.max), options.language)


def compare(a: Scored, b: Scored) -> dict:
    paired = paired_difference(a.counts, b.counts, np.random.default_rng(SEED))
    times = b.score.rtf / a.score.rtf
    return {"against_30s": b.score.as_dict(), "paired": asdict(paired), "times_faster": round(times, 2)}


def table(result: dict, options: argparse.Namespace) -> str:
    lines = [f"{result['corpus']}, {result['utterances']} utterances of split '{options.split}'"]
    for name, key in ((options.model, "score"), (f"{options.against} at 30 s", "against_30s")):
        if key in result:
            s = result[key]
            interval = f"{100 * s['wer_low']:.1f}-{100 * s['wer_high']:.1f}"
            lines.append(
                f"{name}: WER {100 * s['wer']:.1f} % ({interval}), CER {100 * s['cer']:.1f} %, RTF {s['rtf']:.3f}"
            )
    if "paired" in result:
        p = result["paired"]
        lines.append(
            f"difference {100 * p['difference']:+.1f} points of WER ({100 * p['low']:+.1f} to {100 * p['high']:+.1f}, "
            f"p {p['p']:.3f}); {result['times_faster']} times faster"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(main)
