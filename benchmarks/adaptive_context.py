"""python -m benchmarks.adaptive_context: base-adaptive at adaptive context against stock base at 30 s.

Measures voices and languages that were not used in training (all splits; with --noise also mixed with noise), and the
test examples of voices that were. Both models decode each utterance in turn, greedily; a text that repeats itself is
decoded again with repetitions forbidden, as in live captions. Missing corpora are named and skipped."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jsonargparse import Namespace
from tqdm import tqdm

from augmentation.noise import BackgroundNoise, check_audio_folder
from augmentation.options import BackgroundOptions
from benchmarks.bars import MAX_WER_LOSS, MIN_TIMES_FASTER
from benchmarks.hardware import hardware, versions
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import Corpus, Row, read_corpus
from qal.corpus.split import evenly_spaced
from qal.engine.catalogue import resolve
from qal.engine.engine import Engine
from qal.errors import CorpusError, OptionError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import ErrorCounts
from qal.evaluation.scoring import SEED, Scored, SpokenReference, load_references, score_engines
from qal.text.normalisation.registry import SCORING

HELD_OUT = ("fillets-nl", "tuxpaint-bg", "tuxpaint-ca", "tuxpaint-da", "festvox-ru", "librivox-en")
SEEN = ("asterisk-en", "asterisk-es", "asterisk-fr", "asterisk-it", "asterisk-ru")
Pairs = dict[str, tuple[Scored, Scored]]  # corpus -> (adaptive, stock at 30 s)


def main() -> None:
    parser = make_parser("python -m benchmarks.adaptive_context", __doc__ or "")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of corpora")
    parser.add_argument("--model", default="base-adaptive", help="the adaptive model")
    parser.add_argument("--stock", default="base", help="the stock model, decoded at 30 s")
    parser.add_argument("--max", type=int, default=60, help="utterances a corpus")
    parser.add_argument("--noise", type=Path, help="folder of sounds: the held-out corpora are heard in them, too")
    parser.add_argument("--snr", type=float, default=10.0, help="of those sounds, dB")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    if options.max < 1:
        raise OptionError(f"--max {options.max} is below 1")
    if options.noise:
        check_audio_folder(options.noise)
    held_out = measured(HELD_OUT, options, lambda corpus: corpus.rows)
    if not held_out:
        raise CorpusError(
            f"none of {', '.join(HELD_OUT)} is in {options.data}; import them first (docs/base-adaptive.md)"
        )
    noisy = measured(HELD_OUT, options, lambda corpus: corpus.rows, options.noise) if options.noise else {}
    seen = measured(SEEN, options, lambda corpus: corpus.select("test"))
    print(json.dumps(result(held_out, noisy, seen, options), indent=None if options.json else 2))


def measured(
    names: Sequence[str],
    options: Namespace,
    rows: Callable[[Corpus], Sequence[Row]],
    noise: Path | None = None,
) -> Pairs:
    """Measures each available corpus, mixed with the sounds of a folder if one is given."""
    found = {}
    for name in names:
        if not (options.data / name).is_dir():
            print(f"{name}: not in {options.data}, left out", file=sys.stderr)
            continue
        corpus = read_corpus(options.data / name)
        chosen = evenly_spaced([r for r in rows(corpus) if 0.7 <= r.duration_s < 29], options.max)
        spoken = load_references(corpus, chosen)
        found[name] = scored(name, in_noise(spoken, noise, options.snr) if noise else spoken, options)
    return found


def in_noise(spoken: Sequence[SpokenReference], folder: Path, snr_db: float) -> list[SpokenReference]:
    background = BackgroundNoise(
        BackgroundOptions(folder=str(folder), babble_share=0, min_snr_db=snr_db, max_snr_db=snr_db), babble_paths=[]
    )
    rng = np.random.default_rng(SEED)
    return [replace(s, audio=np.clip(background(s.samples, rng), -1, 1)) for s in spoken]


def scored(name: str, spoken: Sequence[SpokenReference], options: Namespace) -> tuple[Scored, Scored]:
    engines = {"adaptive": Engine(resolve(options.model)), "stock": Engine(resolve(options.stock), context="full")}
    with tqdm(total=len(spoken), desc=name, unit="utterance", file=sys.stderr) as bar:
        found = score_engines(engines, spoken, lambda done, of: bar.update())
    return found["adaptive"], found["stock"]


def result(held_out: Pairs, noisy: Pairs, seen: Pairs, options: Namespace) -> dict:
    figures: dict[str, float] = {}
    reference: dict[str, float] = {}
    for name, (adaptive, stock) in {**held_out, **{f"{n}_noisy": p for n, p in noisy.items()}, **seen}.items():
        figures |= {f"{name}_wer": round(adaptive.score.wer, 4), f"{name}_rtf": round(adaptive.score.rtf, 4)}
        reference |= {f"{name}_wer": round(stock.score.wer, 4), f"{name}_rtf": round(stock.score.rtf, 4)}
    for kind, pairs in {"held_out": held_out, "noisy": noisy}.items():
        if pairs:
            figures |= compared(kind, pairs)
            reference |= errors(kind, pooled([stock.counts for _, stock in pairs.values()]))
    bars = {
        key: {"value": figures[key], "bar": bar, "met": figures[key] <= bar}
        for key, bar in ((f"{kind}_wer_difference", MAX_WER_LOSS) for kind in ("held_out", "noisy"))
        if key in figures
    }
    faster = figures["held_out_times_faster"]
    bars["held_out_times_faster"] = {"value": faster, "bar": MIN_TIMES_FASTER, "met": faster >= MIN_TIMES_FASTER}
    settings = {"model": options.model, "stock": options.stock, "beam_size": 1, "batch": 1, "held_out": [*held_out]}
    settings |= {"noise": options.noise and options.noise.name, "snr_db": options.snr} if options.noise else {}
    settings |= {"normaliser": SCORING.id, **versions("ctranslate2", "faster-whisper")}
    return {"hardware": hardware(), "settings": settings, "figures": figures, "reference": reference, "bars": bars}


def compared(kind: str, pairs: Pairs) -> dict[str, float]:
    """Pools all corpora of a kind and compares adaptive with stock."""
    a, b = (pooled([pair[i].counts for pair in pairs.values()]) for i in (0, 1))
    paired = paired_difference(a, b, np.random.default_rng(SEED))
    ratio = np.mean([stock.score.rtf for _, stock in pairs.values()]) / np.mean(
        [a.score.rtf for a, _ in pairs.values()]
    )
    return {
        f"{kind}_utterances": len(a.words),
        **errors(kind, a),
        f"{kind}_wer_difference": round(paired.difference, 4),
        f"{kind}_wer_difference_low": round(paired.low, 4),
        f"{kind}_wer_difference_high": round(paired.high, 4),
        f"{kind}_times_faster": round(float(ratio), 2),
    }


def errors(kind: str, counts: ErrorCounts) -> dict[str, float]:
    return {f"{kind}_wer": round(counts.wer, 4), f"{kind}_cer": round(counts.cer, 4)}


def pooled(counts: list[ErrorCounts]) -> ErrorCounts:
    return ErrorCounts(
        word_errors=np.concatenate([c.word_errors for c in counts]),
        words=np.concatenate([c.words for c in counts]),
        character_errors=np.concatenate([c.character_errors for c in counts]),
        characters=np.concatenate([c.characters for c in counts]),
    )


if __name__ == "__main__":
    run_command(main)
