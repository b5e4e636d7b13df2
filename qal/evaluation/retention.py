"""Retention check: does fine-tuning lower the quality on audio that was not trained on?

Compares the fine-tuned model with the original one on other datasets: error rate, language identification,
timestamps, long recordings, and words invented on sounds without speech."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.corpus.manifest import MANIFEST_FILE, Corpus, read_corpus
from qal.corpus.split import evenly_spaced
from qal.corpus.words import has_words
from qal.engine.decoding import TIMESTAMPS_PER_SECOND, DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.longform.transcription import transcribe_file
from qal.errors import CorpusError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.evaluation.invented_words import InventedWords, count_invented_words
from qal.evaluation.report import (
    FINE_TUNED,
    ORIGINAL,
    ROUNDED_DIGITS,
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
from qal.evaluation.wordless_sounds import wordless_sounds
from qal.text.error_measure import ErrorRate

WITH_TIMESTAMPS = DecodingOptions(timestamps=True)
TIMESTAMP_TOLERANCE_S = 1.0  # how far the last timestamp may lie behind the end of the audio (the model sees padding)
LONG_RECORDING_S, PAUSE_S = 125.0, 0.8
MAX_CROWD_VOICES = 32  # recordings from which the crowds are drawn
MAX_CORPORA = 3
MIN_LONG_RECORDING_LIMIT = 0.05  # WER, as a share; one recording is a small sample
ROUNDED_SHARE_DIGITS = 4
VARIANTS = 1 + len(FINE_TUNED)
PASSES = 3  # over the examples: error rates, languages and timestamps
LONG_RECORDING_UNITS, WORDLESS_UNITS = 8, 6  # work for one model, relative to one example
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
    usable = [corpus for corpus in corpora if any(has_words(row.text) for row in corpus.select("test"))]
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
    return VARIANTS * (PASSES * examples + LONG_RECORDING_UNITS + WORDLESS_UNITS)


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

    def scored(_done: int, _total: int) -> None:
        advance(len(variants.by_name()))

    long_recording: dict[Variant, ErrorRate] = {}
    for name, engine in variants.by_name().items():
        long_recording[name] = long_recording_rate(engine, examples)
        advance(LONG_RECORDING_UNITS)
    retention = Retention(
        corpora={name: corpus_retention(variants, references, scored) for name, references in corpora.items()},
        language_identification=share_retention(variants, examples, is_identified, advance),
        timestamps=share_retention(variants, examples, has_valid_timestamps, advance),
        long_recording=PerVariant(**{name: error_rate.rate for name, error_rate in long_recording.items()}),
        long_recording_measure=long_recording[ORIGINAL].measure,
    )
    voices = [example.samples for example in evenly_spaced(examples, MAX_CROWD_VOICES)]
    retention = with_invented_words(retention, variants, wordless_sounds(voices, np.random.default_rng(SEED)), advance)
    return retention.model_copy(update={"failures": tuple(failures(retention, limits))})


def corpus_retention(
    variants: ModelVariants, references: Sequence[SpokenReference], progress: ProgressCallback
) -> CorpusRetention:
    """Returns the error rates of each variant, and the difference of the fine-tuned ones to the original."""
    scored = score_engines(variants.by_name(), references, progress)
    original = scored[ORIGINAL]

    def tuned_wer(tuned: Scored) -> TunedWer:
        paired = paired_difference(tuned.counts, original.counts, np.random.default_rng(SEED))
        return TunedWer(wer=tuned.score.wer, cer=tuned.score.cer, **paired.model_dump()).rounded()

    return CorpusRetention(
        utterances=len(references),
        words=int(original.counts.words.sum()),
        measure=original.counts.measure,
        stock_30s=OriginalWer(wer=original.score.wer, cer=original.score.cer).rounded(),
        tuned_30s=tuned_wer(scored["tuned_30s"]),
        tuned_adaptive=tuned_wer(scored["tuned_adaptive"]),
    )


def share_retention(
    variants: ModelVariants,
    references: Sequence[SpokenReference],
    succeeds: Callable[[Engine, SpokenReference], bool],
    advance: Callable[[], object] = lambda: None,
) -> ShareRetention:
    """Returns the share of successes of each variant and what the fine-tuned ones lost; an example calls `advance`."""
    successes: dict[Variant, list[bool]] = {}
    for name, engine in variants.by_name().items():
        successes[name] = []
        for reference in references:
            successes[name].append(succeeds(engine, reference))
            advance()
    original = failure_counts(successes[ORIGINAL])

    def share(name: Variant) -> float:
        return round(float(np.mean(successes[name])), ROUNDED_SHARE_DIGITS)

    def tuned_share(name: Variant) -> TunedShare:
        paired = paired_difference(failure_counts(successes[name]), original, np.random.default_rng(SEED))
        return TunedShare(share=share(name), **paired.rounded().model_dump())

    return ShareRetention(
        stock_30s=OriginalShare(share=share(ORIGINAL)),
        tuned_30s=tuned_share("tuned_30s"),
        tuned_adaptive=tuned_share("tuned_adaptive"),
    )


def failure_counts(successes: Sequence[bool]) -> ErrorCounts:
    """Counts failures as errors, (n,), so that their rate is compared like an error rate."""
    errors = 1 - np.asarray(successes, int)
    lengths = np.ones(len(successes), int)
    return ErrorCounts(errors, lengths, errors, lengths)


def is_identified(engine: Engine, reference: SpokenReference) -> bool:
    """True if the engine detects the language of the example."""
    transcript = engine.transcribe([Utterance(reference.samples)], DecodingOptions(max_tokens=1))[0]
    return transcript.language == reference.language


def has_valid_timestamps(engine: Engine, reference: SpokenReference) -> bool:
    """True if there are at least two timestamps, in order, and the last one lies within the audio."""
    samples = reference.samples  # decoded anew at each use
    (transcript,) = engine.transcribe([Utterance(samples, reference.language)], WITH_TIMESTAMPS)
    ids = engine.tokenizer.timestamp_ids
    times = [ids.index(token) / TIMESTAMPS_PER_SECOND for token in transcript.tokens if token in ids]
    ordered = all(earlier <= later for earlier, later in pairwise(times))
    return len(times) >= 2 and ordered and times[-1] <= seconds(samples) + TIMESTAMP_TOLERANCE_S


def long_recording_rate(engine: Engine, references: Sequence[SpokenReference]) -> ErrorRate:
    """Returns the error rate on a recording of over two minutes: examples of the most frequent language with pauses."""
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
    counts = count_errors([" ".join(texts)], [" ".join(s.text for s in segments)], language)
    return ErrorRate(counts.measure, round(counts.rate, ROUNDED_DIGITS))


def with_invented_words(
    retention: Retention,
    variants: ModelVariants,
    sounds: Sequence[Samples],
    advance: Callable[[int], object] = lambda units: None,
) -> Retention:
    """Adds the numbers of words that each variant invents on sounds without speech; `advance` is given its units."""
    counted: dict[Variant, InventedWords] = {}
    for name, engine in variants.by_name().items():
        counted[name] = count_invented_words(engine, sounds)
        advance(WORDLESS_UNITS)
    changes = {
        "sounds": len(sounds),
        "invented_words": PerVariant(**{name: words.direct for name, words in counted.items()}),
        "invented_words_screened": PerVariant(**{name: words.screened for name, words in counted.items()}),
    }
    return retention.model_copy(update=changes)


def failures(retention: Retention, limits: RetentionLimits) -> list[str]:
    """Returns one sentence for each loss beyond its limit; differences that may be chance are no failures."""
    sentences = [
        f"{name}: {corpus.measure} {100 * loss.difference:.1f} points higher than with the original model "
        f"({WINDOWS[variant]})"
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
    long = retention.long_recording
    if long and (loss := long.tuned_adaptive - long.stock_30s) > max(limits.wer, MIN_LONG_RECORDING_LIMIT):
        sentences.append(
            f"recording of over two minutes: {retention.long_recording_measure} {100 * loss:.1f} points higher than "
            "with the original model"
        )
    return sentences + _inventions(retention)


def _inventions(retention: Retention) -> list[str]:
    """Returns a sentence for each figure of invented words that is above the original model's.

    The original model invents a word on some sounds, so that the model itself may write one more on each sound; what
    passes the screening is shown to users, so that one more word is a loss."""
    figures = (
        ("", retention.invented_words, retention.sounds or 0),
        (" after screening", retention.invented_words_screened, 0),
    )
    return [
        f"{invented.tuned_adaptive} words invented{where} on {retention.sounds} sounds without speech; the original "
        f"model invents {invented.stock_30s}"
        for where, invented, allowed in figures
        if invented and invented.tuned_adaptive > invented.stock_30s + allowed
    ]


def _significant_losses(
    tuned_30s: PairedDifference, tuned_adaptive: PairedDifference, limit: float
) -> list[tuple[Variant, PairedDifference]]:
    """Returns the variants whose loss is above the limit and whose interval lies above zero."""
    losses = zip(FINE_TUNED, (tuned_30s, tuned_adaptive), strict=True)
    return [(variant, loss) for variant, loss in losses if loss.difference > limit and loss.low > 0]
