"""Retention check: does fine-tuning lower the quality on audio that was not trained on?

Compares the fine-tuned model with the original one on other datasets: word error rate, language identification,
timestamps, long recordings, and words written on silence."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.corpus.manifest import MANIFEST_FILE, Corpus, read_corpus
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.longform import transcribe_file
from qal.errors import CorpusError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.report import (
    FINE_TUNED,
    ORIGINAL,
    WINDOWS,
    CorpusRetention,
    OriginalShare,
    OriginalWer,
    PairedDifference,
    PerVariant,
    Retention,
    ShareRetention,
    TunedShare,
    TunedWer,
    Variant,
)
from qal.evaluation.scoring import SEED, ProgressCallback, Scored, SpokenReference, no_progress, score_engines

WITH_TIMESTAMPS = DecodingOptions(timestamps=True)
TIMESTAMP_STEP_S = 0.02  # between two timestamp tokens of the vocabulary
TIMESTAMP_TOLERANCE_S = 1.0  # how far the last timestamp may lie behind the end of the audio (the model sees padding)
LONG_RECORDING_S, PAUSE_S = 125.0, 0.8
SILENCE_S, NOISE_FLOOR = 20, 3e-3
MAX_CORPORA = 3
MIN_LONG_RECORDING_LIMIT = 0.05  # WER, as a share; one recording is a small sample
ROUNDED_SHARE_DIGITS = 4
VARIANTS = 1 + len(FINE_TUNED)
PASSES = 3  # over the examples: error rates, languages and timestamps
LONG_RECORDING_UNITS, SILENCE_UNITS = 8, 2  # work for one model, relative to one example
LOG = logging.getLogger("qal")


def sibling_corpora(trained: Sequence[Corpus]) -> list[Corpus]:
    """Returns up to MAX_CORPORA other corpora of the same parent folder that have a transcribed test split.

    Corpora in other languages come first. Unreadable ones are logged and ignored."""
    own_folders = {corpus.folder.resolve() for corpus in trained}
    folders = {path.parent for folder in own_folders for path in folder.parent.glob(f"*/{MANIFEST_FILE}")}
    corpora = []
    for folder in sorted(folders - own_folders):
        try:
            corpora.append(read_corpus(folder))
        except CorpusError as error:
            LOG.warning("%s is not used for the retention check: %s", folder.name, error)
    trained_languages = {language for corpus in trained for language in corpus.info.languages}
    usable = [corpus for corpus in corpora if any(row.text for row in corpus.select("test"))]
    return sorted(usable, key=lambda corpus: bool(trained_languages & set(corpus.info.languages)))[:MAX_CORPORA]


@dataclass(frozen=True)
class ModelVariants:
    """The engines of the three models that a report compares."""

    stock_30s: Engine
    tuned_30s: Engine
    tuned_adaptive: Engine

    def by_name(self) -> dict[Variant, Engine]:
        return {
            "stock_30s": self.stock_30s,
            "tuned_30s": self.tuned_30s,
            "tuned_adaptive": self.tuned_adaptive,
        }


@dataclass(frozen=True)
class RetentionLimits:
    """Largest losses that are not a failure, as shares."""

    wer: float
    language_identification: float = 0.05
    timestamps: float = 0.05


def retention_units(examples: int) -> int:
    """The number of units of work that `check_retention` reports as its progress; a unit is one example for one model.

    Args:
        examples: number of examples of all corpora together."""
    return VARIANTS * (PASSES * examples + LONG_RECORDING_UNITS + SILENCE_UNITS)


def check_retention(
    variants: ModelVariants,
    corpora: Mapping[str, Sequence[SpokenReference]],
    limits: RetentionLimits,
    progress: ProgressCallback = no_progress,
) -> Retention:
    """Measures all figures of `Retention` on the examples of each corpus."""
    examples = [example for references in corpora.values() for example in references]
    units, total = 0, retention_units(len(examples))

    def advance(count: int = 1) -> None:
        nonlocal units
        units += count
        progress(units, total)

    def per_variant(measure: Callable[[Engine], float], count: int) -> PerVariant:
        values = {}
        for name, engine in variants.by_name().items():
            values[name] = measure(engine)
            advance(count)
        return PerVariant(**values)

    def scored(_done: int, _total: int) -> None:
        advance(len(variants.by_name()))

    retention = Retention(
        corpora={name: corpus_retention(variants, references, scored) for name, references in corpora.items()},
        language_identification=share_retention(variants, examples, is_identified, advance),
        timestamps=share_retention(variants, examples, has_valid_timestamps, advance),
        long_recording=per_variant(lambda engine: long_recording_wer(engine, examples), LONG_RECORDING_UNITS),
        words_on_silence=per_variant(words_on_silence, SILENCE_UNITS),
    )
    return retention.model_copy(update={"failures": tuple(failures(retention, limits))})


def corpus_retention(
    variants: ModelVariants, references: Sequence[SpokenReference], progress: ProgressCallback
) -> CorpusRetention:
    """Returns the WER of each variant, and the difference of the fine-tuned ones to the original."""
    scored = score_engines(variants.by_name(), references, progress)
    original = scored[ORIGINAL]

    def tuned_wer(tuned: Scored) -> TunedWer:
        paired = paired_difference(tuned.counts, original.counts, np.random.default_rng(SEED))
        return TunedWer(wer=tuned.score.wer, **paired.model_dump()).rounded()

    return CorpusRetention(
        utterances=len(references),
        stock_30s=OriginalWer(wer=original.score.wer).rounded(),
        tuned_30s=tuned_wer(scored["tuned_30s"]),
        tuned_adaptive=tuned_wer(scored["tuned_adaptive"]),
    )


def share_retention(
    variants: ModelVariants,
    references: Sequence[SpokenReference],
    succeeds: Callable[[Engine, SpokenReference], bool],
    advance: Callable[[], object] = lambda: None,
) -> ShareRetention:
    """Returns the share of examples on which each variant succeeds, and the share that the fine-tuned ones lost.

    `advance` is called after each example of each variant."""
    successes: dict[Variant, list[bool]] = {}
    for name, engine in variants.by_name().items():
        successes[name] = []
        for reference in references:
            successes[name].append(succeeds(engine, reference))
            advance()
    original = _failure_counts(successes[ORIGINAL])

    def share(name: Variant) -> float:
        return round(float(np.mean(successes[name])), ROUNDED_SHARE_DIGITS)

    def tuned_share(name: Variant) -> TunedShare:
        paired = paired_difference(_failure_counts(successes[name]), original, np.random.default_rng(SEED))
        return TunedShare(share=share(name), **paired.rounded().model_dump())

    return ShareRetention(
        stock_30s=OriginalShare(share=share(ORIGINAL)),
        tuned_30s=tuned_share("tuned_30s"),
        tuned_adaptive=tuned_share("tuned_adaptive"),
    )


def _failure_counts(successes: Sequence[bool]) -> ErrorCounts:
    """Counts failures as errors, so that their rate is compared like an error rate."""
    errors = 1 - np.asarray(successes, int)
    lengths = np.ones(len(successes), int)
    return ErrorCounts(errors, lengths, errors, lengths)


def is_identified(engine: Engine, reference: SpokenReference) -> bool:
    """True if the engine detects the language of the example."""
    transcript = engine.transcribe([Utterance(reference.samples)], DecodingOptions(max_tokens=1))[0]
    return transcript.language == reference.language


def has_valid_timestamps(engine: Engine, reference: SpokenReference) -> bool:
    """True if there are at least two timestamps, in order, and the last one lies within the audio."""
    (transcript,) = engine.transcribe([Utterance(reference.samples, reference.language)], WITH_TIMESTAMPS)
    first = engine.tokenizer.no_timestamps + 1
    times = [TIMESTAMP_STEP_S * (token - first) for token in transcript.tokens if token >= first]
    ordered = all(earlier <= later for earlier, later in pairwise(times))
    return len(times) >= 2 and ordered and times[-1] <= seconds(reference.samples) + TIMESTAMP_TOLERANCE_S


def long_recording_wer(engine: Engine, references: Sequence[SpokenReference]) -> float:
    """Returns the WER on a recording of over two minutes: examples of the most frequent language with pauses."""
    languages = [reference.language for reference in references]
    language = max(set(languages), key=languages.count)
    chosen = [reference for reference in references if reference.language == language]
    pause = np.zeros(int(PAUSE_S * SAMPLE_RATE), np.float32)
    pieces: list[Samples] = []
    texts: list[str] = []
    while sum(map(len, pieces)) < LONG_RECORDING_S * SAMPLE_RATE:
        example = chosen[len(texts) % len(chosen)]
        pieces += [example.samples, pause]
        texts.append(example.text)
    segments = transcribe_file(engine, np.concatenate(pieces), language)
    return round(count_errors([" ".join(texts)], [" ".join(s.text for s in segments)]).wer, 5)


def words_on_silence(engine: Engine) -> int:
    """Counts the words that the engine writes on silence and on faint noise."""
    silence = np.zeros(SILENCE_S * SAMPLE_RATE, np.float32)
    noise = np.random.default_rng(SEED).normal(0, NOISE_FLOOR, len(silence)).astype(np.float32)
    return sum(len(s.text.split()) for samples in (silence, noise) for s in transcribe_file(engine, samples))


def failures(retention: Retention, limits: RetentionLimits) -> list[str]:
    """Returns one sentence for each loss beyond its limit; differences that may be chance are no failures."""
    sentences = [
        f"{name}: WER {100 * loss.difference:.1f} points higher than with the original model ({WINDOWS[variant]})"
        for name, corpus in retention.corpora.items()
        for variant, loss in _significant_losses(corpus.tuned_30s, corpus.tuned_adaptive, limits.wer)
    ]
    shares = (
        ("languages identified", retention.language_identification, limits.language_identification),
        ("valid timestamps", retention.timestamps, limits.timestamps),
    )
    sentences += [
        f"{name}: {100 * loss.difference:.1f} points fewer than with the original model ({WINDOWS[variant]})"
        for name, figures, limit in shares
        if figures
        for variant, loss in _significant_losses(figures.tuned_30s, figures.tuned_adaptive, limit)
    ]
    long, silence = retention.long_recording, retention.words_on_silence
    if long and (loss := long.tuned_adaptive - long.stock_30s) > max(limits.wer, MIN_LONG_RECORDING_LIMIT):
        sentences.append(
            f"recording of over two minutes: WER {100 * loss:.1f} points higher than with the original model"
        )
    if silence and silence.tuned_adaptive > silence.stock_30s:
        sentences.append(
            f"{silence.tuned_adaptive} words written on silence; the original model writes {silence.stock_30s}"
        )
    return sentences


def _significant_losses(
    tuned_30s: PairedDifference, tuned_adaptive: PairedDifference, limit: float
) -> list[tuple[Variant, PairedDifference]]:
    """Returns the variants whose loss is above the limit and whose interval lies above zero."""
    losses = zip(FINE_TUNED, (tuned_30s, tuned_adaptive), strict=True)
    return [(variant, loss) for variant, loss in losses if loss.difference > limit and loss.low > 0]
