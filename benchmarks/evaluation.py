"""python -m benchmarks.evaluation: how fast, and how right, the figures of an evaluation are.

100,000 generated pairs of texts are scored with intervals in a process of their own. The error rates are compared with
jiwer's, the intervals with kaldialign's bootstrap, and the normaliser whisper-english with the one in Transformers. The
paired test is tried on two runs of one model, and on a model that was made worse. At last a stock model is scored on
--corpora, all splits together: it was trained on none of them."""

import json
import multiprocessing
import random
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jsonargparse import Namespace

from benchmarks.hardware import hardware, versions
from benchmarks.progress import report_progress
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.corpus.manifest import read_corpus
from qal.corpus.split import SPLITS
from qal.evaluation.bootstrap import error_intervals, paired_difference
from qal.evaluation.breakdown import SEED, counted, figures
from qal.evaluation.comparison.differences import ALPHA
from qal.evaluation.error_rates import ErrorCounts, count_errors, word_rates
from qal.evaluation.records import ScoredRow
from qal.evaluation.stored import Request, obtain
from qal.text.normalisation.registry import find_normaliser

WORDS_PER_TEXT = 10
ERROR_SHARE = 0.12  # of the words
SPEAKERS = 300
VOCABULARY = 20_000
SYLLABLES = [
    "ka",
    "lo",
    "mi",
    "ру",
    "те",
    "на",
    "ሰላ",
    "ም",
    "ቃል",
    "do",
    "re",
    "si",
    "бо",
    "ви",
    "tan",
    "ger",
    "é",
    "n't",
]
COMPARED_PAIRS = 20_000  # with jiwer
INTERVAL_SETS, INTERVAL_PAIRS = 5, 1500  # with kaldialign
DRAWS, DRAWN_UTTERANCES = 100, 400  # of the paired test
UNSTABLE_SHARE = 0.3  # of the utterances, which two runs of one model decode differently
MADE_WORSE = 0.03  # of the words, in addition
NORMALISED_TEXTS = 5000
BARS = {
    "score_100000_pairs_s": 60,
    "score_100000_pairs_mb": 1000,
    "wer_difference_to_jiwer": 1e-12,
    "interval_difference_to_kaldialign_points": 0.2,
    "same_model_no_difference_of_100": 95,
    "worse_model_found_of_100": 95,
    "whisper_english_different_texts": 0,
}
AT_LEAST = {"same_model_no_difference_of_100", "worse_model_found_of_100"}
ENGLISH = [
    *("one", "two", "twenty", "three", "hundred", "thousand", "million", "point", "oh", "double", "percent", "dollars"),
    *("first", "3rd", "1960s", "minus", "$20", "£5", "¢50", "1,000", "3.14", "50%", "colour", "organise", "theatre"),
    *("won't", "can't", "let's", "I'm", "she'd", "been", "it's", "got", "Mr.", "Dr.", "St.", "hmm", "uh", "[noise]"),
    *("(aside)", "café", "naïve", "Œuvre", "—", "…", "'", "and", "the", "of", "nan", "cents", "pounds", "half"),
]


def main() -> None:
    parser = make_parser("python -m benchmarks.evaluation", __doc__ or "")
    parser.add_argument("--pairs", type=int, default=100_000, help="pairs of texts that are scored at once")
    parser.add_argument("--corpora", type=Path, nargs="*", default=[], help="datasets on which the model is scored")
    parser.add_argument("--model", default="base", help="the model that is scored")
    parser.add_argument("--max", type=int, default=100, help="examples of each split of a dataset, at most")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    found = large(options.pairs) | against_jiwer() | against_kaldialign() | paired_tests() | against_transformers()
    scores = {folder.name: scored(options, folder) for folder in options.corpora}
    settings = {"pairs": options.pairs, "model": options.model, "max": options.max, "draws": DRAWS}
    settings |= {"normaliser": find_normaliser("basic").id, "error_share": ERROR_SHARE}
    settings |= versions(
        "jiwer", "kaldialign", "whisper-normalizer", "transformers", "rapidfuzz", "numpy", "ctranslate2"
    )
    result = {
        "hardware": hardware(),
        "settings": settings,
        "figures": found | {f"{name}_{key}": value for name, score in scores.items() for key, value in score.items()},
        "reference": {"jiwer": "WER, MER and WIL", "kaldialign": "95 % intervals", "transformers": "whisper-english"},
        "bars": bars(found),
    }
    print(json.dumps(result, indent=None if options.json else 2))


def bars(found: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Compares the figures that were measured with the bars of the product."""
    return {
        name: {"value": found[name], "bar": bar, "met": found[name] >= bar if name in AT_LEAST else found[name] <= bar}
        for name, bar in BARS.items()
        if name in found
    }


def large(pairs: int) -> dict[str, float]:
    """Times the scores of many pairs with all intervals, in a process of its own."""
    report_progress(f"scoring {pairs:,} pairs")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        found, peak_mb = process.submit(score_generated, pairs).result()
    return {f"score_{pairs}_pairs_s": round(found, 1), f"score_{pairs}_pairs_mb": round(peak_mb)}


def score_generated(pairs: int) -> tuple[float, float]:
    """Returns the seconds that the figures of generated rows take, and the peak memory of this process in MB."""
    rows = generated_rows(pairs)
    started = time.perf_counter()
    total = figures(counted(rows))
    seconds = time.perf_counter() - started
    assert total.by_speaker is not None  # both kinds of intervals were computed
    status = Path("/proc/self/status").read_text()  # getrusage would give the peak of the parent if that is higher
    return seconds, int(status.split("VmHWM:")[1].split()[0]) / 1000


def generated_rows(count: int) -> list[ScoredRow]:
    references, hypotheses = generated_pairs(count, SEED)
    return [
        ScoredRow(
            audio=f"{i}.wav", reference=r, hypothesis=h, language="en", speaker=f"s{i % SPEAKERS}", duration_s=4.0
        )
        for i, (r, h) in enumerate(zip(references, hypotheses, strict=True))
    ]


def generated_pairs(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Returns references, and transcripts in which words are missing, wrong or added."""
    rng = random.Random(seed)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(VOCABULARY)]
    references = [" ".join(rng.choices(words, k=rng.randint(1, 2 * WORDS_PER_TEXT - 1))) for _ in range(count)]
    return references, [with_errors(text, words, rng) for text in references]


def with_errors(text: str, words: Sequence[str], rng: random.Random) -> str:
    heard: list[str] = []
    for word in text.split():
        kind = rng.random() / ERROR_SHARE
        if kind < 0.25:
            continue
        heard.append(rng.choice(words) if kind < 0.75 else word)
        heard += [rng.choice(words)] if 0.75 <= kind < 1 else []
    return " ".join(heard)


def against_jiwer() -> dict[str, float]:
    """Returns the largest differences of the rates to those of jiwer on the same normalised strings."""
    import jiwer

    report_progress("comparing with jiwer")
    references, hypotheses = generated_pairs(COMPARED_PAIRS, 2)
    normaliser = find_normaliser("basic")
    counts = count_errors(references, hypotheses, "en", normaliser)
    said, heard = ([normaliser.apply(text, "en") for text in side] for side in (references, hypotheses))
    theirs = jiwer.process_words(said, heard)
    mer, wil = word_rates(counts)
    return {
        "wer_difference_to_jiwer": abs(counts.wer - theirs.wer),
        "mer_difference_to_jiwer": abs(mer - theirs.mer),
        "wil_difference_to_jiwer": abs(wil - theirs.wil),
    }


def against_kaldialign() -> dict[str, float]:
    """Returns the largest difference of a bound of an interval to kaldialign's, in points."""
    from kaldialign import bootstrap_wer_ci

    report_progress("comparing with kaldialign")
    largest = 0.0
    for seed in range(INTERVAL_SETS):
        sides = generated_pairs(INTERVAL_PAIRS, seed)
        ours = error_intervals(count_errors(*sides, "en"), np.random.default_rng(SEED)).wer
        apply = find_normaliser("basic").apply
        said, heard = ([apply(text, "en").split() for text in side] for side in sides)
        theirs = bootstrap_wer_ci(said, heard, seed=seed)
        largest = max(largest, abs(ours.low - theirs["ci95min"]), abs(ours.high - theirs["ci95max"]))
    return {"interval_difference_to_kaldialign_points": round(100 * largest, 3)}


def paired_tests() -> dict[str, float]:
    """Counts the draws in which the paired test finds a difference, where there is none and where one was made."""
    report_progress("drawing pairs of runs")
    rng = np.random.default_rng(SEED)
    same = sum(finds_difference(rng, 0.0) for _ in range(DRAWS))
    worse = sum(finds_difference(rng, MADE_WORSE) for _ in range(DRAWS))
    return {"same_model_no_difference_of_100": DRAWS - same, "worse_model_found_of_100": worse}


def finds_difference(rng: np.random.Generator, worse: float) -> bool:
    """True if the test calls two runs different. Both have the same errors but in the utterances that are unstable."""
    words = rng.integers(1, 2 * WORDS_PER_TEXT, DRAWN_UTTERANCES)
    share = rng.beta(1, 1 / ERROR_SHARE - 1, DRAWN_UTTERANCES)  # some utterances are harder than others
    stable = rng.binomial(words, share)
    unstable = rng.random(DRAWN_UTTERANCES) < UNSTABLE_SHARE
    runs = [np.where(unstable, rng.binomial(words, share), stable) for _ in range(2)]
    runs[0] = runs[0] + rng.binomial(words - np.minimum(words, runs[0]), worse)
    a, b = (ErrorCounts(errors, words, errors, words) for errors in runs)
    return paired_difference(a, b, rng).p < ALPHA


def against_transformers() -> dict[str, float]:
    """Counts texts that whisper-english normalises otherwise than the copy of Whisper's code in Transformers."""
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    report_progress("comparing whisper-english")
    table = files("whisper_normalizer").joinpath("normalizers", "english.json").read_text(encoding="utf-8")
    published, ours = EnglishTextNormalizer(json.loads(table)), find_normaliser("whisper-english").apply
    rng = random.Random(SEED)
    texts = [" ".join(rng.choices(ENGLISH, k=rng.randint(1, 12))) for _ in range(NORMALISED_TEXTS)]
    different = sum(ours(text, "en") != published(text).strip() for text in texts)
    return {"whisper_english_different_texts": different}


def scored(options: Namespace, folder: Path) -> dict[str, float]:
    """Scores the model on a dataset with both usual normalisers."""
    rows: list[ScoredRow] = []
    utterances = read_corpus(folder).info.utterances
    with tempfile.TemporaryDirectory() as store:
        for split in SPLITS:
            if utterances[split]:
                report_progress(f"{options.model} on {folder.name}, {split}")
                rows += obtain(Request(options.model, folder, split, max_rows=options.max), Path(store)).rows
    found: dict[str, float] = {"utterances": len(rows)}
    for name in ("basic", "whisper-english"):
        normaliser = find_normaliser(name)
        total = figures(counted(rows, normaliser))
        rate = {"wer": total.wer.rate, "wer_low": total.wer.low, "wer_high": total.wer.high, "cer": total.cer.rate}
        found |= {f"{key}_{normaliser.id}": round(value, 4) for key, value in rate.items()}
        found |= {"words": total.words, "rtf": round(total.rtf or 0.0, 3)}
    return found


if __name__ == "__main__":
    run_command(main)
