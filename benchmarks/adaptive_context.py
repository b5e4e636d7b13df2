"""python -m benchmarks.adaptive_context: base-adaptive at adaptive context against stock base at 30 s.

Held-out voices and languages (none of their recordings were in the training rows), one utterance at a time, heard
by both models in turn, greedy; a text that repeats itself is read again with repetitions forbidden, as live.
Corpora that are not there are left out and named."""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.hardware import hardware, versions
from corpus.manifest import read_corpus
from corpus.split import evenly
from engine.catalogue import resolve
from engine.engine import Engine
from errors import CommandParser, CorpusError, OptionError, run_command
from evaluation.bootstrap import paired_difference
from evaluation.score import SEED, Scored, load_references, make_score, score_engines
from evaluation.wer import ErrorCounts

HELD_OUT = ("fillets-nl", "tuxpaint-bg", "tuxpaint-ca", "tuxpaint-da", "festvox-ru", "librivox-en")
SEEN = ("asterisk-en", "asterisk-es", "asterisk-fr", "asterisk-it", "asterisk-ru")
MAX_WER_LOSS = 0.01
MIN_TIMES_FASTER = 4.0


def main() -> None:
    parser = CommandParser(prog="python -m benchmarks.adaptive_context", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of corpora (default: data)")
    parser.add_argument("--model", default="base-adaptive", help="the adaptive model (default: base-adaptive)")
    parser.add_argument("--stock", default="base", help="the stock model, heard at 30 s (default: base)")
    parser.add_argument("--max", type=int, default=60, help="utterances a corpus (default: 60)")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parser.parse_args()
    if options.max < 1:
        raise OptionError(f"--max {options.max} is below 1")
    found = {name: pair for name in (*HELD_OUT, *SEEN) if (pair := measure(name, options))}
    held_out = [name for name in HELD_OUT if name in found]
    if not held_out:
        raise CorpusError(
            f"none of {', '.join(HELD_OUT)} is in {options.data}; import them first (docs/base-adaptive.md)"
        )
    print(json.dumps(result(found, held_out, options), indent=None if options.json else 2))


def measure(name: str, options: argparse.Namespace) -> tuple[Scored, Scored] | None:
    """(adaptive, stock at 30 s) on one corpus's test rows."""
    if not (options.data / name).is_dir():
        print(f"{name}: not in {options.data}, left out", file=sys.stderr)
        return None
    corpus = read_corpus(options.data / name)
    rows = [r for r in corpus.select("test") if 0.7 <= r.duration_s < 29]
    spoken = load_references(corpus, evenly(rows, options.max))
    engines = {"adaptive": Engine(resolve(options.model)), "stock": Engine(resolve(options.stock), context="full")}
    with tqdm(total=len(spoken), desc=name, unit="utterance", file=sys.stderr) as bar:
        found = score_engines(engines, spoken, lambda done, of: bar.update())
    return found["adaptive"], found["stock"]


def result(found: dict[str, tuple[Scored, Scored]], held_out: list[str], options: argparse.Namespace) -> dict:
    figures: dict[str, float] = {}
    reference: dict[str, float] = {}
    for name, (adaptive, stock) in found.items():
        figures |= {f"{name}_wer": round(adaptive.score.wer, 4), f"{name}_rtf": round(adaptive.score.rtf, 4)}
        reference |= {f"{name}_wer": round(stock.score.wer, 4), f"{name}_rtf": round(stock.score.rtf, 4)}
    a, b = (pooled([found[name][i].counts for name in held_out]) for i in (0, 1))
    paired = paired_difference(a, b, np.random.default_rng(SEED))
    ratio = float(
        np.mean([found[n][1].score.rtf for n in held_out]) / np.mean([found[n][0].score.rtf for n in held_out])
    )
    figures |= {
        "held_out_utterances": len(a.words),
        "held_out_wer": round(make_score(a, 0).wer, 4),
        "held_out_cer": round(a.cer, 4),
        "held_out_wer_difference": round(paired.difference, 4),
        "held_out_wer_difference_low": round(paired.low, 4),
        "held_out_wer_difference_high": round(paired.high, 4),
        "held_out_times_faster": round(ratio, 2),
    }
    reference |= {"held_out_wer": round(b.wer, 4), "held_out_cer": round(b.cer, 4)}
    bars = {
        "held_out_wer_difference": {
            "value": round(paired.difference, 4),
            "bar": MAX_WER_LOSS,
            "met": paired.difference <= MAX_WER_LOSS,
        },
        "held_out_times_faster": {"value": round(ratio, 2), "bar": MIN_TIMES_FASTER, "met": ratio >= MIN_TIMES_FASTER},
    }
    settings = {"model": options.model, "stock": options.stock, "beam_size": 1, "batch": 1, "held_out": held_out}
    settings |= versions("ctranslate2", "faster-whisper")
    return {"hardware": hardware(), "settings": settings, "figures": figures, "reference": reference, "bars": bars}


def pooled(counts: list[ErrorCounts]) -> ErrorCounts:
    fields = ("word_errors", "words", "character_errors", "characters")
    return ErrorCounts(*(np.concatenate([getattr(c, f) for c in counts]) for f in fields))


if __name__ == "__main__":
    run_command(main)
