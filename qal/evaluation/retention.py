"""What fine-tuning must not break: other languages and voices, language identification, time stamps, long recordings,
silence. The tuned weights against the stock ones, on real sound that was not trained on."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.corpus.manifest import MANIFEST, Corpus, read_corpus
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.longform import transcribe_file
from qal.errors import CorpusError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.scoring import SEED, Progress, SpokenReference, score_engines

STAMPED = DecodingOptions(timestamps=True)
STAMP_S = 0.02  # between two time stamps of the vocabulary
LATE_S = 1.0  # so much after the sound's end a time stamp may lie: the model hears padding, too
LONG_S, PAUSE_S = 125.0, 0.8
SILENCE_S, NOISE_FLOOR = 20, 3e-3
MOST_CORPORA = 3
LOG = logging.getLogger("qal")


def corpora_beside(trained: Sequence[Corpus]) -> list[Corpus]:
    """At most MOST_CORPORA that lie beside the trained ones, other languages first. Broken ones are left out."""
    own = {corpus.folder.resolve() for corpus in trained}
    folders = {path.parent for folder in own for path in folder.parent.glob(f"*/{MANIFEST}")}
    found = []
    for folder in sorted(folders - own):
        try:
            found.append(read_corpus(folder))
        except CorpusError as error:
            LOG.warning("%s is not asked what was kept: %s", folder.name, error)
    spoken = {language for corpus in trained for language in corpus.info.languages}
    found = [c for c in found if any(r.text for r in c.select("test"))]
    return sorted(found, key=lambda c: bool(spoken & set(c.info.languages)))[:MOST_CORPORA]


@dataclass(frozen=True)
class Forms:
    """The same architecture three times."""

    stock_30s: Engine
    tuned_30s: Engine
    tuned_adaptive: Engine

    def named(self) -> dict[str, Engine]:
        return vars(self)


@dataclass(frozen=True)
class Bounds:
    """Shares; past them a run says so."""

    wer: float
    languages: float = 0.05
    timestamps: float = 0.05


def check_retention(
    forms: Forms,
    corpora: Mapping[str, Sequence[SpokenReference]],
    bounds: Bounds,
    progress: Progress = lambda done, of: None,
) -> dict:
    """-> what report.json says under "retention"; "failures" are sentences, [] when all is well."""
    every = [r for references in corpora.values() for r in references]
    done = 0

    def step(_done: int, _of: int) -> None:
        nonlocal done
        done += 1
        progress(done, len(every))

    found = {
        "corpora": {name: words_kept(forms, references, step) for name, references in corpora.items()},
        "language_identification": share_kept(forms, every, is_identified),
        "timestamps": share_kept(forms, every, has_valid_stamps),
        "long_recording": {name: long_wer(engine, every) for name, engine in forms.named().items()},
        "words_on_silence": {name: words_on_silence(engine) for name, engine in forms.named().items()},
    }
    return {**found, "failures": failures(found, bounds)}


def words_kept(forms: Forms, references: Sequence[SpokenReference], progress: Progress) -> dict:
    """WER of each form; and the tuned ones' difference to stock with its 95 % interval."""
    scored = score_engines(forms.named(), references, progress)
    result: dict = {"utterances": len(references)}
    for name, one in scored.items():
        result[name] = {"wer": round(one.score.wer, 5)}
        if name != "stock_30s":
            paired = paired_difference(one.counts, scored["stock_30s"].counts, np.random.default_rng(SEED))
            result[name] |= {key: round(value, 5) for key, value in vars(paired).items()}
    return result


def share_kept(
    forms: Forms, references: Sequence[SpokenReference], succeeds: Callable[[Engine, SpokenReference], bool]
) -> dict:
    """Share of utterances on which each form succeeds; and what the tuned ones lost, with its 95 % interval."""
    tried = {name: [succeeds(engine, r) for r in references] for name, engine in forms.named().items()}
    stock = _failed(tried["stock_30s"])
    result: dict = {}
    for name, right in tried.items():
        result[name] = {"share": round(float(np.mean(right)), 4)}
        if name != "stock_30s":
            paired = paired_difference(_failed(right), stock, np.random.default_rng(SEED))
            result[name] |= {key: round(value, 5) for key, value in vars(paired).items()}
    return result


def _failed(right: Sequence[bool]) -> ErrorCounts:
    """Failures counted as errors, so that their rate is compared as error rates are."""
    wrong, each = 1 - np.asarray(right, int), np.ones(len(right), int)
    return ErrorCounts(wrong, each, wrong, each)


def is_identified(engine: Engine, reference: SpokenReference) -> bool:
    found = engine.transcribe([Utterance(reference.samples)], DecodingOptions(max_tokens=1))[0]
    return found.language == reference.language


def has_valid_stamps(engine: Engine, reference: SpokenReference) -> bool:
    """They begin, rise, and end with the sound."""
    (transcript,) = engine.transcribe([Utterance(reference.samples, reference.language)], STAMPED)
    first = engine.tokenizer.no_timestamps + 1
    times = [STAMP_S * (token - first) for token in transcript.tokens if token >= first]
    ordered = all(a <= b for a, b in pairwise(times))
    return len(times) >= 2 and ordered and times[-1] <= seconds(reference.samples) + LATE_S


def long_wer(engine: Engine, references: Sequence[SpokenReference]) -> float:
    """WER on the utterances of one language, one after the other in a recording of over two minutes."""
    language = max({r.language for r in references}, key=lambda code: sum(r.language == code for r in references))
    chosen = [r for r in references if r.language == language]
    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE), np.float32)
    parts: list[Samples] = []
    texts: list[str] = []
    while sum(map(len, parts)) < LONG_S * SAMPLE_RATE:
        spoken = chosen[len(texts) % len(chosen)]
        parts += [spoken.samples, pause]
        texts.append(spoken.text)
    segments = transcribe_file(engine, np.concatenate(parts), language)
    return round(count_errors([" ".join(texts)], [" ".join(s.text for s in segments)]).wer, 5)


def words_on_silence(engine: Engine) -> int:
    """Words written into silence, and into a faint hiss."""
    silence = np.zeros(SILENCE_S * SAMPLE_RATE, np.float32)
    hiss = np.random.default_rng(SEED).normal(0, NOISE_FLOOR, len(silence)).astype(np.float32)
    return sum(len(s.text.split()) for sound in (silence, hiss) for s in transcribe_file(engine, sound))


def failures(found: dict, bounds: Bounds) -> list[str]:
    """A sentence for each loss beyond its bound whose interval lies above zero: else it may be chance."""
    sentences = []
    words = [(name, "points more word errors", forms, bounds.wer) for name, forms in found["corpora"].items()]
    shares = [
        ("languages found", "points fewer", found["language_identification"], bounds.languages),
        ("valid time stamps", "points fewer", found["timestamps"], bounds.timestamps),
    ]
    for what, change, forms, bound in [*words, *shares]:
        for form, where in (("tuned_30s", "at 30 s"), ("tuned_adaptive", "at adaptive context")):
            lost = forms[form]["difference"]
            if lost > bound and forms[form]["low"] > 0:
                sentences.append(f"{what}: {100 * lost:.1f} {change} than stock ({where})")
    lost = found["long_recording"]["tuned_adaptive"] - found["long_recording"]["stock_30s"]
    if lost > max(bounds.wer, 0.05):
        sentences.append(f"a recording of over two minutes: {100 * lost:.1f} points more word errors than stock")
    invented = found["words_on_silence"]
    if invented["tuned_adaptive"] > invented["stock_30s"]:
        before = invented["stock_30s"]
        sentences.append(f"{invented['tuned_adaptive']} words invented on silence, where stock invents {before}")
    return sentences
