"""qal evaluate MODEL CORPUS: word error rate and speed of a model on a corpus, alone or against another."""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel
from tqdm import tqdm

from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.left_out import NO_TEXT, describe_left_out, longer_than
from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.corpus.split import Split, evenly_spaced
from qal.corpus.words import has_words
from qal.engine.catalogue import resolve
from qal.engine.engine import ContextChoice, Device, Engine
from qal.errors import CorpusError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.scoring import SEED, Scored, SpokenReference, load_references, score_engines
from qal.json_text import json_text

MAX_UTTERANCE_S = 29  # leaves a second of Whisper's window for the margin


class EvaluateOptions(BaseModel, frozen=True):
    model: str = positional(MODEL_HELP, "MODEL")
    corpus: Path = positional("a corpus folder, or its manifest.jsonl", "CORPUS")
    split: Split = flag("test", "the examples to score")
    language: str | None = flag(None, "language to decode in; unset: the language of each example", "XX")
    context: ContextChoice = flag("auto", "auto: what qal.json allows; full: 30 s")
    against: str | None = flag(None, "a second model, decoded at 30 s, for a paired comparison", "MODEL")
    device: Device = flag("auto", "auto: a GPU where there is one")
    compute_type: str = flag("auto", "int8, float16, float32 …; auto: float16 on a GPU, int8 on a CPU", "TYPE")
    max: int | None = flag(None, "score at most N examples, spread evenly over the split", "N", ge=1)
    json_: bool = flag(False, JSON_HELP)


def main(arguments: Sequence[str]) -> None:
    about = "Measures a model's word error rate and speed on a corpus, alone or against another model."
    options = parse_options("qal evaluate", about, EvaluateOptions, arguments)
    corpus = read_corpus(options.corpus)
    references, left_out = held_out(options, corpus)
    engines = {"score": Engine(resolve(options.model), options.device, options.compute_type, options.context)}
    if options.against:
        engines["against"] = Engine(resolve(options.against), options.device, options.compute_type, "full")
    with tqdm(total=len(references), unit="utterance", file=sys.stderr) as bar:
        found = score_engines(engines, references, lambda done, of: bar.update(done - bar.n))
    result = {"model": options.model, "corpus": str(options.corpus), "utterances": len(references)}
    result |= {"split": options.split, "left_out": left_out}
    result["score"] = found["score"].score.rounded().model_dump()
    if options.against:
        result |= compare(found["score"], found["against"])
    print(json_text(result) if options.json_ else table(result, options))


class HeldOut(NamedTuple):
    """The examples to score, and how many of the split are left out, by reason."""

    references: list[SpokenReference]
    left_out: dict[str, int]


def held_out(options: EvaluateOptions, corpus: Corpus) -> HeldOut:
    reasons = [(row, _reason(row)) for row in corpus.select(options.split)]
    rows = [row for row, reason in reasons if reason is None]
    left_out = Counter(reason for _, reason in reasons if reason)
    if not rows:
        told = f" ({describe_left_out(left_out)})" if left_out else ""
        raise CorpusError(
            f"{options.corpus}: no example with text in split '{options.split}'{told}; choose another split"
        )
    if left_out:
        print(f"{describe_left_out(left_out)}.", file=sys.stderr)
    return HeldOut(load_references(corpus, evenly_spaced(rows, options.max), options.language), dict(left_out))


def _reason(row: Row) -> str | None:
    """Returns why a row is not scored; None if it is."""
    if row.duration_s >= MAX_UTTERANCE_S:
        return longer_than(MAX_UTTERANCE_S)
    return None if has_words(row.text) else NO_TEXT


def compare(a: Scored, b: Scored) -> dict:
    paired = paired_difference(a.counts, b.counts, np.random.default_rng(SEED))
    times = b.score.rtf / a.score.rtf
    return {
        "against_30s": b.score.rounded().model_dump(),
        "paired": paired.model_dump(),
        "times_faster": round(times, 2),
    }


def table(result: dict, options: EvaluateOptions) -> str:
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
