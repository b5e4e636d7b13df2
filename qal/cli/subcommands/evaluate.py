"""qal evaluate MODEL CORPUS: error rates and speed of a model on a corpus, alone or against another."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel
from tqdm import tqdm

from qal.audio.sound_check import require_sound
from qal.cli.command import run_subcommand
from qal.cli.engine_options import MODEL_HELP
from qal.cli.parsing import JSON_HELP, flag, parse_options, positional
from qal.corpus.left_out import NO_TEXT, audio_reason, count_marked, describe_left_out, longer_than
from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.corpus.split import Split, evenly_spaced
from qal.corpus.words import has_words
from qal.engine.catalogue import resolve
from qal.engine.engine import ContextChoice, Device, Engine
from qal.errors import AudioDecodeError, CorpusError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.report import PairedDifference, paired_sentence
from qal.evaluation.scoring import SEED, Scored, SpokenReference, load_references, score_engines
from qal.json_text import json_text
from qal.text.error_measure import Measure, percent, score_basis
from qal.text.normalisation.registry import SCORING

ABOUT = "Measures models on speech."
SUBCOMMANDS = {
    "context": (
        "qal.cli.evaluation.context",
        "find the shortest context at which a model is not worse than at 30 s",
    ),
    "speed": ("qal.cli.evaluation.speed", "measure real-time factor, latency, load time and memory"),
}
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
    if arguments and arguments[0] in SUBCOMMANDS:
        run_subcommand("qal evaluate", ABOUT, SUBCOMMANDS, arguments)
        return
    about = "Measures a model's error rates and speed on a corpus, alone or against another model."
    options = parse_options("qal evaluate", about, EvaluateOptions, arguments)
    corpus = read_corpus(options.corpus)
    references, left_out = held_out(options, corpus)
    engines = {"score": Engine(resolve(options.model), options.device, options.compute_type, options.context)}
    if options.against:
        engines["against"] = Engine(resolve(options.against), options.device, options.compute_type, "full")
    with tqdm(total=len(references), unit="utterance", file=sys.stderr) as bar:
        found = score_engines(engines, references, lambda done, of: bar.update(done - bar.n))
    result = evaluation(options, found, left_out)
    print(json_text(result) if options.json_ else table(found, result, options))


def evaluation(options: EvaluateOptions, found: Mapping[str, Scored], left_out: Mapping[str, int]) -> dict:
    """Returns the content of the line that --json prints; the paired difference is of the measure that decides."""
    counts = found["score"].counts
    result = {
        "model": options.model,
        "corpus": str(options.corpus),
        "split": options.split,
        "utterances": len(counts.words),
        "words": int(counts.words.sum()),
        "left_out": dict(left_out),
        "normaliser": SCORING.id,
        "measure": counts.measure,
        "score": found["score"].score.rounded().model_dump(),
    }
    return result | (compare(found["score"], found["against"]) if "against" in found else {})


class HeldOut(NamedTuple):
    """The examples to score, and how many of the split are left out, by reason."""

    references: list[SpokenReference]
    left_out: dict[str, int]


def held_out(options: EvaluateOptions, corpus: Corpus) -> HeldOut:
    """Selects the examples to score. Raises CorpusError if there are none."""
    reasons = [(row, _reason(row)) for row in corpus.select(options.split)]
    rows = [row for row, reason in reasons if reason is None]
    left_out = Counter(count_marked(row for row in corpus.rows if row.split == options.split))
    left_out.update(reason for _, reason in reasons if reason)
    references: list[SpokenReference] = []
    for reference in load_references(corpus, evenly_spaced(rows, options.max), options.language):
        try:
            require_sound(reference.samples, str(reference.audio))
        except AudioDecodeError as error:
            left_out[audio_reason(error)] += 1
        else:
            references.append(reference)
    if not references:
        told = f" ({describe_left_out(left_out)})" if left_out else ""
        raise CorpusError(
            f"{options.corpus}: no example with text and usable audio in split '{options.split}'{told}; "
            "choose another split"
        )
    if left_out:
        print(f"{describe_left_out(left_out)}.", file=sys.stderr)
    return HeldOut(references, dict(left_out))


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


def table(found: Mapping[str, Scored], result: dict, options: EvaluateOptions) -> str:
    """Returns the figures as lines of text, the error rate that decides first."""
    measure: Measure = found["score"].counts.measure
    other: Measure = "CER" if measure == "WER" else "WER"
    basis = score_basis(options.split, result["utterances"], result["words"], result["normaliser"])
    lines = [f"{result['corpus']} · {basis}"]
    for name, key in ((options.model, "score"), (f"{options.against} at 30 s", "against")):
        if key in found:
            score = found[key].score
            rates = f"{score.error_rate(measure).named_text}, {other} {percent(score.error_rate(other).rate)}"
            lines.append(f"{name}: {rates}, RTF {score.rtf:.3f}")
    if "paired" in result:
        difference = paired_sentence(measure, PairedDifference(**result["paired"]))
        lines.append(f"difference: {difference}; {result['times_faster']} times faster")
    return "\n".join(lines)
